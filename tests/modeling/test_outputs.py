"""What models return: a dataclass, a dict and a tuple in one."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.names import DynamicCache, EncoderDecoderCache
from automodel_core.layers.caches.static import StaticCache
from automodel_core.modeling.outputs.base import BaseModelOutput, LabelOutput, ModelOutput
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
    assert list(output.keys()) == ["logits", "encoder_attentions"]
    assert list(output) == ["logits", "encoder_attentions"]
    assert dict(output.items()) == dict(**output)
    assert tuple(output.values()) == output.to_tuple() == output[:]
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


def test_an_output_is_a_dict() -> None:
    output = Seq2SeqLMOutput(logits=1, encoder_last_hidden_state=2)
    assert isinstance(output, dict)
    assert dict(output) == {**output} == {"logits": 1, "encoder_last_hidden_state": 2}
    output.update(loss=3)
    output |= {"logits": 4}
    assert (output.loss, output.logits, output.pop("loss"), output.loss) == (3, 4, 3, None)
    del output["logits"]
    assert list(output) == ["encoder_last_hidden_state"]
    assert output.setdefault("logits", 5) == output.logits == 5


def test_tools_rebuild_an_output_from_a_mapping_or_pairs() -> None:
    output = BaseModelOutput(torch.ones(1), attentions=(torch.ones(2),))
    for rebuilt in (
        BaseModelOutput(dict(output)),
        BaseModelOutput((name, value) for name, value in output.items()),
        copy.copy(output),
    ):
        assert type(rebuilt) is BaseModelOutput
        assert rebuilt.attentions[0].equal(output.attentions[0])
        assert rebuilt.to_tuple()[0] is rebuilt.last_hidden_state


@dataclass
class OwnOutput(ModelOutput):
    scores: Any = None


def test_every_output_is_a_node_of_pytrees() -> None:
    output = CausalLMOutput(logits=torch.ones(1), attentions=(torch.ones(2), torch.zeros(2)))
    doubled = pytree.tree_map(lambda tensor: 2 * tensor, output)
    assert type(doubled) is CausalLMOutput
    assert doubled.attentions[0].tolist() == [2, 2]
    paths = [pytree.keystr(path) for path, _ in pytree.tree_flatten_with_path(output)[0]]
    assert paths == ["['logits']", "['attentions'][0]", "['attentions'][1]"]
    spec = pytree.tree_structure(OwnOutput({"a": 1}))
    assert pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec


@pytest.mark.parametrize("kind", [Cache, DynamicCache, EncoderDecoderCache])
def test_a_cache_that_grows_is_one_too(kind: type[Cache]) -> None:
    cache = kind()
    for index in range(2):
        cache.update(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4), index)
    cache.layer(0).cross_attn.tensors = torch.ones(1, 2, 5, 4), torch.ones(1, 2, 5, 4)
    leaves, spec = pytree.tree_flatten(BaseModelOutput(torch.ones(1), past_key_values=cache))
    assert len(leaves) == 7
    assert pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec
    again = pytree.tree_unflatten([-leaf for leaf in leaves], spec).past_key_values
    assert type(again) is kind
    assert (again.get_seq_length(), again.context_length) == (3, 5)
    assert again.layers[1].values.equal(-torch.ones(1, 2, 3, 4))
    assert again.layers[1].cross_attn.tensors is None


def test_a_cache_of_another_kind_is_passed_on() -> None:
    static = StaticCache(max_cache_len=4)
    assert pytree.tree_leaves(static) == [static]
    mixed = Cache()
    mixed.layers = static.layers
    static.update(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4), 0)
    assert pytree.tree_map(lambda leaf: None, [mixed]) == [mixed]


def test_it_shows_shapes_and_no_numbers() -> None:
    cache = DynamicCache([(torch.ones(1, 2, 3, 4),) * 2] * 12)
    states = tuple(torch.ones(1, 3, 8) for _ in range(13))
    output = CausalLMOutput(torch.tensor(0.5), torch.ones(1, 3, 9), cache, hidden_states=states)
    assert repr(output) == (
        "CausalLMOutput(loss=tensor(0.5000), logits=Tensor(1, 3, 9), past_key_values="
        "DynamicCache(12 layers, 3 positions), hidden_states=(13 x Tensor(1, 3, 8)))"
    )
    assert repr(OwnOutput(scores=(1, torch.ones(2)))) == "OwnOutput(scores=(1, Tensor(2,)))"


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
    assert list(model(ids)) == ["logits"]
    assert list(model(ids, output_attentions=True)) == ["logits", "attentions"]
    assert isinstance(model(ids, return_dict=False), tuple)
    model.config.output_hidden_states = True
    model.config.return_dict = False
    logits, hidden_states = model(ids)
    assert len(hidden_states) == 3
    assert list(model(ids, output_hidden_states=False, return_dict=True)) == ["logits"]
    assert logits.shape == (1, 2, 2)
