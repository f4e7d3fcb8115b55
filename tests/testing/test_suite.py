"""The conformance suite passes what is right, and names what is wrong."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from automodel_bert import BertConfig, BertModel
from automodel_bert.modeling import BertForSequenceClassification, BertLMHeadModel
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers.attention import Attention
from automodel_core.testing import (
    Check,
    CheckFailedError,
    architecture_checks,
    check_architecture,
    checks_of,
    minimum,
)
from automodel_core.testing.architectures.weight_checks import WEIGHT_CHECKS

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
}
DECODER = {"causal-lm": {"is_decoder": True}}


def check(name: str) -> Check:
    """Return one check of BERT."""
    found = checks_of("bert", TINY, task_configs=DECODER)
    return next(check for check in found if check.id == name)


def test_a_sound_architecture_passes_without_pytest() -> None:
    report = check_architecture("bert", TINY, task_configs=DECODER)
    assert not report.failed, str(report)
    assert report.ran >= minimum("bert") > 100
    assert str(report).startswith(f"{report.ran} passed, 0 failed")
    assert report.not_applicable["one_beam_is_greedy-base"] == "generates"
    assert not report.not_applicable.keys() & set(report.passed)


@architecture_checks("bert", TINY, task_configs=DECODER)
def test_each_check_is_a_test(check: Check) -> None:
    assert check.id
    assert check.function.__doc__


def test_ids_are_stable_and_different() -> None:
    names = [check.id for check in checks_of("bert", TINY)]
    assert names == [check.id for check in checks_of("bert", TINY)]
    assert len(set(names)) == len(names)
    assert "discovery_imports_no_torch" in names
    assert "saves_and_loads_bit_equal-masked-lm" in names


def test_random_numbers_are_left_as_they_were() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check("gradients_reach_every_weight-base")()
    assert torch.equal(torch.rand(3), expected)


def forget(cls: type[Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a method of a class return nothing."""
    monkeypatch.setattr(cls, name, lambda *args, **kwargs: None)


def test_padding_that_is_seen_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(BertModel, "mask", monkeypatch)
    with pytest.raises(CheckFailedError, match="last_hidden_state: they differ by"):
        check("padding_changes_nothing-base")()


def test_a_decoder_that_sees_the_future_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(BertModel, "mask", monkeypatch)
    with pytest.raises(CheckFailedError, match="scores at position 0"):
        check("cached_decoding_equals_uncached-causal-lm")()


def test_a_weight_without_a_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    classify = BertForSequenceClassification.classify
    monkeypatch.setattr(
        BertForSequenceClassification,
        "classify",
        lambda self, body, inputs: classify(self, body.detached(), inputs),
    )
    monkeypatch.setattr(
        "automodel_core.modeling.outputs.base.BaseModelOutput.detached", detached, raising=False
    )
    with pytest.raises(CheckFailedError, match=r"no gradient reaches \['model.embed_tokens"):
        check("gradients_reach_every_weight-sequence-classification")()


def test_a_model_that_does_not_learn_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right, turns = BertForSequenceClassification.loss, itertools.count()

    def contradicting(model: Any, logits: Any, labels: Any, *more: Any) -> Any:
        return right(model, logits, labels.flip(0) if next(turns) % 2 else labels, *more)

    monkeypatch.setattr(BertForSequenceClassification, "loss", contradicting)
    with pytest.raises(CheckFailedError, match="after 30 steps of training, and was"):
        check("learns-sequence-classification")()


def detached(output: Any) -> Any:
    """Return a body's output that no gradient passes."""
    output.pooler_output = output.pooler_output.detach()
    return output


def test_names_that_are_lost_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    names = WeightNames({"x": "embed_tokens", "x.weight": "embed_positions.weight"})
    monkeypatch.setattr(BertModel, "weight_names", classmethod(lambda cls, config: names))
    with pytest.raises(ConfigurationError, match=r"'embed_tokens\.weight' is written as"):
        check("hub_names_round_trip-base")()


def test_weights_that_are_no_longer_tied_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(BertLMHeadModel, "tie_weights", monkeypatch)
    with pytest.raises(CheckFailedError, match="two tensors"):
        check("tied_weights_share_storage-causal-lm")()


def test_a_scale_that_one_kernel_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def skewed(attention: Attention, *args: Any, **kwargs: Any) -> Any:
        attention.scale = 1.0
        return forward(attention, *args, **kwargs)

    model_forward = BertModel.forward

    def switching(model: Any, *args: Any, **kwargs: Any) -> Any:
        kernel = model.config._attn_implementation
        monkeypatch.setattr(Attention, "forward", skewed if kernel == "eager" else forward)
        return model_forward(model, *args, **kwargs)

    forward = Attention.forward
    monkeypatch.setattr(BertModel, "forward", switching)
    with pytest.raises(CheckFailedError, match="they differ by"):
        check("eager_equals_sdpa-base")()


def test_an_unchecked_field_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BertConfig, "_checked", lambda self, field, value: value)
    monkeypatch.setattr(BertConfig, "validate", lambda self: None)
    with pytest.raises(CheckFailedError, match="vocab_size='many' is accepted"):
        check("config_refuses_wrong_types")()


def test_a_body_with_a_batch_norm_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    embed = BertModel.embed

    def normalised(model: BertModel, *args: Any) -> torch.Tensor:
        embedded = embed(model, *args)
        return nn.functional.batch_norm(
            embedded.transpose(1, 2), None, None, training=True
        ).transpose(1, 2)

    monkeypatch.setattr(BertModel, "embed", normalised)
    with pytest.raises(CheckFailedError, match="last_hidden_state: they differ by"):
        check("rows_do_not_meet-base")()


@pytest.fixture
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the suite check no more than is needed to see how it reports."""
    monkeypatch.setattr("automodel_core.testing.suite.TASK_CHECKS", WEIGHT_CHECKS)


@pytest.fixture
def one_failure(monkeypatch: pytest.MonkeyPatch, few_checks: None) -> str:
    """Break one check of BERT and return its id."""
    forget(BertLMHeadModel, "tie_weights", monkeypatch)
    return "tied_weights_share_storage-causal-lm"


def reported(expected_failures: Mapping[str, str] | None = None) -> Any:
    """Return the report on BERT."""
    return check_architecture(
        "bert", TINY, task_configs=DECODER, expected_failures=expected_failures
    )


def test_a_failure_is_in_the_report(one_failure: str) -> None:
    report = reported()
    assert one_failure in report.failed
    assert f"FAILED {one_failure}: " in str(report)


def test_an_announced_failure_is_no_failure(one_failure: str) -> None:
    report = reported({one_failure: "on purpose"})
    assert report.expected == {one_failure: "on purpose"}
    assert one_failure not in report.failed


def test_a_configuration_announces_what_fails(
    one_failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = {one_failure: "as the authors have it", "a_check_of_another_task-base": "none"}
    monkeypatch.setattr(BertConfig, "expected_failures", stated)
    report = reported()
    assert report.expected == {one_failure: "as the authors have it"}
    assert one_failure not in report.failed


def test_an_announced_failure_that_passes_is_one(few_checks: None) -> None:
    report = reported({"config_copies_and_pickles": "was broken once"})
    assert list(report.failed) == ["config_copies_and_pickles"]


def test_only_known_checks_and_tasks_can_be_named() -> None:
    with pytest.raises(InputError, match="name no check"):
        reported({"no_such_check": ""})
    with pytest.raises(InputError, match="the manifest lists"):
        checks_of("bert", TINY, task_configs={"seq2seq-lm": {}})


def test_inputs_can_be_given() -> None:
    def inputs(task: str, config: Any) -> dict[str, Any]:
        tokens = torch.arange(4).view(2, 2) + 5
        return {"input_ids": tokens, "labels": torch.tensor([0, 1])}

    found = checks_of("bert", TINY, inputs=inputs)
    one = next(c for c in found if c.id == "labels_give_a_loss-sequence-classification")
    one()
    assert one.subject.example(one.subject.config()).keys() == {"input_ids"}
    assert not any("padding" in c.id for c in found), (
        "nothing is known of inputs of another's making"
    )


def test_too_few_checks_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automodel_core.testing.suite.TASK_CHECKS", ())
    monkeypatch.setattr("automodel_core.testing.suite.minimum", lambda model_type: 100)
    with pytest.raises(CheckFailedError, match="at least 100 must"):
        checks_of("bert", TINY)
