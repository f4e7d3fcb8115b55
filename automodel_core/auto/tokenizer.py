"""`AutoTokenizer`: the tokenizer of any checkpoint, without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from automodel_core import registry
from automodel_core.auto.arguments import no_direct_construction, pop_choice
from automodel_core.auto.component_names import (
    class_named,
    classes_of_parts,
    install_advice,
    same_class,
    text_entry,
)
from automodel_core.checkpoint.loading.gc_pause import gc_paused
from automodel_core.checkpoint.places.file_names import NO_GGUF
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.errors import (
    CheckpointNotFoundError,
    InputError,
    PluginNotInstalledError,
    RegistrationError,
    RemoteCodeRefusedError,
    TokenizationError,
    UnknownModelTypeError,
    shown,
    warn_caller,
)

if TYPE_CHECKING:
    from automodel_core.checkpoint.places.options import HubOptions
    from automodel_core.checkpoint.places.source import CheckpointFiles
    from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

__all__ = ["AutoTokenizer"]

SETTINGS_FILE = "tokenizer_config.json"
PIPELINE_FILE = "tokenizer.json"
GENERIC = frozenset({"PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend"})
"""Class names in checkpoints whose ``tokenizer.json`` is a complete tokenizer."""
KIND = "tokenizer"


class AutoTokenizer:
    """Reads a tokenizer with the class that the checkpoint names, or its architecture's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise no_direct_construction(
            type(self).__name__, ("from_pretrained(pretrained_model_name_or_path)",)
        )

    @classmethod
    @gc_paused()
    @reread_on_change
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *inputs: Any,
        **kwargs: Any,
    ) -> PreTrainedTokenizer:
        """Load the tokenizer of a folder or hub repository.

        The class is the one that ``tokenizer_config.json`` names, then the one of the model type
        in ``config.json``; a ``tokenizer.json`` alone is enough too. ``tokenizer_type`` (a model
        type) or ``config`` choose it instead, ``plugin`` the distribution. ``use_fast`` is
        accepted: there is one kind of tokenizer. Other keywords override the settings.
        """
        from automodel_core.checkpoint.places.options import HubOptions, caller_arguments
        from automodel_core.checkpoint.places.source import open_checkpoint

        name = pretrained_model_name_or_path
        kwargs = caller_arguments(kwargs)
        plugin, model_type = pop_choice(kwargs, "plugin"), pop_choice(kwargs, "model_type")
        kwargs.pop("use_fast", None)
        if kwargs.pop("gguf_file", None) is not None:
            raise InputError(f"gguf_file= is not supported. {NO_GGUF}")
        config = kwargs.pop("config", None)
        tokenizer_type = kwargs.pop("tokenizer_type", model_type)
        options, settings = HubOptions.split(kwargs)
        files = open_checkpoint(name, options) if options.single_file(name) is None else None
        choice = _Choice(name, files, plugin)
        tokenizer_class = (
            choice.of_type(tokenizer_type) if tokenizer_type is not None else choice.of(config)
        )
        arguments = {**settings, **_where(tokenizer_class, files, options)}
        tokenizer: PreTrainedTokenizer = tokenizer_class.from_pretrained(name, *inputs, **arguments)
        return tokenizer

    @classmethod
    def register(
        cls,
        config_class: type[Any],
        slow_tokenizer_class: type[Any] | None = None,
        fast_tokenizer_class: type[Any] | None = None,
        tokenizer_class: type[Any] | None = None,
        exist_ok: bool = False,
    ) -> None:
        """Let this process find a tokenizer class for configurations of ``config_class``.

        Of several classes the one given last in the signature is used; raises `RegistrationError`
        if there is one already, unless ``exist_ok``.
        """
        chosen = tokenizer_class or fast_tokenizer_class or slow_tokenizer_class
        if chosen is None:
            raise RegistrationError("give a tokenizer_class to register")
        registry.architectures.register_component(KIND, config_class, chosen, exist_ok=exist_ok)


@dataclass(frozen=True)
class _Choice:
    """Finds the tokenizer class of one checkpoint; ``files`` is ``None`` for a single file."""

    name: str | os.PathLike[str]
    files: CheckpointFiles | None
    plugin: str | None

    def of_type(self, model_type: str) -> Any:
        """Return the class of a model type that the caller named."""
        if not isinstance(model_type, str):
            raise InputError(f"tokenizer_type={shown(model_type)}: expected a model type")
        try:
            reference = registry.get(model_type, plugin=self.plugin).component(KIND)
            found = None if reference is None else registry.resolve(reference)
        except UnknownModelTypeError:
            # A model type that this process registered, or an error that names what to install.
            config = registry.architectures.config_class(model_type, plugin=self.plugin)()
            found = registry.architectures.component_class(config, KIND)
        if found is None:
            raise TokenizationError(f"model type {shown(model_type)} has no tokenizer of its own")
        return found

    def of(self, config: Any) -> Any:
        """Return the class that the checkpoint's files, or the given configuration, name."""
        if self.files is None and config is None:
            return self._of_single_file()
        settings = self._read(SETTINGS_FILE)
        values = self._read("config.json")
        place = "" if self.files is None else self.files.place
        named = text_entry(settings, "tokenizer_class", f"{SETTINGS_FILE} of {place}")
        named = named or text_entry(values, "tokenizer_class", f"config.json of {place}")
        if named is not None and named in GENERIC and self._has_pipeline():
            return _generic()
        try:
            found = self._of_config(values, config, named)
        except PluginNotInstalledError:
            if named is not None and (other := class_named(named, KIND, plugin=self.plugin)):
                return other
            raise
        except UnknownModelTypeError:
            if not self._has_pipeline():
                raise
            found = None
        if named is None or named in GENERIC:
            if found is None and not self._has_pipeline():
                raise self._nothing(config or values)
            return found or _generic()
        if found is not None and same_class(found.__name__, named):
            return found
        model_type = text_entry(values, "model_type", f"config.json of {place}")
        other = class_named(named, KIND, plugin=self.plugin, model_type=model_type)
        if other is None and config is not None:
            other = found
        return other or self._instead_of(named, settings)

    def _read(self, filename: str) -> dict[str, Any]:
        from automodel_core.checkpoint.places.json_files import read_json

        path = None if self.files is None else self.files.find(filename)
        return {} if path is None else read_json(path)

    def _has_pipeline(self) -> bool:
        return self.files is not None and self.files.has(PIPELINE_FILE)

    def _of_config(self, values: Mapping[str, Any], config: Any, named: str | None) -> Any | None:
        """Return the class of the architecture; of a composite, that of the part that has one."""
        from automodel_core.auto.config_class import config_class_of
        from automodel_core.checkpoint.places.config_file import build_config, read_config
        from automodel_core.checkpoint.places.options import HubOptions

        class_of = partial(config_class_of, plugin=self.plugin)
        if config is None:
            if not values:
                return None
            if "model_type" not in values and self._has_pipeline():
                return None
            config, _ = build_config(values, self.name, None, {}, class_of)
        elif isinstance(config, str | os.PathLike):
            config, _ = read_config(config, HubOptions(), {}, class_of)
        found = registry.architectures.component_class(config, KIND, plugin=self.plugin)
        return found if found is not None else _of_parts(config, named)

    def _of_single_file(self) -> Any:
        if str(self.name).endswith(".json"):
            return _generic()
        if str(self.name).endswith(".gguf"):
            raise InputError(f"{shown(os.fspath(self.name))} holds no tokenizer. {NO_GGUF}")
        raise InputError(
            f"{shown(os.fspath(self.name))} is a single file: say with tokenizer_type= (a model "
            "type) what it belongs to, or give its folder"
        )

    def _instead_of(self, named: str, settings: Mapping[str, Any]) -> Any:
        """Return the generic class for a checkpoint that names one that is not installed."""
        if self._has_pipeline():
            warn_caller(
                f"tokenizer class {shown(named)} of {shown(os.fspath(self.name))} is provided by "
                f"no installed plugin; {PIPELINE_FILE} is used as it is, without what the class "
                "may add"
            )
            return _generic()
        if settings.get("auto_map"):
            raise RemoteCodeRefusedError(
                f"the tokenizer of {shown(os.fspath(self.name))} is code in the checkpoint "
                f"(auto_map in {SETTINGS_FILE}), which is never run: install a package that "
                f"provides {named}, or save the tokenizer as {PIPELINE_FILE}"
            )
        raise TokenizationError(
            f"Tokenizer class {shown(named)} of {shown(os.fspath(self.name))} is provided by no "
            f"installed plugin, and there is no {PIPELINE_FILE}: {install_advice(named)}, "
            "or choose another one with tokenizer_type= (one of "
            f"{', '.join(registry.model_types()) or 'none is installed'})"
        )

    def _nothing(self, described: Any) -> Exception:
        place = shown(os.fspath(self.name)) if self.files is None else self.files.place
        present = "" if self.files is None else f"; {self.files.present()}"
        if self.files is not None and any(n.endswith(".gguf") for n in self.files.names() or ()):
            present += f". {NO_GGUF}"
        if described:
            return TokenizationError(
                f"{place} has no {PIPELINE_FILE}, and its architecture has no tokenizer of its "
                f"own: give the folder of the tokenizer, or tokenizer_type={present}"
            )
        return CheckpointNotFoundError(
            f"{place} has no tokenizer: one of {SETTINGS_FILE}, config.json and {PIPELINE_FILE} "
            f"was expected{present}"
        )


def _of_parts(config: Any, named: str | None) -> Any | None:
    """Return the tokenizer class of the first part of a composite that has one.

    Where the checkpoint itself names one, it is clear which is meant.
    """
    found = classes_of_parts(config, KIND)
    first = next(iter(found), None)
    if first is None:
        return None
    if named is None and len({*found.values()}) > 1:
        warn_caller(
            f"{' and '.join(found)} have different tokenizers; {found[first].__name__}, the "
            f"{first}'s, is used. Load another part's from its own checkpoint"
        )
    return found[first]


def _generic() -> Any:
    from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

    return PreTrainedTokenizer


def _where(
    tokenizer_class: Any, files: CheckpointFiles | None, options: HubOptions
) -> dict[str, Any]:
    """Return the opened files, or hub options with their commit, as arguments of the class."""
    from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

    if files is not None and issubclass(tokenizer_class, PreTrainedTokenizer):
        return {"checkpoint": files}
    return options.keywords(None if files is None else files.commit)
