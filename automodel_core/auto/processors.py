"""`AutoProcessor` and its parts: what prepares pictures, sounds and videos for a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core import registry
from automodel_core.auto.arguments import no_direct_construction, pop_choice
from automodel_core.auto.component_names import (
    class_named,
    classes_of_parts,
    install_advice,
    same_class,
    text_entry,
)
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.errors import (
    AutomodelError,
    CheckpointNotFoundError,
    RegistrationError,
    RemoteCodeRefusedError,
    TokenizationError,
    UnknownModelTypeError,
    UnsupportedTaskError,
    shown,
)

if TYPE_CHECKING:
    from automodel_core.checkpoint.places.source import CheckpointFiles

__all__ = ["AutoFeatureExtractor", "AutoImageProcessor", "AutoProcessor", "AutoVideoProcessor"]

PREPROCESSOR_FILE = "preprocessor_config.json"
PROCESSOR_FILE = "processor_config.json"
VIDEO_FILE = "video_preprocessor_config.json"
TOKENIZER_FILE = "tokenizer_config.json"


class _AutoComponent:
    """Finds one kind of component by the name in the checkpoint, then by its architecture."""

    kind: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise no_direct_construction(
            type(self).__name__, ("from_pretrained(pretrained_model_name_or_path)",)
        )

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Any:
        """Load from a folder or hub repository; other keywords override the settings.

        ``plugin`` chooses the distribution, ``config`` the architecture. ``use_fast`` is accepted
        and has no effect.
        """
        from automodel_core.checkpoint.places.options import HubOptions, caller_arguments
        from automodel_core.checkpoint.places.source import open_checkpoint

        kwargs = caller_arguments(kwargs)
        plugin, model_type = pop_choice(kwargs, "plugin"), pop_choice(kwargs, "model_type")
        kwargs.pop("use_fast", None)
        config = kwargs.pop("config", None)
        options, settings = HubOptions.split(kwargs)
        files = open_checkpoint(pretrained_model_name_or_path, options)
        found = cls._find(files, config, model_type, plugin)
        settings |= options.keywords(files.commit) | cls._for_parts(plugin)
        return found.from_pretrained(pretrained_model_name_or_path, **settings)

    @classmethod
    def _for_parts(cls, plugin: str | None) -> dict[str, Any]:
        """Return arguments for loading the parts of the class found, if it has any."""
        return {}

    @classmethod
    def _find(
        cls, files: CheckpointFiles, config: Any, model_type: str | None, plugin: str | None
    ) -> Any:
        """Return the class; the error says what was looked for and what to install."""
        named, brings_code = cls._named(files)
        problem: AutomodelError | None = None
        found = None
        try:
            found = _of_architecture(files, config, cls.kind, model_type, plugin)
        except (CheckpointNotFoundError, UnknownModelTypeError) as error:
            problem = error
        if named is not None and (found is None or not same_class(found.__name__, named)):
            found = class_named(named, cls.kind, plugin=plugin) or found
        if found is not None:
            return found
        if isinstance(problem, UnknownModelTypeError):
            raise problem
        raise cls._missing(files, named, brings_code) from problem

    @classmethod
    def _missing(
        cls, files: CheckpointFiles, named: str | None, brings_code: bool
    ) -> AutomodelError:
        what = cls.kind.replace("_", " ")
        if brings_code:
            name = "" if named is None else f" {shown(named)}"
            return RemoteCodeRefusedError(
                f"the {what}{name} of {files.place} is code in the checkpoint (auto_map), which is "
                "never run: install a package that provides it"
            )
        if named is not None:
            return UnsupportedTaskError(
                f"the {what} {shown(named)} of {files.place} is provided by no installed plugin: "
                f"{install_advice(named)}. Installed are: "
                f"{', '.join(registry.model_types()) or 'no plugins at all'}"
            )
        names = files.names() or frozenset()
        if PREPROCESSOR_FILE in names or "config.json" in names:
            return UnsupportedTaskError(
                f"{files.place} names no {what}, and its architecture has none of its own"
            )
        return CheckpointNotFoundError(
            f"{files.place} has no {what}: {PREPROCESSOR_FILE} or config.json was expected; "
            f"{files.present()}"
        )

    @classmethod
    def _named(cls, files: CheckpointFiles) -> tuple[str | None, bool]:
        """Return the class name in the checkpoint's files, and whether it brings code for it."""
        brings_code = False
        for values in _settings(files, cls.kind):
            key, code = f"{cls.kind}_type", values.get("auto_map")
            name = text_entry(values, key, f"the settings of {files.place}")
            if name is not None:
                return name, bool(code)
            brings_code |= isinstance(code, Mapping) and cls.__name__ in code
        return None, brings_code


class AutoImageProcessor(_AutoComponent):
    """Loads an image processor."""

    kind = "image_processor"

    @classmethod
    def register(
        cls,
        config_class: type[Any],
        image_processor_class: type[Any] | None = None,
        slow_image_processor_class: type[Any] | None = None,
        fast_image_processor_class: type[Any] | None = None,
        exist_ok: bool = False,
    ) -> None:
        """Let this process find an image processor for configurations of ``config_class``."""
        chosen = image_processor_class or fast_image_processor_class or slow_image_processor_class
        if chosen is None:
            raise RegistrationError("give an image_processor_class to register")
        registry.architectures.register_component(cls.kind, config_class, chosen, exist_ok=exist_ok)

    @classmethod
    def _named(cls, files: CheckpointFiles) -> tuple[str | None, bool]:
        name, brings_code = super()._named(files)
        if name is None:
            # Older checkpoints name image processors by the class's former name.
            name, older = AutoFeatureExtractor._named(files)
            name = None if name is None else name.replace("FeatureExtractor", "ImageProcessor")
            brings_code |= older
        return name, brings_code


class AutoVideoProcessor(_AutoComponent):
    """Loads a video processor; older checkpoints describe it as an image processor."""

    kind = "video_processor"

    @classmethod
    def register(
        cls, config_class: type[Any], video_processor_class: type[Any], exist_ok: bool = False
    ) -> None:
        """Let this process find a video processor for configurations of ``config_class``."""
        registry.architectures.register_component(
            cls.kind, config_class, video_processor_class, exist_ok=exist_ok
        )

    @classmethod
    def _named(cls, files: CheckpointFiles) -> tuple[str | None, bool]:
        name, brings_code = super()._named(files)
        if name is None:
            name, older = AutoImageProcessor._named(files)
            name = None if name is None else name.replace("ImageProcessor", "VideoProcessor")
            brings_code |= older
        return name, brings_code


class AutoFeatureExtractor(_AutoComponent):
    """Loads a feature extractor: of audio or, in older checkpoints, of images."""

    kind = "feature_extractor"

    @classmethod
    def register(
        cls, config_class: type[Any], feature_extractor_class: type[Any], exist_ok: bool = False
    ) -> None:
        """Let this process find a feature extractor for configurations of ``config_class``."""
        registry.architectures.register_component(
            cls.kind, config_class, feature_extractor_class, exist_ok=exist_ok
        )


class AutoProcessor(_AutoComponent):
    """Loads a processor, or the only preprocessor that a checkpoint has."""

    kind = "processor"

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Any:
        """Load the processor of a folder or hub repository.

        Without one, the answer is its tokenizer, image processor or feature extractor.
        """
        from automodel_core.auto.tokenizer import AutoTokenizer

        parts: tuple[Any, ...] = (
            AutoTokenizer,
            AutoImageProcessor,
            AutoVideoProcessor,
            AutoFeatureExtractor,
        )
        problems = []
        for load in (super().from_pretrained, *(part.from_pretrained for part in parts)):
            try:
                return load(pretrained_model_name_or_path, **kwargs)
            except RemoteCodeRefusedError:
                raise
            except (CheckpointNotFoundError, TokenizationError, UnsupportedTaskError) as error:
                problems.append(error)
        raise UnsupportedTaskError(
            f"{shown(os.fspath(pretrained_model_name_or_path))} has neither a processor nor a "
            f"tokenizer, image processor or feature extractor that an installed plugin can read. "
            f"As a processor: {problems[0]}. As a tokenizer: {problems[1]}"
        ) from problems[0]

    @classmethod
    def register(
        cls, config_class: type[Any], processor_class: type[Any], exist_ok: bool = False
    ) -> None:
        """Let this process find a processor for configurations of ``config_class``."""
        registry.architectures.register_component(
            cls.kind, config_class, processor_class, exist_ok=exist_ok
        )

    @classmethod
    def _for_parts(cls, plugin: str | None) -> dict[str, Any]:
        return {} if plugin is None else {"plugin": plugin}

    @classmethod
    def _named(cls, files: CheckpointFiles) -> tuple[str | None, bool]:
        for filename in (PROCESSOR_FILE, PREPROCESSOR_FILE, TOKENIZER_FILE):
            values = _read(files, filename)
            name = text_entry(values, "processor_class", f"{filename} of {files.place}")
            if name is not None:
                return name, bool(values.get("auto_map"))
        return None, False


def _of_architecture(
    files: CheckpointFiles, config: Any, kind: str, model_type: str | None, plugin: str | None
) -> Any | None:
    """Return the class of the checkpoint's architecture, or of a part of it."""
    from automodel_core.auto.config_class import config_class_of
    from automodel_core.checkpoint.places.config_file import build_config, config_values

    if config is None:
        values = config_values(files)
        class_of = partial(config_class_of, model_type=model_type, plugin=plugin)
        config, _ = build_config(values, files.name, files, {}, class_of)
    found = registry.architectures.component_class(config, kind, plugin=plugin)
    return found or next(iter(classes_of_parts(config, kind).values()), None)


def _settings(files: CheckpointFiles, kind: str) -> list[Mapping[str, Any]]:
    """Return the places where a kind of component may be described."""
    nested = _read(files, PROCESSOR_FILE).get(kind)
    own = VIDEO_FILE if kind == AutoVideoProcessor.kind else PREPROCESSOR_FILE
    return [_read(files, own), nested if isinstance(nested, Mapping) else {}]


def _read(files: CheckpointFiles, filename: str) -> dict[str, Any]:
    from automodel_core.checkpoint.places.json_files import read_json

    path = files.find(filename)
    return {} if path is None else read_json(path)
