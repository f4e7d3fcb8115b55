"""What models return: a dataclass, a dict and a tuple in one."""

from __future__ import annotations

import pickle

import pytest
import torch

from automodel_core.modeling.outputs.base import BaseModelOutput, LabelOutput
from automodel_core.modeling.outputs.seq2seq import Seq2SeqLMOutput, Seq2SeqSequenceClassifierOutput
from automodel_core.modeling.outputs.text import (
    CausalLMOutput,
    MaskedLMOutput,
    SequenceClassifierOutput,
    SequenceClassifierOutputWithPast,
    TokenClassifierOutput,
)
from support.tiny_lm import TinyForTokenClassification, drawn


def test_one_output_reads_three_ways() -> None:
    logits = torch.ones(2, 3)
    output = Seq2SeqLMOutput(logits=logits, encoder_attentions=(logits,))
    assert output.logits is output["logits"] is output[0] is output.to_tuple()[0]
    assert output.keys() == ("logits", "encoder_attentions")
    assert list(output) == ["logits", "encoder_attentions"]
    assert dict(output.items()) == dict(**output)
    assert output.values() == output.to_tuple() == output[:]
    assert len(output) == 2
    assert "logits" in output
    assert "loss" not in output
    assert output.loss is None
    assert output.get("loss", 7) == 7
    assert output[-1] == (logits,)


def test_what_is_absent_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="holds no 'loss', only logits"):
        Seq2SeqLMOutput(logits=torch.ones(1))["loss"]
    with pytest.raises(KeyError, match="colour"):
        CausalLMOutput()["colour"]
    with pytest.raises(IndexError):
        CausalLMOutput()[0]


def test_values_are_set_both_ways() -> None:
    output = BaseModelOutput(0)
    output["last_hidden_state"] = 1
    output.pooler_output = 2
    assert output.to_tuple() == (1, 2)
    assert pickle.loads(pickle.dumps(output)) == output


def test_scores_are_no_others_kin() -> None:
    assert not isinstance(MaskedLMOutput(), SequenceClassifierOutput)
    assert not isinstance(SequenceClassifierOutputWithPast(), CausalLMOutput)
    assert not isinstance(Seq2SeqSequenceClassifierOutput(), Seq2SeqLMOutput)
    assert isinstance(MaskedLMOutput(), LabelOutput)


def test_a_body_has_states() -> None:
    with pytest.raises(TypeError, match="last_hidden_state"):
        BaseModelOutput()


def test_an_output_takes_what_a_body_has_of_its_fields() -> None:
    body = BaseModelOutput(1, pooler_output=2, past_key_values=3, hidden_states=4, attentions=5)
    output = CausalLMOutput.of(body, logits=6, attentions=7)
    assert output == CausalLMOutput(None, 6, 3, 4, 7)
    assert TokenClassifierOutput.of(body, loss=0, logits=6) == TokenClassifierOutput(0, 6, 4, 5)


def test_options_come_from_the_call_then_the_configuration() -> None:
    model = drawn(TinyForTokenClassification)
    ids = torch.tensor([[3, 4]])
    assert model(ids).keys() == ("logits",)
    assert model(ids, output_attentions=True).keys() == ("logits", "attentions")
    assert isinstance(model(ids, return_dict=False), tuple)
    model.config.output_hidden_states = True
    model.config.return_dict = False
    logits, hidden_states = model(ids)
    assert len(hidden_states) == 3
    assert model(ids, output_hidden_states=False, return_dict=True).keys() == ("logits",)
    assert logits.shape == (1, 2, 2)
