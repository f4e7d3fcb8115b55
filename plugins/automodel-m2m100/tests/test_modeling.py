"""M2M100's models alone: what makes them M2M100, translation, files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import automodel_m2m100
from automodel_core.layers import LayerInputs
from automodel_core.testing import model_names

HEADS = model_names("m2m_100")


def test_positions_skip_padding(make, input_ids) -> None:
    model = make("M2M100Model")
    alone = model.encoder(input_ids)[0]
    padding = torch.full((2, 3), 1)
    mask = torch.tensor([[0] * 3 + [1] * 7] * 2)
    padded = model.encoder(torch.cat([padding, input_ids], dim=1), mask)[0]
    torch.testing.assert_close(padded[:, 3:], alone, rtol=1e-4, atol=1e-4)


def test_embeddings_are_scaled_and_not_normalised(make, input_ids) -> None:
    model = make("M2M100Model")
    states = model.encoder(input_ids, output_hidden_states=True).hidden_states
    part = model.encoder.embeddings
    expected = part.embed_tokens.weight[input_ids] * 4.0 + part.embed_positions.table[2:9]
    torch.testing.assert_close(states[0], expected)
    plain = make("M2M100Model", scale_embedding=False).encoder.embeddings
    assert plain.embed_tokens.scale == 1.0


def test_each_part_is_normalised_before_it_runs(make, input_ids) -> None:
    model = make("M2M100Model")
    states = model.encoder(input_ids, output_hidden_states=True).hidden_states
    layer = model.encoder.stack.layers[0]
    attended, _ = layer.self_attn(layer.self_attn_norm(states[0]))
    first = states[0] + attended
    torch.testing.assert_close(states[1], first + layer.mlp(layer.mlp_norm(first)))
    last, _ = model.encoder.stack.layers[1](states[1], LayerInputs())
    torch.testing.assert_close(states[-1], model.encoder.stack.norm(last))


def test_texts_may_be_longer_than_what_is_computed_ahead(make) -> None:
    model = make("M2M100ForConditionalGeneration", max_position_embeddings=4)
    wide = make("M2M100ForConditionalGeneration", max_position_embeddings=40)
    ids = torch.randint(4, 53, (1, 30), generator=torch.Generator().manual_seed(2))
    given = {"input_ids": ids, "decoder_input_ids": ids[:, :20]}
    torch.testing.assert_close(model(**given).logits, wide(**given).logits)
    assert model.config.position_limit is None
    found = model.generate(ids, max_new_tokens=9, min_new_tokens=9)
    assert found.tolist() == wide.generate(ids, max_new_tokens=9, min_new_tokens=9).tolist()


def test_translation_begins_with_the_language(make, input_ids) -> None:
    model = make("M2M100ForConditionalGeneration")
    for beams in (1, 3):
        options = {"forced_bos_token_id": 9, "num_beams": beams, "max_new_tokens": 5}
        found = model.generate(input_ids, **options)
        assert found[:, :2].tolist() == [[2, 9], [2, 9]]
        assert found.tolist() == model.generate(input_ids, **options, use_cache=False).tolist()


def test_a_loss_that_training_lowers(make, input_ids) -> None:
    model = make("M2M100ForConditionalGeneration", encoder_layerdrop=0.3).train()
    labels = input_ids.clone()
    labels[0, -2:] = -100
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = model(input_ids=input_ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < sum(losses[:5]) / 2
    shifted = model.prepare_decoder_input_ids_from_labels(labels)
    assert shifted[:, 0].tolist() == [2, 2]
    assert shifted[0, -1] == 1


@pytest.mark.parametrize("head", HEADS)
def test_saved_and_loaded_again(make, tmp_path: Path, head: str) -> None:
    model = make(head)
    model.save_pretrained(tmp_path)
    kind = getattr(automodel_m2m100, head)
    again, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    state = model.hub_state_dict()
    assert {key.removeprefix("model.") for key in state} >= {
        "shared.weight", "encoder.layer_norm.weight", "decoder.layers.0.encoder_attn.out_proj.bias",
    }  # fmt: skip
    for key, tensor in again.hub_state_dict().items():
        assert torch.equal(tensor, state[key]), key


def test_positions_in_old_files_are_passed_over(make, tmp_path: Path) -> None:
    model = make("M2M100ForConditionalGeneration")
    model.save_pretrained(tmp_path, safe_serialization=False)
    state = torch.load(tmp_path / "pytorch_model.bin")
    for side in ("encoder", "decoder"):
        state[f"model.{side}.embed_positions.weights"] = torch.zeros(26, 16)
        state[f"model.{side}.version"] = torch.tensor([3.0])
    torch.save(state, tmp_path / "pytorch_model.bin")
    kind = automodel_m2m100.M2M100ForConditionalGeneration
    again, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    ids = torch.tensor([[5, 6, 2]])
    torch.testing.assert_close(again(ids, labels=ids).logits, model(ids, labels=ids).logits)
