"""The output of preprocessors: model inputs by name."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automodel_core.preprocessing.tensors import TensorType, as_tensor_type, tensor_kind, to_tensor

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BatchFeature"]


class BatchFeature(UserDict[str, Any]):
    """Model inputs by name, also readable as attributes: ``features.pixel_values``."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, tensor_type: str | TensorType | None = None
    ) -> None:
        super().__init__(data)
        self.convert_to_tensors(tensor_type)

    def __getattr__(self, name: str) -> Any:
        # "data" itself is absent while an instance is being unpickled.
        if name == "data" or name not in self.data:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return self.data[name]

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def convert_to_tensors(
        self, tensor_type: str | TensorType | None = None, prepend_batch_axis: bool = False
    ) -> Self:
        """Replace lists by torch tensors ("pt") or NumPy arrays ("np"), in place.

        ``prepend_batch_axis`` makes a batch of one of them.
        """
        if tensor_type is not None:
            kind = as_tensor_type(tensor_type)
            for name, value in self.data.items():
                self.data[name] = to_tensor(name, [value] if prepend_batch_axis else value, kind)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move torch tensors to a device, and cast those of floats to a dtype, in place.

        The arguments are those of ``torch.Tensor.to``.
        """
        for name, value in self.data.items():
            if tensor_kind(value) is TensorType.PYTORCH:
                moved = value.to(*args, **kwargs)
                self.data[name] = moved if value.is_floating_point() else value.to(moved.device)
        return self
