"""What users of transformers ask of any model: tags, counts, sizes, positions."""

from __future__ import annotations

import pytest
import torch

from automodel_core.errors import InputError
from automodel_core.testing import SmallTextConfig, SmallTextForCausalLM

IDS = torch.tensor([[5, 7, 2, 9], [3, 3, 8, 1]])


def built() -> SmallTextForCausalLM:
    torch.manual_seed(0)
    return SmallTextForCausalLM(SmallTextConfig()).eval()


def test_sizes_and_operations_are_counted() -> None:
    model = built()
    assert model.estimate_tokens({"input_ids": IDS}) == 8
    assert model.estimate_tokens({}) == 0
    weights = model.num_parameters(exclude_embeddings=True)
    assert model.floating_point_ops({"input_ids": IDS}) == 6 * 8 * weights
    model.resize_token_embeddings(77)
    assert model.vocab_size == 77


def test_weights_and_buffers_by_path() -> None:
    model = built()
    name, weight = next(iter(model.named_parameters()))
    assert model.get_parameter_or_buffer(name) is weight
    model.register_buffer("table", torch.ones(2))
    assert model.get_parameter_or_buffer("table") is model.table
    with pytest.raises(AttributeError):
        model.get_parameter_or_buffer("nothing")


def test_tags_are_kept_once() -> None:
    model = built()
    model.add_model_tags("mine")
    model.add_model_tags(["yours", "mine"])
    assert model.model_tags == ["mine", "yours"]
    assert built().model_tags is None


def test_positions_that_are_no_rows_are_refused() -> None:
    with pytest.raises(InputError, match="no embeddings of absolute positions"):
        built().get_position_embeddings()
