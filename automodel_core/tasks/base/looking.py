"""The base of pipelines that see pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.tasks.base.pipeline import Pipeline
from automodel_core.tasks.inputs.pictures import picture
from automodel_core.tasks.painting import below, shown

__all__ = ["PicturePipeline"]


class PicturePipeline(Pipeline):
    """A pipeline whose inputs are pictures: paths, addresses, base64, Pillow's, arrays, tensors."""

    needs: ClassVar[tuple[str, ...]] = ("image_processor",)

    def arrange(self, *args: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Take pictures unnamed, or as ``images`` or ``inputs``."""
        named = [options.pop(name) for name in ("images", "inputs") if name in options]
        given = [one for one in (*args, *named) if one is not None]
        if len(given) != 1:
            raise InputError(f"{type(self).__name__} takes one picture, or one list of them")
        return given[0], options

    def seen(self, source: Any, timeout: float | None) -> Tensor:
        """Return a picture ``(3, height, width)``."""
        return picture(source, timeout=timeout)

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture of an input, as Pillow's, with the answer painted into it."""
        return below(shown(self.seen(source, None)), list(self.lines(result)))

    def lines(self, result: Any) -> Iterator[str]:
        """Yield the lines of text that an answer is painted as."""
        for one in result if isinstance(result, list) else [result]:
            score = one.get("score")
            text = next(str(value) for name, value in one.items() if name != "score")
            yield text if score is None else f"{text} {score:.3f}"

    def prepared(self, pixels: Tensor, **options: Any) -> dict[str, Any]:
        """Return the model's inputs for a picture, each a batch of one."""
        found = self.image_processor(
            images=pixels, return_tensors="pt", input_data_format="channels_first", **options
        )
        return dict(found)
