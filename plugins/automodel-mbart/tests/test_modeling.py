"""mBART's models alone: what makes it mBART, and that files and decoding keep it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import automodel_mbart
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers import LayerInputs, span_of
from automodel_core.testing import model_names

HEADS = model_names("mbart")


def test_each_part_reads_normalised_states(make, input_ids) -> None:
    model = make("MBartModel")
    states = model(input_ids, output_hidden_states=True).encoder_hidden_states
    first, second = model.encoder.stack.layers
    attended, _ = first.self_attn(first.self_attn_norm(states[0]))
    middle = states[0] + attended
    torch.testing.assert_close(states[1], middle + first.mlp(first.mlp_norm(middle)))
    last, _ = second(states[1], LayerInputs())
    torch.testing.assert_close(states[2], model.encoder.stack.norm(last))


def test_embeddings_are_normalised_too(make, input_ids) -> None:
    part = make("MBartModel").encoder.embeddings
    rows = part.embed_tokens.weight[input_ids] + part.embed_positions.weight[2:9]
    expected = F.layer_norm(rows, (16,), part.norm.weight, part.norm.bias)
    torch.testing.assert_close(part(input_ids, None, span_of(None, rows)), expected)


def test_a_target_begins_with_the_code_of_its_language(make, input_ids) -> None:
    model = make("MBartForConditionalGeneration")
    labels = input_ids.clone()
    labels[1] = torch.tensor([7, 8, 2, 39, -100, -100, -100])
    shifted = model.prepare_decoder_input_ids_from_labels(labels)
    assert shifted[0].tolist() == [38, *input_ids[0, :-1].tolist()]
    assert shifted[1].tolist() == [39, 7, 8, 2, 39, 1, 1]
    output = model(input_ids, labels=labels)
    torch.testing.assert_close(output.logits, model(input_ids, decoder_input_ids=shifted).logits)
    expected = F.cross_entropy(output.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(output.loss, expected)
    model.config.pad_token_id = None
    with pytest.raises(ConfigurationError, match="pad_token_id"):
        model(input_ids, labels=labels)


def test_labels_of_texts_and_spans(make, input_ids) -> None:
    classes = torch.tensor([1, 0])
    output = make("MBartForSequenceClassification")(input_ids, labels=classes)
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits, classes))
    spans = make("MBartForQuestionAnswering", num_labels=3)(input_ids)
    assert spans.start_logits.shape == spans.end_logits.shape == (2, 7)
    with pytest.raises(InputError, match="input_ids"):
        make("MBartForSequenceClassification")(inputs_embeds=torch.zeros(1, 4, 16))


@pytest.mark.parametrize("head", HEADS)
def test_saved_and_loaded_again(make, tmp_path: Path, head: str) -> None:
    model = make(head)
    model.save_pretrained(tmp_path)
    kind = getattr(automodel_mbart, head)
    again, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.hub_state_dict()
    for name, tensor in model.hub_state_dict().items():
        assert torch.equal(state[name], tensor), name
    assert any(name.endswith("decoder.layer_norm.weight") for name in state)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_translation_begins_with_the_language_asked_for(make, input_ids, beams: int) -> None:
    model = make("MBartForConditionalGeneration", decoder_start_token_id=2)
    given = {"input_ids": input_ids, "num_beams": beams, "max_new_tokens": 6}
    found = model.generate(**given, forced_bos_token_id=37)
    assert found[:, 1].tolist() == [37, 37]
    whole = model.generate(**given, forced_bos_token_id=37, use_cache=False)
    assert found.tolist() == whole.tolist()
