"""What a plugin declares: frozen data in which every class is named as ``"module:attribute"``.

Building a manifest imports nothing, so that a plugin can be listed without its modelling code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from automodel_core.errors import AutomodelError, GenerationArgumentError, UnsupportedTaskError
from automodel_core.registry.manifest_base import (
    PLUGIN_API,
    FrozenTable,
    Manifest,
    NamedFunction,
    NamedManifest,
    RankedManifest,
)

__all__ = [
    "BASIC_STRATEGIES",
    "COMPONENT_KINDS",
    "HOOKS",
    "Architecture",
    "AttentionImplementation",
    "CheckpointFormat",
    "DecodingStrategy",
    "Head",
    "LoadContext",
    "Quantizer",
    "Source",
    "Task",
]

COMPONENT_KINDS = (
    "tokenizer",
    "image_processor",
    "video_processor",
    "feature_extractor",
    "processor",
)
"""The preprocessors that an architecture may have, in the order in which one is looked for."""

BASIC_STRATEGIES = ("greedy", "sample", "beam", "beam_sample", "group_beam")
"""The strategies that ``num_beams``, ``num_beam_groups`` and ``do_sample`` choose among."""

_SETTING = re.compile(r"[a-z]\w*")
_AUTO_CLASS = re.compile(r"Auto[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(Manifest):
    """One model type: its config, its model for each task, its tokenizer and processors.

    ``models`` maps the names of tasks to references. A tokenizer or processor is a reference, or a
    tuple of them: the first is the architecture's own, the others are found where a checkpoint
    names their class. Each name in ``aliases`` is a further model type that the same classes serve;
    it needs an entry point of its own, with the same module. ``plugin_api`` is the plugin API that
    the plugin was written for: state it as a literal, because the default follows the installed
    core.
    """

    model_type: str
    config: str
    models: Mapping[str, str]
    tokenizer: str | tuple[str, ...] | None = None
    image_processor: str | tuple[str, ...] | None = None
    video_processor: str | tuple[str, ...] | None = None
    feature_extractor: str | tuple[str, ...] | None = None
    processor: str | tuple[str, ...] | None = None
    aliases: tuple[str, ...] = ()
    plugin_api: tuple[int, int] = PLUGIN_API

    def __post_init__(self) -> None:
        self._plugin_api(self.plugin_api)
        self._name("model_type", self.model_type)
        self._reference("config", self.config)
        if not isinstance(self.models, Mapping):
            raise TypeError(
                "Architecture.models must map task names to references, "
                f"got {type(self.models).__name__} {self.models!r:.200}"
            )
        for task, model in self.models.items():
            self._task("models", task)
            self._reference(f"models[{task!r}]", model)
        object.__setattr__(self, "models", FrozenTable(self.models))
        for kind in COMPONENT_KINDS:
            for reference in self.components(kind):
                self._reference(kind, reference)
        self._kind("aliases", self.aliases, tuple)
        for alias in self.aliases:
            self._name("aliases", alias)

    @property
    def label(self) -> str:
        return self.model_type

    @property
    def model_types(self) -> tuple[str, ...]:
        """Every model type that this manifest serves, its own first."""
        return (self.model_type, *self.aliases)

    def component(self, kind: str) -> str | None:
        """Return the reference of one of ``COMPONENT_KINDS``, the architecture's own."""
        return next(iter(self.components(kind)), None)

    def components(self, kind: str) -> tuple[str, ...]:
        """Return every reference of one of ``COMPONENT_KINDS``, the architecture's own first."""
        declared = {
            "tokenizer": self.tokenizer,
            "image_processor": self.image_processor,
            "video_processor": self.video_processor,
            "feature_extractor": self.feature_extractor,
            "processor": self.processor,
        }[kind]
        if declared is None:
            return ()
        return declared if isinstance(declared, tuple) else (declared,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head(Manifest):
    """A model for a task of a model type that another plugin owns."""

    model_type: str
    task: str
    model: str
    plugin_api: tuple[int, int] = PLUGIN_API

    def __post_init__(self) -> None:
        self._plugin_api(self.plugin_api)
        self._name("model_type", self.model_type)
        self._task("task", self.task)
        self._reference("model", self.model)

    @property
    def label(self) -> str:
        """How preferences and messages name the head: ``model_type/task``."""
        return f"{self.model_type}/{self.task}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(NamedManifest):
    """A task and its Auto class, which is then importable from ``automodel_core``.

    ``auto_class`` is a reference of a subclass of `automodel_core.auto.AutoModelBase`, which type
    checkers know where it is imported from its own package, or the name of one that is made when
    it is asked for. ``pipelines`` maps names that ``pipeline(name)`` takes to references of
    subclasses of `automodel_core.tasks.Pipeline`. A name may be in several tasks, with the same
    reference: the first task that a checkpoint's architecture serves is used.
    """

    name: str
    auto_class: str
    description: str
    pipelines: Mapping[str, str] = field(default_factory=dict)
    plugin_api: tuple[int, int] = PLUGIN_API
    unknown: ClassVar[str] = "task {name} is not known; known are {known}"
    error: ClassVar[type[AutomodelError]] = UnsupportedTaskError

    def __post_init__(self) -> None:
        self._plugin_api(self.plugin_api)
        self._task("name", self.name)
        self._kind("auto_class", self.auto_class, str)
        if ":" in self.auto_class:
            self._reference("auto_class", self.auto_class)
        self._text(
            "auto_class", self.auto_class_name, _AUTO_CLASS, "a name that begins with 'Auto'"
        )
        self._kind("description", self.description, str)
        self._kind("pipelines", self.pipelines, Mapping)
        for name, reference in self.pipelines.items():
            self._task("pipelines", name)
            self._reference(f"pipelines[{name!r}]", reference)
        object.__setattr__(self, "pipelines", FrozenTable(self.pipelines))

    @property
    def auto_class_name(self) -> str:
        """The name by which the Auto class is imported from ``automodel_core``."""
        return self.auto_class.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFormat(RankedManifest):
    """A format of weight files; the highest ``priority`` that a checkpoint holds is read.

    ``reader`` names a callable that takes a path, and options by keyword (``disable_mmap``), and
    returns lazy tensors; ``writer``, if the format can be written, ``(tensors, file, metadata) ->
    None`` with the tensors by name and an open file. ``index_file`` is the list of shards, if the
    format has one. ``safe`` says that reading can never run code.

    Weights of another ``framework`` than torch, ``"pt"``, are asked for by ``from_tf`` and
    ``from_flax``. Their ``translation`` names a function ``(name, info) -> Translation | None``,
    which is applied to all safetensors files of that framework, too. ``pattern`` is a form of
    further names that a weight file may have, such as ``*.ckpt*.index``; ``beside`` that of the
    endings of other files that it needs, which take the place of its own.
    """

    name: str
    reader: str
    weight_file: str
    index_file: str | None = None
    priority: int = 0
    safe: bool
    writer: str | None = None
    framework: str = "pt"
    translation: str | None = None
    pattern: str | None = None
    beside: str | None = None
    plugin_api: tuple[int, int] = PLUGIN_API
    unknown: ClassVar[str] = "weight format {name} is not installed; installed are {known}"

    def __post_init__(self) -> None:
        self._plugin_api(self.plugin_api)
        self._name("name", self.name)
        self._reference("reader", self.reader)
        self._file("weight_file", self.weight_file)
        if self.index_file is not None:
            self._file("index_file", self.index_file)
        self._kind("priority", self.priority, int)
        self._kind("safe", self.safe, bool)
        self._name("framework", self.framework)
        for field_name in ("writer", "translation"):
            if (reference := getattr(self, field_name)) is not None:
                self._reference(field_name, reference)
        for field_name in ("pattern", "beside"):
            if (form := getattr(self, field_name)) is not None:
                self._file(field_name, form)


class AttentionImplementation(NamedFunction):
    """An attention kernel, chosen by ``attn_implementation=name``.

    ``function`` names ``(query, key, value, mask, *, is_causal, dropout, scale) -> Tensor``.
    """

    __slots__ = ()

    unknown = "attn_implementation={name} is not installed; installed are {known}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingStrategy(NamedFunction):
    """A way to choose tokens, looked up by name in ``generate``.

    ``function`` names ``(session, request) -> GenerateOutput``. ``settings`` are keywords of
    ``generate`` that it reads from ``request.config``, where those that nobody gave are ``None``.
    ``needs`` names those of ``BASIC_STRATEGIES`` that it may take the place of, one or a tuple; by
    default any.
    """

    settings: tuple[str, ...] = ()
    needs: str | tuple[str, ...] = ()
    unknown: ClassVar[str] = "decoding strategy {name} is not installed; installed are {known}"
    error: ClassVar[type[AutomodelError]] = GenerationArgumentError

    def __post_init__(self) -> None:
        NamedFunction.__post_init__(self)
        self._kind("settings", self.settings, tuple)
        for setting in self.settings:
            self._text("settings", setting, _SETTING, "a Python name")
        for basic in self.replaces:
            if basic not in BASIC_STRATEGIES:
                raise ValueError(
                    f"DecodingStrategy.needs must be of {', '.join(BASIC_STRATEGIES)}, "
                    f"got {basic!r:.200}"
                )

    @property
    def replaces(self) -> tuple[str, ...]:
        """The strategies that it may take the place of; empty for any."""
        return (self.needs,) if isinstance(self.needs, str) else self.needs


class Quantizer(NamedFunction):
    """A way to hold weights in fewer bits, chosen by ``from_pretrained(weights=name)``.

    ``function`` names ``(model, settings) -> None``, which replaces layers of a loaded model;
    ``settings`` are the other keys of a ``quantization_config``.
    """

    __slots__ = ()

    unknown = "weights={name} is not installed; installed are {known}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(RankedManifest):
    """A place that checkpoints come from; the highest ``priority`` is asked first.

    ``opener`` names ``(name_or_path, options) -> CheckpointFiles | None``, where ``None`` passes
    the question on. Local folders have priority 100, the hub 0.
    """

    name: str
    opener: str
    priority: int = 50
    plugin_api: tuple[int, int] = PLUGIN_API

    def __post_init__(self) -> None:
        self._plugin_api(self.plugin_api)
        self._name("name", self.name)
        self._reference("opener", self.opener)
        self._kind("priority", self.priority, int)


HOOKS: Mapping[str, type[Manifest]] = MappingProxyType(
    {
        "automodel_architectures": Architecture,
        "automodel_heads": Head,
        "automodel_tasks": Task,
        "automodel_checkpoint_formats": CheckpointFormat,
        "automodel_attention": AttentionImplementation,
        "automodel_quantizers": Quantizer,
        "automodel_decoding_strategies": DecodingStrategy,
        "automodel_sources": Source,
    }
)
"""The registration hooks, and what each returns: a new kind of extension is a row here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadContext:
    """What an observer is told about a load. Fields may be added; none will change its meaning.

    ``model_class`` is ``"module:Class"``; ``distribution`` is the plugin that provides it, or
    ``None`` if it was registered in the process; ``commit`` is the hub's, or ``None``.
    """

    name_or_path: str
    task: str | None
    model_type: str
    model_class: str
    distribution: str | None = None
    commit: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
