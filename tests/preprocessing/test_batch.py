"""Batches, and the tensors in them (`preprocessing.batch`, `preprocessing.tensors`)."""

from __future__ import annotations

import pickle
from enum import Enum
from typing import Any

import numpy
import pytest
import torch

from automodel_core.errors import InputError
from automodel_core.preprocessing import BatchFeature, TensorType
from automodel_core.preprocessing.tensors import plain, tensor_kind


class Theirs(str, Enum):
    """The enumeration of another library."""

    PYTORCH = "pt"


def test_inputs_are_read_as_attributes_and_pickled() -> None:
    batch = pickle.loads(pickle.dumps(BatchFeature({"a": [1, 2]})))
    assert batch.a == [1, 2]
    with pytest.raises(AttributeError, match="BatchFeature has no 'b'"):
        _ = batch.b


def test_inputs_are_moved_and_only_floats_are_cast() -> None:
    batch = BatchFeature({"x": [0.5], "y": [1], "name": ["a"]})
    batch["x"], batch["y"] = torch.tensor([0.5]), torch.tensor([1])
    assert batch.to(torch.float16) is batch
    assert (batch.x.dtype, batch.y.dtype, batch.name) == (torch.float16, torch.int64, ["a"])
    assert batch.to("meta").y.is_meta


@pytest.mark.parametrize("kind", ["pt", TensorType.PYTORCH, Theirs.PYTORCH])
def test_lists_become_tensors(kind: Any) -> None:
    batch = BatchFeature({"ids": [[1, 2]], "values": [0.5], "none": [[]]}, kind)
    assert batch.ids.tolist() == [[1, 2]]
    assert (batch["values"].dtype, batch.none.dtype) == (torch.float32, torch.int64)
    again = BatchFeature({"ids": [3]}).convert_to_tensors(kind, prepend_batch_axis=True)
    assert again.ids.tolist() == [[3]]


@pytest.mark.parametrize("rows", [torch.arange(6.0).view(2, 3), numpy.ones((2, 3), "int32")])
def test_lists_of_tensors_are_stacked(rows: Any) -> None:
    batch = BatchFeature({"x": list(rows)}, "pt")
    torch.testing.assert_close(batch.x, torch.as_tensor(rows))
    array = BatchFeature({"x": list(rows), "y": batch.x, "z": [0.5]}, "np")
    assert (array.x == numpy.asarray(rows)).all()
    assert isinstance(array.y, numpy.ndarray)
    assert array.z.dtype == numpy.float32


@pytest.mark.parametrize("kind", ["pt", "np"])
@pytest.mark.parametrize("rows", [[[1], [1, 2]], [numpy.ones(1), numpy.ones(2)]])
def test_rows_of_several_lengths_are_refused(kind: str, rows: list[Any]) -> None:
    with pytest.raises(InputError, match=r"Unable to create a tensor from 'x'.*padding"):
        BatchFeature({"x": rows}, kind)
    with pytest.raises(InputError, match="'jax' is not known; it is 'pt'"):
        BatchFeature({"x": rows}, "jax")


def test_tensors_become_plain_lists() -> None:
    assert plain((torch.tensor([1]), [numpy.int64(2)], 3)) == [[1], [2], 3]
    assert tensor_kind([1]) is None
