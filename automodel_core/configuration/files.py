"""``config.json``: how a configuration is read from a folder or the hub, and written."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.deprecation import Renamed
from automodel_core.errors import located, shown, warn_caller

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack, dataclass_transform

    from automodel_core.checkpoint.places.hub.push import PushOptions
else:

    def dataclass_transform(**_options: Any) -> Any:
        return lambda cls: cls


__all__ = ["ConfigFiles"]


@dataclass_transform(kw_only_default=True)  # fields of subclasses are arguments of theirs
class ConfigFiles:
    """What is read from ``config.json`` and written to it; a subclass says what is in it."""

    model_type: ClassVar[str] = ""
    renamed_keys: ClassVar[Mapping[str, Renamed]] = {}
    """Keys by their old names. Files may have these silently; a caller is told the new one."""
    base_config_key: ClassVar[str] = ""
    """The key under which the configuration of a larger model may hold one of this class."""

    @classmethod
    def own_values(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the keys of this class: those of a part, where the whole is another model's."""
        part = values.get(cls.base_config_key)
        if values.get("model_type") == cls.model_type or not isinstance(part, Mapping):
            return values
        whole = ("_name_or_path", "architectures")
        return {**part, **{key: values[key] for key in whole if key in values}}

    @classmethod
    def _new_key(cls, key: str) -> str:
        return cls.renamed_keys[key].new if key in cls.renamed_keys else key

    @classmethod
    def _told_key(cls, key: str) -> str:
        """Return the new name of a key that a caller uses, and warn of an old one."""
        if key in cls.renamed_keys:
            cls.renamed_keys[key].warn(f"{cls.__name__}: the key {key!r}")
        return cls._new_key(key)

    @classmethod
    @abstractmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Build a configuration from ``config.json``'s keys; arguments as in `from_pretrained`."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return every key and value as ``config.json`` may hold them."""

    @abstractmethod
    def to_diff_dict(self) -> dict[str, Any]:
        """Return the keys that are worth writing."""

    # ---- reading ----

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: Literal[False] = False,
        revision: str | None = None,
        subfolder: str = "",
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        **config_keys: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: Literal[True],
        **kwargs: Any,
    ) -> tuple[Self, dict[str, Any]]: ...

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Any:
        """Read ``config.json`` of a folder or hub repository; other arguments override its keys.

        With ``return_unused_kwargs=True`` the result is ``(config, unused)``. Raises
        `CheckpointNotFoundError` when there is no such file and `ConfigurationError` for a bad
        value.
        """
        values, kwargs = cls.get_config_dict(pretrained_model_name_or_path, **kwargs)
        cls.warn_of_other_type(values)
        with located("config.json", values["_name_or_path"]):
            return cls.from_dict(values, **kwargs)

    @classmethod
    def warn_of_other_type(cls, values: Mapping[str, Any]) -> None:
        """Warn if the keys of a ``config.json`` belong to another model type."""
        found = cls.own_values(values).get("model_type")
        if found and cls.model_type and found != cls.model_type:
            warn_caller(
                f"{values['_name_or_path']} is a checkpoint of model type {shown(found)}, "
                f"read as {cls.__name__} (model type {cls.model_type!r})"
            )

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the keys of ``config.json``, and the arguments that did not say where it is."""
        from automodel_core.checkpoint.places.json_files import read_json
        from automodel_core.checkpoint.places.options import HubOptions
        from automodel_core.checkpoint.places.source import open_checkpoint

        options, rest = HubOptions.split(kwargs)
        if (file := options.single_file(pretrained_model_name_or_path)) is not None:
            values = read_json(file)
        else:
            files = open_checkpoint(pretrained_model_name_or_path, options)
            values = read_json(files.require("config.json"))
        values["_name_or_path"] = str(pretrained_model_name_or_path)
        return values, rest

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        from automodel_core.checkpoint.places.json_files import read_json

        with located("the configuration", os.fspath(json_file)):
            config: Self = cls.from_dict(read_json(Path(json_file)))
        return config

    def to_json_string(self, use_diff: bool = True) -> str:
        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str], use_diff: bool = True) -> None:
        from automodel_core.checkpoint.places.json_files import write_json

        write_json(Path(json_file_path), self.to_diff_dict() if use_diff else self.to_dict())

    def update_from_string(self, update_str: str) -> None:
        """Set keys as in ``"n_embd=10,resid_pdrop=0.2,scale=true"``, which must be known ones.

        A value has the type of the one that it replaces. Raises `ConfigurationError` for unknown
        keys and for values of another type.
        """
        from automodel_core.configuration.texts import parsed_keys

        for key, value in parsed_keys(self, update_str).items():
            setattr(self, key, value)

    def file_content(self) -> bytes:
        """Return what ``config.json`` holds; `SerializationError` names what JSON cannot hold."""
        from automodel_core.checkpoint.places.json_files import json_bytes

        return json_bytes(self.to_diff_dict(), f"config.json of {type(self).__name__}")

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **kwargs: Unpack[PushOptions],
    ) -> None:
        """Write ``config.json`` into a folder, made if needed.

        With ``push_to_hub`` it is uploaded to ``repo_id``, by default the folder's name. Raises
        ``NotADirectoryError`` if the path is a file.
        """
        from automodel_core.checkpoint.places.exchange import exchange_files
        from automodel_core.checkpoint.places.hub.push import push_options, repository_name

        options, content = push_options(self.save_pretrained, kwargs), self.file_content()
        with exchange_files(save_directory) as exchange:
            exchange.write("config.json", content)
        if push_to_hub:
            self.push_to_hub(repository_name(repo_id, save_directory), **options)

    def push_to_hub(self, repo_id: str, **kwargs: Unpack[PushOptions]) -> str:
        """Upload ``config.json`` to a hub repository and return the address of the commit."""
        from automodel_core import registry
        from automodel_core.checkpoint.places.hub.model_card import CardFacts
        from automodel_core.checkpoint.places.hub.push import push_files, push_options

        options = push_options(self.push_to_hub, kwargs)
        facts = CardFacts(
            kind="configuration",
            class_name=type(self).__name__,
            loader="AutoConfig",
            distribution=registry.architectures.provider(self),
            model_type=self.model_type,
        )
        return push_files({"config.json": self.file_content()}, repo_id, facts, options)
