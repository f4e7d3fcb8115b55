"""BART's models alone: what makes it BART, losses, files, decoding."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import automodel_bart
from automodel_core.errors import InputError
from automodel_core.testing import model_names

HEADS = model_names("bart")


def test_embeddings_are_summed_and_normalised(make, input_ids) -> None:
    model = make("BartModel", scale_embedding=True)
    part = model.encoder.embeddings
    rows = part.embed_positions.weight[2:9]
    expected = F.layer_norm(
        part.embed_tokens.weight[input_ids] * 4.0 + rows, (16,), part.norm.weight, part.norm.bias
    )
    states = model(input_ids, output_hidden_states=True).encoder_hidden_states
    torch.testing.assert_close(states[0], expected)
    assert part.embed_positions.weight.shape == (34, 16)


def test_each_part_is_normalised_after_it_is_added(make, input_ids) -> None:
    model = make("BartModel")
    states = model(input_ids, output_hidden_states=True).encoder_hidden_states
    layer = model.encoder.stack.layers[0]
    attended, _ = layer.self_attn(states[0])
    first = layer.self_attn_norm(states[0] + attended)
    torch.testing.assert_close(states[1], layer.mlp_norm(first + layer.mlp(first)))
    assert model.encoder.stack.norm is None


def test_the_decoder_reads_the_input_shifted(make, input_ids) -> None:
    model = make("BartForConditionalGeneration")
    labels = input_ids.clone()
    labels[0, -2:] = -100
    output = model(input_ids, labels=labels)
    assert output.logits.shape == (2, 7, 41)
    assert output.past_key_values is None
    expected = F.cross_entropy(output.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(output.loss, expected)
    shifted = torch.cat([torch.full((2, 1), 2), labels[:, :-1]], dim=1)
    shifted = shifted.masked_fill(shifted == -100, 1)
    torch.testing.assert_close(model(input_ids, decoder_input_ids=shifted).logits, output.logits)
    assert model.prepare_decoder_input_ids_from_labels(labels).tolist() == shifted.tolist()


def test_classes(make, input_ids) -> None:
    model = make("BartForSequenceClassification")
    labels = torch.tensor([2, 0])
    output = model(input_ids, labels=labels)
    assert output.logits.shape == (2, 3)
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits, labels))
    with pytest.raises(InputError, match="end-of-sequence"):
        model(torch.full((1, 4), 5))


def test_answers_have_two_ends_whatever_the_configuration_says(make, input_ids) -> None:
    model = make("BartForQuestionAnswering", num_labels=5)
    positions = {"start_positions": torch.tensor([0, 2]), "end_positions": torch.tensor([1, 99])}
    output = model(input_ids, **positions)
    assert output.start_logits.shape == output.end_logits.shape == (2, 7)
    starts = F.cross_entropy(output.start_logits, torch.tensor([0, 2]))
    ends = F.cross_entropy(output.end_logits[:1], torch.tensor([1]))
    torch.testing.assert_close(output.loss, (starts + ends) / 2)
    assert model.config.num_labels == 2


def test_the_decoder_alone(make, input_ids) -> None:
    model = make("BartForCausalLM")
    assert not [name for name in model.hub_state_dict() if "encoder." in name]
    context = torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(2))
    alone, led = model(input_ids).logits, model(input_ids, encoder_hidden_states=context).logits
    assert alone.shape == led.shape == (2, 7, 41)
    assert not torch.allclose(alone, led)
    assert model.generate(input_ids[:, :3], max_new_tokens=4).shape[1] <= 7


@pytest.mark.parametrize("head", HEADS)
def test_saved_and_loaded_again(make, tmp_path: Path, head: str) -> None:
    model = make(head)
    model.save_pretrained(tmp_path)
    again, info = getattr(automodel_bart, head).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.hub_state_dict()
    for name, tensor in model.hub_state_dict().items():
        assert torch.equal(state[name], tensor), name
    assert not any("stack" in name or "embeddings." in name for name in state)


@pytest.mark.parametrize("beams", [1, 3])
def test_generation_without_a_cache_is_the_same(make, input_ids, beams: int) -> None:
    model = make("BartForConditionalGeneration")
    given = {"input_ids": input_ids, "num_beams": beams, "max_new_tokens": 6}
    found = model.generate(**given)
    assert found[:, 0].tolist() == [2, 2]
    assert found.tolist() == model.generate(**given, use_cache=False).tolist()


def test_few_steps_of_training_lower_the_loss(make, input_ids) -> None:
    torch.manual_seed(0)  # which layers are dropped
    model = make("BartForConditionalGeneration", decoder_layerdrop=0.1).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        loss = model(input_ids=input_ids, labels=input_ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_encoder_and_decoder_may_attend_by_functions_of_their_own(make, tmp_path) -> None:
    make("BartForConditionalGeneration").save_pretrained(tmp_path)
    model = automodel_bart.BartForConditionalGeneration.from_pretrained(
        tmp_path, attn_implementation={"encoder": "eager", "decoder": "sdpa"}
    )
    encoder, decoder = (
        {part.attend.__name__ for part in side.modules() if "attend" in vars(part)}
        for side in (model.get_encoder(), model.get_decoder())
    )
    assert (encoder, decoder) == ({"eager_attention"}, {"sdpa_attention"})
    with pytest.raises(InputError, match="'encoder' of BartModel has no configuration"):
        automodel_bart.BartModel.from_pretrained(tmp_path, dtype={"encoder": "float16"})
