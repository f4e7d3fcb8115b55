"""`AutoConfig`: the configuration of any checkpoint whose architecture is installed."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from automodel_core import registry
from automodel_core.auto.arguments import (
    config_keys,
    no_direct_construction,
    pop_choice,
)
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.errors import RegistrationError, did_you_mean, shown, warn_caller

if TYPE_CHECKING:
    from automodel_core.configuration import PreTrainedConfig

__all__ = ["AutoConfig"]


class AutoConfig:
    """Reads a configuration with the class of its architecture."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise no_direct_construction(
            type(self).__name__, ("from_pretrained(pretrained_model_name_or_path)",)
        )

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: Literal[True],
        **kwargs: Any,
    ) -> tuple[PreTrainedConfig, dict[str, Any]]: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: Literal[False] = False,
        **kwargs: Any,
    ) -> PreTrainedConfig: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: bool,
        **kwargs: Any,
    ) -> Any: ...

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Read the ``config.json`` of a folder, a hub repository, or the file itself.

        Keywords that name attributes override them, and dicts are merged into sub-configs; others
        are warned about, or returned with ``return_unused_kwargs=True``. ``model_type`` overrules
        the file's, ``plugin`` chooses the distribution; hub options are ``revision``,
        ``subfolder``, ``cache_dir``, ``token``, ``local_files_only``, ``force_download`` and
        ``lock``, what ``automodel-core lock`` printed or the path of it.
        """
        from automodel_core.auto.config_class import config_class_of
        from automodel_core.checkpoint.places.config_file import read_config
        from automodel_core.checkpoint.places.options import HubOptions, caller_arguments

        kwargs = caller_arguments(kwargs)
        plugin, model_type = pop_choice(kwargs, "plugin"), pop_choice(kwargs, "model_type")
        hub, overrides = HubOptions.split(kwargs)
        class_of = partial(config_class_of, model_type=model_type, plugin=plugin)
        config, unused = read_config(pretrained_model_name_or_path, hub, overrides, class_of)
        if return_unused_kwargs:
            return config, unused
        for key in unused:
            warn_caller(_unknown(key, config))
        return config

    @classmethod
    def for_model(cls, model_type: str, *args: Any, **kwargs: Any) -> PreTrainedConfig:
        """Return a new configuration of a model type; the arguments go to its class."""
        config: PreTrainedConfig = registry.architectures.config_class(model_type)(*args, **kwargs)
        return config

    @classmethod
    def register(cls, model_type: str, config: type[Any], exist_ok: bool = False) -> None:
        """Let this process read a model type with a config class of your own.

        Raises `RegistrationError` if something provides the model type, unless ``exist_ok``.
        """
        if isinstance(config, type) and "from_dict" not in dir(config):
            raise RegistrationError(
                f"{config.__module__}.{config.__qualname__} has no from_dict; derive it from "
                "automodel_core.configuration.PreTrainedConfig"
            )
        registry.architectures.register_config(model_type, config, exist_ok=exist_ok)


def _unknown(key: str, config: Any) -> str:
    return (
        f"{type(config).__name__} has no {shown(key)}{did_you_mean(key, config_keys(config))}; the "
        "argument is not used (return_unused_kwargs=True returns what is not)"
    )
