"""`pipeline`: from the name of a task, and perhaps of a checkpoint, to what answers inputs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automodel_core import auto, registry
from automodel_core.auto.opening import open_request
from automodel_core.errors import (
    BackendUnavailableError,
    CheckpointNotFoundError,
    InputError,
    MissingExtraError,
    RemoteCodeRefusedError,
    TokenizationError,
    UnsupportedTaskError,
    shown,
)
from automodel_core.processing import ProcessorMixin
from automodel_core.tasks.finding import (
    found_pipeline,
    task_of,
    usual_checkpoint,
    with_languages,
)

if TYPE_CHECKING:
    import torch

    from automodel_core.tasks.base.pipeline import Pipeline

__all__ = ["pipeline"]

logger = logging.getLogger("automodel_core")

LOADERS: Mapping[str, Any] = {
    "tokenizer": auto.AutoTokenizer,
    "image_processor": auto.AutoImageProcessor,
    "feature_extractor": auto.AutoFeatureExtractor,
    "processor": auto.AutoProcessor,
}
ABSENT = (CheckpointNotFoundError, TokenizationError, UnsupportedTaskError)
"""What is raised where a checkpoint has no preprocessor of a kind."""


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
        model, revision = usual_checkpoint(task, revision, tokenizer, feature_extractor)
    if revision is not None:
        loading["revision"] = revision
    hub = {key: loading[key] for key in HUB if key in loading}
    named = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    if config is not None and named is not None:
        loading["config"] = config
    config = _config(model if config is None else config, hub)
    if task is None:
        task = task_of(config, config.architectures if named else [type(model).__name__])
    reference, tasks = found_pipeline(task)
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
    places = [place for place in dict.fromkeys((named, config._name_or_path)) if place]
    parts = _components(chosen, given, places, {**hub, "use_fast": use_fast})
    task = with_languages(task, config)
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


def _config(given: Any, hub: Mapping[str, Any]) -> Any:
    """Return the configuration of a checkpoint, of a model, or as it is given.

    That of an adapter is its base model's.
    """
    from automodel_core.configuration import PreTrainedConfig

    if isinstance(given, PreTrainedConfig):
        return given
    if isinstance(given, str | os.PathLike):
        return open_request(given, (), hub).config
    config = vars(given).get("config")
    if config is None:
        raise InputError(
            f"model= is the name of a checkpoint or a model, got {type(given).__name__}"
        )
    return config


def _load(
    name: str, task: str, tasks: tuple[registry.Task, ...], config: Any, loading: dict[str, Any]
) -> Any:
    """Load a model of the first task that the architecture serves."""
    plugin = loading.get("plugin")
    for one in tasks:
        if registry.architectures.serves(config, one.name, plugin=plugin):
            auto_class = getattr(auto, one.auto_class_name)
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
    places: Sequence[str],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what prepares inputs: given, or loaded from where the model came from.

    Of several places the first that has it is used: an adapter's folder may have none.
    """
    found: dict[str, Any] = {}
    for kind, part in given.items():
        where, more = part if isinstance(part, tuple) else (part, {})
        if isinstance(where, str | os.PathLike):
            found[kind] = LOADERS[kind].from_pretrained(where, **{**options, **more})
        elif where is not None:
            found[kind] = where
        elif kind in (*pipeline_class.needs, *pipeline_class.may_need) and not (
            given["processor"] is not None and kind in vars(given["processor"])
        ):
            loaded = _of_places(LOADERS[kind], places, options, kind in pipeline_class.needs)
            found |= {} if loaded is None else {kind: loaded}
    joined = found.get("processor")
    if joined is not None and not isinstance(joined, ProcessorMixin):
        if given["processor"] is None and "processor" not in pipeline_class.needs:
            del found["processor"]  # the checkpoint has none; its only part was found
            return found
        raise UnsupportedTaskError(
            f"{pipeline_class.__name__} needs a processor, and {shown(str(places[0]))} has a "
            f"{type(joined).__name__} alone"
        )
    return found


def _of_places(loader: Any, places: Sequence[str], options: Mapping[str, Any], needed: bool) -> Any:
    """Return a component of the first place that has it; the first's error if it is needed."""
    problems = []
    for place in places:
        try:
            return loader.from_pretrained(place, **options)
        except RemoteCodeRefusedError:
            raise
        except ABSENT as error:
            problems.append(error)
        except MissingExtraError as error:
            if needed:
                raise
            logger.warning("answering without a part of %s: %s", shown(place), error)
            return None
    if needed and problems:
        raise problems[0]
    return None
