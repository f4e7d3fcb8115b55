"""``generation_config.json``: read, written, and uploaded. No torch."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.errors import located, shown, warn_caller
from automodel_core.generation.settings.checks import problems_of, sentences

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack, dataclass_transform

    from automodel_core.checkpoint.places.hub.push import PushOptions
else:

    def dataclass_transform(**_options: Any) -> Any:
        return lambda cls: cls


__all__ = ["GENERATION_CONFIG_NAME", "GenerationConfigFiles"]

GENERATION_CONFIG_NAME = "generation_config.json"


@dataclass_transform(kw_only_default=True)  # fields of the subclass are arguments of its own
class GenerationConfigFiles:
    """Read and write a generation config; the subclass has its fields."""

    @classmethod
    @abstractmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Build from a mapping, overridden by ``kwargs``."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return every field, set or not, and every key that was kept."""

    @abstractmethod
    def to_diff_dict(self) -> dict[str, Any]:
        """Return the fields that are set."""

    @classmethod
    def from_json_file(cls, path: str | PathLike[str], **kwargs: Any) -> Self:
        """Read one ``generation_config.json``."""
        from automodel_core.checkpoint.places.json_files import read_json

        with located("the generation config", fspath(path)):
            config: Self = cls.from_dict(read_json(Path(path)), **kwargs)
        return config

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name: str | PathLike[str],
        config_file_name: str | None = None,
        *,
        return_unused_kwargs: Literal[False] = False,
        revision: str | None = None,
        subfolder: str = "",
        cache_dir: str | PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        lock: str | PathLike[str] | Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name: str | PathLike[str],
        config_file_name: str | None = None,
        *,
        return_unused_kwargs: Literal[True],
        **kwargs: Any,
    ) -> tuple[Self, dict[str, Any]]: ...

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls,
        pretrained_model_name: str | PathLike[str],
        config_file_name: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Read the generation config of a local folder or of a repository on the hub.

        Hub options (``revision``, ``token``, ``local_files_only``, ...) and overrides of fields may
        be given by keyword.
        """
        from automodel_core.checkpoint.places.options import HubOptions
        from automodel_core.checkpoint.places.source import open_checkpoint

        options, settings = HubOptions.split(kwargs)
        files = open_checkpoint(pretrained_model_name, options)
        path = files.require(config_file_name or GENERATION_CONFIG_NAME)
        return cls.from_json_file(path, **settings)

    def to_json_string(self, use_diff: bool = True) -> str:
        """Return the settings as JSON text; what JSON cannot hold is left out with a warning."""
        settings = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(_json_ready(settings), indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str], use_diff: bool = True) -> None:
        """Write what `to_json_string` returns."""
        with open(json_file_path, "w", encoding="utf-8") as file:
            file.write(self.to_json_string(use_diff))

    def file_content(self) -> bytes:
        """Return what ``generation_config.json`` holds.

        How to compile is about this machine, and is left out. Settings that do not fit together,
        and those that JSON cannot hold, are warned of.
        """
        from automodel_core.checkpoint.places.json_files import json_bytes

        problems = problems_of(vars(self))
        if problems:
            warn_caller(f"{sentences(problems)} The config is saved as it is.")
        settings = self.to_diff_dict()
        settings.pop("compile_config", None)
        return json_bytes(_json_ready(settings), GENERATION_CONFIG_NAME)

    def save_pretrained(
        self,
        save_directory: str | PathLike[str],
        config_file_name: str | None = None,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **kwargs: Unpack[PushOptions],
    ) -> None:
        """Write the config into a folder; see `file_content`.

        With ``push_to_hub`` it is uploaded to ``repo_id``, by default the folder's name.
        """
        from automodel_core.checkpoint.places.exchange import exchange_files
        from automodel_core.checkpoint.places.hub.push import push_options, repository_name

        options, content = push_options(self.save_pretrained, kwargs), self.file_content()
        with exchange_files(save_directory) as exchange:
            exchange.write(config_file_name or GENERATION_CONFIG_NAME, content)
        if push_to_hub:
            self.push_to_hub(repository_name(repo_id, save_directory), config_file_name, **options)

    def push_to_hub(
        self, repo_id: str, config_file_name: str | None = None, **kwargs: Unpack[PushOptions]
    ) -> str:
        """Upload the config to a hub repository and return the address of the commit."""
        from automodel_core.checkpoint.places.hub.model_card import CardFacts
        from automodel_core.checkpoint.places.hub.push import push_files, push_options

        options = push_options(self.push_to_hub, kwargs)
        name = type(self).__name__
        files = {config_file_name or GENERATION_CONFIG_NAME: self.file_content()}
        return push_files(files, repo_id, CardFacts("generation config", name, name), options)


def _json_ready(settings: dict[str, Any]) -> dict[str, Any]:
    """Turn tuple keys into lists, and drop, with a warning, what JSON cannot hold."""
    ready: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "sequence_bias" and isinstance(value, Mapping):
            value = [[list(ids), bias] for ids, bias in value.items()]
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            warn_caller(f"generation setting {name!r} is left out: JSON cannot hold {shown(value)}")
        else:
            ready[name] = value
    return ready
