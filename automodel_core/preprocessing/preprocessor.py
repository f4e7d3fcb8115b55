"""The base of image processors and feature extractors: typed settings with a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from automodel_core.checkpoint.places.exchange import exchange_files
from automodel_core.checkpoint.places.json_files import json_bytes, read_json, write_json
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.errors import located, warn_caller
from automodel_core.preprocessing.files import file_of, read_settings
from automodel_core.preprocessing.settings import TypedSettings

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from automodel_core.checkpoint.places.hub.push import PushOptions

__all__ = ["Preprocessor"]


class Preprocessor(TypedSettings):
    """Prepares one kind of input for a model, by settings that are loaded and saved.

    A direct subclass is the base of one kind, such as `BaseImageProcessor`: it says ``kind``, the
    settings that all of the kind have, and how it is called.
    """

    kind: ClassVar[str]
    """``image_processor``, ``feature_extractor``, ...: its key in ``processor_config.json``."""
    stand_ins: ClassVar[tuple[str, ...]] = ()
    """Kinds whose settings serve where a checkpoint has none of this kind."""
    model_input_names: ClassVar[tuple[str, ...]]

    def __init__(self, **settings: Any) -> None:
        self._processor_class: str | None = settings.pop("processor_class", None)
        super().__init__(**settings)

    @classmethod
    def _common_base(cls) -> type:
        return next(base for base in cls.__mro__ if Preprocessor in base.__bases__)

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: Literal[True],
        **kwargs: Any,
    ) -> tuple[Self, dict[str, Any]]: ...
    @overload
    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Self: ...
    @classmethod
    @reread_on_change
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Self | tuple[Self, dict[str, Any]]:
        """Load from a folder, a file, or the hub; keywords override the file's settings.

        With ``return_unused_kwargs=True`` the result is ``(processor, unused)``. Raises
        `CheckpointNotFoundError` that lists the files present.
        """
        values, kwargs = read_settings(
            cls.kind, pretrained_model_name_or_path, kwargs, cls.stand_ins
        )
        with located(file_of(cls.kind), os.fspath(pretrained_model_name_or_path)):
            loaded: Self | tuple[Self, dict[str, Any]] = cls.from_dict(values, **kwargs)
        return loaded

    @overload
    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, return_unused_kwargs: Literal[True], **kwargs: Any
    ) -> tuple[Self, dict[str, Any]]: ...
    @overload
    @classmethod
    def from_dict(cls, values: Mapping[str, Any], **kwargs: Any) -> Self: ...
    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, return_unused_kwargs: bool = False, **kwargs: Any
    ) -> Self | tuple[Self, dict[str, Any]]:
        """Build a processor from a file's keys; keywords as in `from_pretrained`."""
        known = {key for key in kwargs if cls.accepts(key) or key in values}
        processor = cls(**{**values, **{key: kwargs[key] for key in known}})
        unused = {key: value for key, value in kwargs.items() if key not in known}
        if return_unused_kwargs:
            return processor, unused
        if unused:
            warn_caller(f"{cls.__name__} has no use for {', '.join(sorted(unused))}")
        return processor

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        return cls(**read_json(json_file))

    def to_dict(self) -> dict[str, Any]:
        """Return the class's own settings, others that are not at their default, and its name."""
        values = super().to_dict()
        if self._processor_class is not None:
            values["processor_class"] = self._processor_class
        return {**values, f"{self.kind}_type": type(self).__name__}

    def to_json_file(self, json_file_path: str | os.PathLike[str]) -> None:
        write_json(json_file_path, self.to_dict())

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **kwargs: Unpack[PushOptions],
    ) -> list[str]:
        """Write the file of its kind, ``preprocessor_config.json``, and return its path.

        With ``push_to_hub`` it is uploaded to ``repo_id``, by default the folder's name.
        """
        from automodel_core.checkpoint.places.hub.push import push_options, repository_name

        options = push_options(self.save_pretrained, kwargs)
        filename = file_of(self.kind)
        content = json_bytes(self.to_dict(), f"{filename} of {type(self).__name__}")
        with exchange_files(save_directory) as exchange:
            exchange.write(filename, content)
        if push_to_hub:
            self.push_to_hub(repository_name(repo_id, save_directory), **options)
        return [str(exchange.folder / filename)]

    def push_to_hub(self, repo_id: str, **kwargs: Unpack[PushOptions]) -> str:
        """Upload the settings to a hub repository and return the address of the commit."""
        from automodel_core.checkpoint.places.hub.model_card import CardFacts, distribution_of
        from automodel_core.checkpoint.places.hub.push import push_options, push_saved

        options = push_options(self.push_to_hub, kwargs)
        facts = CardFacts(
            kind=self.kind.replace("_", " "),
            class_name=type(self).__name__,
            loader="Auto" + self.kind.title().replace("_", ""),
            distribution=distribution_of(type(self)),
        )
        return push_saved(self.save_pretrained, repo_id, facts, options)
