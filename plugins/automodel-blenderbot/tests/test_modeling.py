"""Blenderbot's models alone: what tells the two apart, and that files and decoding keep it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import automodel_blenderbot
from automodel_core.errors import InputError
from automodel_core.testing import model_names

FAMILIES = ("Blenderbot", "BlenderbotSmall")
HEADS = (*model_names("blenderbot"), *model_names("blenderbot-small"))


def test_blenderbot_normalises_last_and_not_first(make, input_ids) -> None:
    model = make("BlenderbotModel")
    given = {"input_ids": input_ids, "decoder_input_ids": input_ids}
    output = model(**given, output_hidden_states=True)
    for stack, states in (
        (model.encoder, output.encoder_hidden_states),
        (model.decoder, output.decoder_hidden_states),
    ):
        part = stack.embeddings
        rows = part.embed_tokens.weight[input_ids] + part.embed_positions.weight[:7]
        torch.testing.assert_close(states[0], rows)
        layer = stack.stack.layers[0]
        assert layer.norm_first
        assert isinstance(stack.stack.norm, torch.nn.LayerNorm)


def test_the_small_decoder_normalises_tokens_before_positions(make, input_ids) -> None:
    model = make("BlenderbotSmallModel", scale_embedding=True)
    given = {"input_ids": input_ids, "decoder_input_ids": input_ids}
    output = model(**given, output_hidden_states=True)

    def normed(part: torch.nn.Module, rows: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(rows, (16,), part.norm.weight, part.norm.bias)

    part = model.decoder.embeddings
    tokens, positions = part.embed_tokens.weight[input_ids], part.embed_positions.weight[:7]
    torch.testing.assert_close(output.decoder_hidden_states[0], normed(part, tokens) + positions)
    part = model.encoder.embeddings
    tokens, positions = part.embed_tokens.weight[input_ids] * 4, part.embed_positions.weight[:7]
    torch.testing.assert_close(output.encoder_hidden_states[0], normed(part, tokens + positions))
    assert not model.encoder.stack.layers[0].norm_first
    assert model.encoder.stack.norm is None


@pytest.mark.parametrize("family", FAMILIES)
def test_the_decoder_needs_input_of_its_own(make, input_ids, family: str) -> None:
    model = make(f"{family}ForConditionalGeneration")
    with pytest.raises(InputError, match="decoder_input_ids"):
        model(input_ids)
    labels = input_ids.clone()
    labels[0, -2:] = -100
    output = model(input_ids, labels=labels)
    expected = F.cross_entropy(output.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(output.loss, expected)
    shifted = torch.cat([torch.ones(2, 1, dtype=torch.long), labels[:, :-1]], dim=1).clamp(min=0)
    torch.testing.assert_close(output.logits, model(input_ids, decoder_input_ids=shifted).logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_there_are_as_many_positions_as_rows(make, family: str) -> None:
    model = make(f"{family}Model")
    ids = torch.full((1, 32), 5)
    assert model(ids, decoder_input_ids=ids)[0].shape == (1, 32, 16)
    with pytest.raises(ValueError, match="33 positions are more than the 32"):
        model(torch.full((1, 33), 5), decoder_input_ids=ids)


@pytest.mark.parametrize("head", HEADS)
def test_saved_and_loaded_again(make, tmp_path: Path, head: str) -> None:
    model = make(head)
    model.save_pretrained(tmp_path)
    kind = getattr(automodel_blenderbot, head)
    again, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.hub_state_dict()
    for name, tensor in model.hub_state_dict().items():
        assert torch.equal(state[name], tensor), name
    assert any("layer_norm.weight" in name for name in state)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beams", [1, 3])
def test_generation_without_a_cache_is_the_same(make, input_ids, family: str, beams: int) -> None:
    model = make(f"{family}ForConditionalGeneration")
    given = {"input_ids": input_ids, "num_beams": beams, "max_new_tokens": 6}
    found = model.generate(**given)
    assert found[:, 0].tolist() == [1, 1]
    assert found.tolist() == model.generate(**given, use_cache=False).tolist()
