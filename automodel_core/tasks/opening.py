"""`pipeline`: from the name of a task, and perhaps of a checkpoint, to what answers inputs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automodel_core import auto, registry
from automodel_core.errors import (
    BackendUnavailableError,
    CheckpointNotFoundError,
    InputError,
    RemoteCodeRefusedError,
    TokenizationError,
    UnsupportedTaskError,
    did_you_mean,
    shown,
    warn_caller,
)
from automodel_core.processing import ProcessorMixin
from automodel_core.registry.task_table import PIPELINES
from automodel_core.tasks.defaults import NOT_SERVED_YET, usual_checkpoints

if TYPE_CHECKING:
    import torch

    from automodel_core.tasks.base.pipeline import Pipeline

__all__ = ["get_supported_tasks", "pipeline"]

logger = logging.getLogger(__name__)

TRANSLATION = "translation"
LOADERS: Mapping[str, Any] = {
    "tokenizer": auto.AutoTokenizer,
    "image_processor": auto.AutoImageProcessor,
    "feature_extractor": auto.AutoFeatureExtractor,
    "processor": auto.AutoProcessor,
}
ABSENT = (CheckpointNotFoundError, TokenizationError, UnsupportedTaskError)
"""What is raised where a checkpoint has no preprocessor of a kind."""


def get_supported_tasks() -> list[str]:
    """Return the names that `pipeline` takes, those of installed plugins among them."""
    return sorted((*registry.parts.pipelines(), "translation_XX_to_YY"))


def pipeline(
    task: str | None = None,
    model: Any = None,
    config: Any = None,
    tokenizer: Any = None,
    feature_extractor: Any = None,
    image_processor: Any = None,
    processor: Any = None,
    framework: str | None = None,
    revision: str | None = None,
    use_fast: bool = True,
    token: str | bool | None = None,
    device: int | str | torch.device | None = None,
    device_map: Any = None,
    dtype: Any = "auto",
    trust_remote_code: bool | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    pipeline_class: type[Pipeline] | None = None,
    **kwargs: Any,
) -> Pipeline:
    """Return what answers inputs of a task with a checkpoint, or with a model that is loaded.

    ``model`` is a folder, a repository or a model; without it the task's usual checkpoint is
    loaded, without ``task`` the checkpoint's own is found. Components are loaded with the model, or
    given: loaded, named, or ``(name, options)``. ``model_kwargs`` are for ``from_pretrained``,
    other keywords are options of the pipeline. A model loaded here moves to the first accelerator.
    """
    if framework not in (None, "pt"):
        raise BackendUnavailableError(
            f"framework={shown(framework)} is not served: models are torch's, 'pt'"
        )
    loading = {**(model_kwargs or {})}
    for key, value in (("token", token), ("trust_remote_code", trust_remote_code)):
        if value is not None:
            loading[key] = value
    older = kwargs.pop("torch_dtype", None)
    _take_placement(loading, device_map, older if dtype == "auto" and older is not None else dtype)
    if model is None:
        model, revision = _usual(task, revision, tokenizer, feature_extractor)
    if revision is not None:
        loading["revision"] = revision
    hub = {key: loading[key] for key in HUB if key in loading}
    named = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    if config is not None and named is not None:
        loading["config"] = config
    config = _config(model if config is None else config, hub)
    task = _task_of(config) if task is None else task
    reference, tasks = _found(task)
    chosen: Any = registry.resolve(reference) if pipeline_class is None else pipeline_class
    if named is not None:
        model = _load(named, task, tasks, config, loading)
        if device is None and device_map is None:
            device = 0
    given = {
        "tokenizer": tokenizer,
        "image_processor": image_processor,
        "feature_extractor": feature_extractor,
        "processor": processor,
    }
    place = named or config._name_or_path or None
    parts = _components(chosen, given, place, {**hub, "use_fast": use_fast})
    task = _with_languages(task, config)
    made: Pipeline = chosen(model=model, task=task, device=device, **parts, **kwargs)
    return made


HUB = (
    "cache_dir",
    "force_download",
    "local_files_only",
    "lock",
    "plugin",
    "revision",
    "subfolder",
    "token",
    "trust_remote_code",
)
"""The arguments of loading that say where files are, and hold for all components."""


def _take_placement(loading: dict[str, Any], device_map: Any, dtype: Any) -> None:
    """Put ``device_map`` and ``dtype`` among the arguments of loading, each of them once."""
    for key, value, usual in (("device_map", device_map, None), ("dtype", dtype, "auto")):
        inside = {"dtype", "torch_dtype"} if key == "dtype" else {key}
        if value == usual:
            continue
        if inside & loading.keys():
            raise InputError(f"{key}= is given twice, as itself and in model_kwargs=")
        loading[key] = value


def _usual(
    task: str | None, revision: str | None, tokenizer: Any, feature_extractor: Any
) -> tuple[str, str]:
    """Return the checkpoint and revision that a task has if none is named."""
    if task is None:
        raise InputError("give a task or a model: pipeline('fill-mask'), pipeline(model=NAME)")
    for name, part in (("tokenizer", tokenizer), ("feature_extractor", feature_extractor)):
        if part is not None:
            raise InputError(f"{name}= is given without model=: which model is it for?")
    _found(task)
    usual = usual_checkpoints()
    if task not in usual:
        known = [name for name in usual if name.startswith(task)]
        hint = f", or call pipeline({known[0]!r})" if known else ""
        raise InputError(f"task {shown(task)} has no usual checkpoint: give model={hint}")
    name, commit = usual[task]
    logger.warning(
        "No model is named; %s at revision %s is used. Name both in what is to stay as it is.",
        name,
        revision or commit,
    )
    return name, revision or commit


def _found(task: str) -> tuple[str, tuple[registry.Task, ...]]:
    """Return the reference of a pipeline and the tasks of its models; the error names near ones."""
    name = task
    if task.startswith(f"{TRANSLATION}_"):
        parts = task.split("_")
        if len(parts) != 4 or parts[2] != "to":
            raise UnsupportedTaskError(
                f"{shown(task)} is no translation: name it like translation_en_to_fr"
            )
        name = TRANSLATION
    found = registry.parts.pipeline(name)
    if found is not None:
        return found
    if name in NOT_SERVED_YET:
        raise UnsupportedTaskError(
            f"task {shown(task)} is known, and no architecture for it is installed"
        )
    tasks = registry.parts.every(registry.Task)
    if name in tasks or name in {one.auto_class for one in tasks.values()}:
        one = tasks.get(name) or next(t for t in tasks.values() if t.auto_class == name)
        served = ", ".join(one.pipelines) or f"none: use {one.auto_class}"
        raise UnsupportedTaskError(f"{shown(task)} is a task of models; its pipelines are {served}")
    known = get_supported_tasks()
    raise UnsupportedTaskError(
        f"task {shown(task)} is not known{did_you_mean(task, known, 3)}; known are "
        f"{', '.join(known)}"
    )


def _config(given: Any, hub: Mapping[str, Any]) -> Any:
    """Return the configuration of a checkpoint, of a model, or as it is given."""
    from automodel_core.configuration import PreTrainedConfig

    if isinstance(given, PreTrainedConfig):
        return given
    if isinstance(given, str | os.PathLike):
        return auto.AutoConfig.from_pretrained(given, **hub)
    config = vars(given).get("config")
    if config is None:
        raise InputError(
            f"model= is the name of a checkpoint or a model, got {type(given).__name__}"
        )
    return config


def _task_of(config: Any) -> str:
    """Return the pipeline for the class that a checkpoint was saved from.

    Of several the first is chosen whose components the architecture has.
    """
    named = config.architectures or ()
    names = dict.fromkeys((*(name for name, _, _ in PIPELINES), *registry.parts.pipelines()))
    fitting = []
    for name in names:
        reference, tasks = _found(name)
        if not any(_class_of(config, task.name) in named for task in tasks):
            continue
        fitting.append(name)
        found: Any = registry.resolve(reference)
        if all(registry.architectures.component_class(config, kind) for kind in found.needs):
            return name
    if fitting:
        return fitting[0]
    raise UnsupportedTaskError(
        f"the checkpoint is of {', '.join(named) or 'no class that it names'}, which has no "
        "pipeline of its own: give the task, such as pipeline('feature-extraction', model=...)"
    )


def _class_of(config: Any, task: str) -> str | None:
    """Return the name of the model class that an architecture has for a task, if it has one."""
    if not registry.architectures.serves(config, task):
        return None
    return registry.architectures.model_reference(config, task).rpartition(":")[2]


def _load(
    name: str, task: str, tasks: tuple[registry.Task, ...], config: Any, loading: dict[str, Any]
) -> Any:
    """Load a model of the first task that the architecture serves."""
    plugin = loading.get("plugin")
    for one in tasks:
        if registry.architectures.serves(config, one.name, plugin=plugin):
            auto_class = getattr(auto, one.auto_class)
            return auto_class.from_pretrained(name, **loading)
    served = sorted(
        {
            pipeline
            for one in registry.parts.every(registry.Task).values()
            if registry.architectures.serves(config, one.name, plugin=plugin)
            for pipeline in one.pipelines
        }
    )
    raise UnsupportedTaskError(
        f"{config.model_type} has no model for task {shown(task)}; it has some for "
        f"{', '.join(served) or 'none'}"
    )


def _components(
    pipeline_class: type[Pipeline],
    given: Mapping[str, Any],
    place: str | None,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what prepares inputs: given, or loaded from where the model came from."""
    found: dict[str, Any] = {}
    for kind, part in given.items():
        where: Any = part
        more: dict[str, Any] = {}
        if isinstance(part, tuple):
            where, more = part
        needed = kind in pipeline_class.needs
        if part is None:
            if not needed and kind not in pipeline_class.may_need:
                continue
            if given["processor"] is not None and kind in vars(given["processor"]):
                continue
            where = place
        if where is None:
            continue
        if not isinstance(where, str | os.PathLike):
            found[kind] = where
            continue
        try:
            found[kind] = LOADERS[kind].from_pretrained(where, **{**options, **more})
        except RemoteCodeRefusedError:
            raise
        except ABSENT:
            if needed or part is not None:
                raise
    joined = found.get("processor")
    if joined is not None and not isinstance(joined, ProcessorMixin):
        raise UnsupportedTaskError(
            f"{pipeline_class.__name__} needs a processor, and {shown(str(place))} has a "
            f"{type(joined).__name__} alone"
        )
    return found


def _with_languages(task: str, config: Any) -> str:
    """Return the task with the languages that the configuration has settings for."""
    if task != TRANSLATION:
        return task
    settings = config.task_specific_params or {}
    named = next((key for key in settings if key.startswith(f"{TRANSLATION}_")), task)
    if named != task:
        warn_caller(f"task {shown(task)} is taken for {shown(named)}: name the languages in it")
    return named
