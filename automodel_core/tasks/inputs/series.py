"""Generators and datasets, which are read while their results are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from automodel_core.preprocessing.tensors import tensor_kind

__all__ = ["KeyDataset", "KeyPairDataset", "is_lazy", "items_of", "length_of"]

SINGLE = (str, bytes, bytearray, os.PathLike, Mapping, list, tuple, set, Tensor)


class KeyDataset(Dataset[Any]):
    """The values that one key has in a dataset's items."""

    def __init__(self, dataset: Any, key: str) -> None:
        self.dataset = dataset
        self.key = key

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[index][self.key]


class KeyPairDataset(Dataset[Any]):
    """Pairs of texts, of two keys that a dataset's items have."""

    def __init__(self, dataset: Any, key1: str, key2: str) -> None:
        self.dataset = dataset
        self.key1 = key1
        self.key2 = key2

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.dataset[index]
        return {"text": item[self.key1], "text_pair": item[self.key2]}


def is_lazy(inputs: Any) -> bool:
    """Return whether inputs are a generator or a dataset, and not one input or a list."""
    if isinstance(inputs, SINGLE) or tensor_kind(inputs) is not None:
        return False
    return isinstance(inputs, Iterable | Dataset)


def items_of(inputs: Any) -> Iterator[Any]:
    """Yield the items of a list, a generator or a dataset."""
    if isinstance(inputs, Iterable):
        yield from inputs
    else:
        for index in range(len(inputs)):
            yield inputs[index]


def length_of(inputs: Any) -> int | None:
    """Return how many inputs there are, if it is known before they are read."""
    return len(inputs) if isinstance(inputs, Sized) else None
