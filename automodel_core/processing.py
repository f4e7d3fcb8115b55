"""Processors that join an image processor and a tokenizer: one call for all of a model's input."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_core.auto.processors import AutoImageProcessor
from automodel_core.auto.tokenizer import AutoTokenizer
from automodel_core.checkpoint.places.json_files import write_json
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import InputError, shown

if TYPE_CHECKING:
    from typing_extensions import Self

    from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer
    from automodel_core.vision.image_processor import BaseImageProcessor

__all__ = ["ProcessorMixin"]

FILE = "processor_config.json"
BOTH = frozenset({"return_tensors"})
"""Arguments of a call that both parts take."""


class ProcessorMixin:
    """An image processor and a tokenizer; a subclass says in `join` what a model makes of both."""

    attributes: tuple[str, ...] = ("image_processor", "tokenizer")

    def __init__(
        self,
        image_processor: BaseImageProcessor | None = None,
        tokenizer: PreTrainedTokenizer | None = None,
        *,
        feature_extractor: BaseImageProcessor | None = None,
    ) -> None:
        image_processor = feature_extractor if image_processor is None else image_processor
        if image_processor is None or tokenizer is None:
            raise InputError(f"{type(self).__name__} needs an image_processor and a tokenizer")
        self.image_processor = image_processor
        self.tokenizer = tokenizer
        self._targets = False

    def __call__(
        self,
        images: Any = None,
        text: Any = None,
        *,
        images_kwargs: Mapping[str, Any] | None = None,
        text_kwargs: Mapping[str, Any] | None = None,
        common_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the inputs of images, of texts, or of both as `join` says.

        Keywords go to the part that knows them, ``return_tensors`` to both; ``images_kwargs`` and
        ``text_kwargs`` to one part only. Raises `InputError` if there is nothing to process.
        """
        if self._targets:
            return self.tokenizer(images if text is None else text, **kwargs)
        if images is None and text is None:
            raise InputError("give images, text or both: there is nothing to process")
        of_images = {key for key in kwargs if self.image_processor.accepts(key)}
        for_images = {**(common_kwargs or {}), **(images_kwargs or {})}
        for_images.update({key: kwargs[key] for key in of_images})
        for_text = {**(common_kwargs or {}), **(text_kwargs or {})}
        for_text.update(
            {key: kwargs[key] for key in kwargs.keys() - of_images | BOTH & set(kwargs)}
        )
        if text is None:
            return self.image_processor(images, **for_images)
        if images is None:
            return self.tokenizer(text, **for_text)
        for_text = {**self.text_defaults(), **for_text}
        return self.join(
            self.image_processor(images, **for_images), self.tokenizer(text, **for_text)
        )

    def text_defaults(self) -> dict[str, Any]:
        """Return how texts are encoded that accompany images, where the caller says nothing."""
        return {}

    def join(self, features: Any, encoding: Any) -> Any:
        """Return the inputs for images and texts together: by default, all of both."""
        features.update(encoding)
        return features

    @contextmanager
    def as_target_processor(self) -> Iterator[None]:
        """Let calls encode texts as labels; ``text=`` in an ordinary call does the same."""
        self._targets = True
        try:
            yield
        finally:
            self._targets = False

    @property
    def current_processor(self) -> Any:
        """The part that calls with one unnamed argument use."""
        return self.tokenizer if self._targets else self.image_processor

    @property
    def feature_extractor(self) -> BaseImageProcessor:
        """The image processor, by its older name."""
        return self.image_processor

    @property
    def model_input_names(self) -> list[str]:
        return [*self.image_processor.model_input_names, *self.tokenizer.model_input_names]

    def decode(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the tokenizer's ``decode`` does."""
        return self.tokenizer.decode(*args, **kwargs)

    def batch_decode(self, *args: Any, **kwargs: Any) -> list[str]:
        """Return what the tokenizer's ``batch_decode`` does."""
        return self.tokenizer.batch_decode(*args, **kwargs)

    def post_process_image_text_to_text(
        self, generated_outputs: Any, skip_special_tokens: bool = True, **kwargs: Any
    ) -> list[str]:
        """Return the texts that a model generated."""
        return self.batch_decode(
            generated_outputs, skip_special_tokens=skip_special_tokens, **kwargs
        )

    # ---- files ----

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        plugin: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load both parts of a folder or hub repository, of one revision.

        Keywords are hub options and settings: the image processor takes those that it has, the
        tokenizer the others. Of several distributions that provide a part, ``plugin`` chooses one.
        """
        options, rest = HubOptions.split(kwargs)
        files = open_checkpoint(pretrained_model_name_or_path, options)
        where = {**options.keywords(files.commit), "plugin": plugin}
        name = pretrained_model_name_or_path
        image_processor, rest = AutoImageProcessor.from_pretrained(
            name, **rest, **where, return_unused_kwargs=True
        )
        return cls(image_processor, AutoTokenizer.from_pretrained(name, **rest, **where))

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any
    ) -> list[str]:
        """Write the files of both parts, which name this class, and return their paths."""
        folder = Path(save_directory)
        if folder.is_file():
            raise NotADirectoryError(f"{shown(str(folder))} is a file; a folder is needed")
        name = type(self).__name__
        self.tokenizer._processor_class = self.image_processor._processor_class = name
        written = [
            *self.image_processor.save_pretrained(folder),
            *self.tokenizer.save_pretrained(folder),
            str(folder / FILE),
        ]
        write_json(folder / FILE, self.to_dict())
        if push_to_hub:
            from automodel_core.checkpoint.places.push import push_folder

            push_folder(folder, **{"commit_message": "Upload processor", **kwargs})
        return written

    def to_dict(self) -> dict[str, Any]:
        """Return what ``processor_config.json`` holds: all but the tokenizer."""
        return {
            "processor_class": type(self).__name__,
            "image_processor": self.image_processor.to_dict(),
        }

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> str:
        """Upload all files to a hub repository and return the address of the commit."""
        from automodel_core.checkpoint.places.push import push_folder

        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            message = {"commit_message": "Upload processor"}
            return push_folder(folder, repo_id, **{**message, **kwargs})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.image_processor!r}, {self.tokenizer!r})"
