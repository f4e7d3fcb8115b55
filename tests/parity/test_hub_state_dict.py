"""State dicts in memory go from the reference to us and back, for every head, in strict mode."""

from __future__ import annotations

from typing import Any

import pytest

from automodel_core.testing import model_names

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import automodel_bert  # noqa: E402
import automodel_t5  # noqa: E402
from parity.t5.cases import SMALL as SMALL_T5  # noqa: E402
from support.reference import randomise  # noqa: E402

SMALL_BERT: dict[str, Any] = {
    "vocab_size": 37,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 28,
    "max_position_embeddings": 24,
}
NAMES = [name for model_type in ("bert", "t5", "mt5", "umt5") for name in model_names(model_type)]


def pair(name: str, tied: bool) -> tuple[Any, Any]:
    """Return a random model of the reference's, and ours with other values."""
    is_bert = name.startswith("Bert")
    ours = getattr(automodel_bert if is_bert else automodel_t5, name)
    settings = SMALL_BERT if is_bert else SMALL_T5
    reference = getattr(transformers, name)
    theirs = reference(reference.config_class(**settings, tie_word_embeddings=tied)).eval()
    if not tied:
        separate(theirs)
    randomise(theirs, seed=len(name))
    values = {**theirs.config.to_dict(), "dtype": None, "torch_dtype": None}
    values["tie_word_embeddings"] = tied  # the reference's T5 says "tied" whatever it was told
    return theirs, ours(ours.config_class.from_dict(values)).eval()


def separate(theirs: nn.Module) -> None:
    """Give the output layer a weight of its own, as only a checkpoint does for T5."""
    output, embeddings = theirs.get_output_embeddings(), theirs.get_input_embeddings()
    if output is not None and output.weight is embeddings.weight:
        output.weight = nn.Parameter(output.weight.detach().clone())


def held(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's state as it is now."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("name", NAMES)
def test_whole_states_go_both_ways(name: str, tied: bool) -> None:
    theirs, ours = pair(name, tied)
    state = held(theirs)
    result = ours.load_hub_state_dict(state, strict=True)
    assert not result.missing_keys
    assert not result.unexpected_keys
    # A bias that nobody computes with, beside the one of the same place that counts.
    copies = ours.weight_names(ours.config).copies
    state.update({copy: state[usual] for copy, usual in copies.items() if usual in state})
    assert_equal(ours.hub_state_dict(), state)

    randomise(theirs, seed=1)
    theirs.load_state_dict(ours.hub_state_dict(), strict=True)
    assert_equal(held(theirs), state)


@pytest.mark.parametrize(
    "name", ["BertForMaskedLM", "T5ForConditionalGeneration", "T5EncoderModel"]
)
def test_strict_refuses_unknown_and_missing_names(name: str) -> None:
    theirs, ours = pair(name, True)
    state = dict(theirs.state_dict())
    with pytest.raises(RuntimeError, match=r"Unexpected key.*nobody\.knows"):
        ours.load_hub_state_dict({**state, "nobody.knows": torch.zeros(1)})
    needed = next(key for key in state if "layer.1" in key)
    del state[needed]
    with pytest.raises(RuntimeError, match="Missing key"):
        ours.load_hub_state_dict(state)


@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        ("BertModel", "embeddings.position_ids"),
        ("BertForMaskedLM", "bert.embeddings.position_ids"),
        ("T5EncoderModel", "decoder.final_layer_norm.weight"),
        ("T5EncoderModel", "lm_head.weight"),
        (
            "T5Model",
            "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
        ),
    ],
)
def test_names_that_nobody_needs_are_no_fault(name: str, ignored: str) -> None:
    theirs, ours = pair(name, True)
    result = ours.load_hub_state_dict({**theirs.state_dict(), ignored: torch.zeros(3)})
    assert not result.unexpected_keys
    assert ignored not in ours.hub_state_dict()
