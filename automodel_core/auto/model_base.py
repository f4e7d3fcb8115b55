"""The base of every ``AutoModelFor...`` class: from a checkpoint or a config to its model."""

from __future__ import annotations

import os
import re
import sys
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, overload

from automodel_core import registry
from automodel_core.auto.arguments import no_direct_construction
from automodel_core.checkpoint.loading.gc_pause import gc_paused
from automodel_core.checkpoint.places.rereading import reread_on_change

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch.distributed.device_mesh import DeviceMesh
    from typing_extensions import TypeVar

    from automodel_core.auto.plan import ModelPlan
    from automodel_core.checkpoint.loading.placement import DeviceMap
    from automodel_core.checkpoint.loading.report import LoadingInfo
    from automodel_core.configuration import PreTrainedConfig
    from automodel_core.generation.settings.generation import GenerationConfig
    from automodel_core.modeling.bodies.backbone import BackboneMixin
    from automodel_core.modeling.pretrained.base import PreTrainedModel
    from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel

    Model = TypeVar("Model", bound=PreTrainedModel, default=PreTrainedModel)
else:
    from typing import TypeVar

    Model = TypeVar("Model")

__all__ = ["AutoBackboneBase", "AutoGenerativeModel", "AutoModelBase"]


class AutoModelBase(Generic[Model]):
    """Base of the Auto classes of models.

    A subclass states its task, and for type checkers what all its models are:
    ``class AutoModelForX(AutoModelBase["XModel"], task="x")``. By default that is
    `PreTrainedModel`.
    """

    task: ClassVar[str]
    other_tasks: ClassVar[tuple[str, ...]] = ()
    """Other names of the same task, looked up where `task` is not served."""

    def __init_subclass__(
        cls, task: str | None = None, other_tasks: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if task is not None:
            cls.task = task
            cls.other_tasks = other_tasks

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        constructors = ("from_pretrained(pretrained_model_name_or_path)", "from_config(config)")
        raise no_direct_construction(type(self).__name__, constructors)

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        config: PreTrainedConfig | str | os.PathLike[str] | None = None,
        plugin: str | None = None,
        model_type: str | None = None,
        dtype: torch.dtype | str | Mapping[str, torch.dtype | str] | None = "auto",
        torch_dtype: torch.dtype | str | None = None,
        device_map: DeviceMap = None,
        max_memory: Mapping[int | str, int | str] | None = None,
        offload_folder: str | os.PathLike[str] | None = None,
        offload_buffers: bool = False,
        tp_plan: str | Mapping[str, str] | None = None,
        tp_size: int | None = None,
        device_mesh: DeviceMesh | None = None,
        attn_implementation: str | Mapping[str, str] | None = None,
        weights: str | None = None,
        quantization_config: Any = None,
        load_in_8bit: bool = False,
        dequantize: bool = False,
        disable_mmap: bool | None = None,
        strict: bool | Literal["body", "full", "off"] = "body",
        ignore_mismatched_sizes: bool = False,
        key_mapping: Mapping[str, str] | None = None,
        use_safetensors: bool | None = None,
        weights_only: bool = True,
        variant: str | None = None,
        from_tf: bool = False,
        from_flax: bool = False,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        generation_config: GenerationConfig | None = None,
        output_loading_info: Literal[False] = False,
        revision: str | None = None,
        subfolder: str = "",
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        lock: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        **config_keys: Any,
    ) -> Model: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        output_loading_info: Literal[True],
        **kwargs: Any,
    ) -> tuple[Model, LoadingInfo]: ...

    @classmethod
    @gc_paused()
    @reread_on_change
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        **kwargs: Any,
    ) -> Any:
        """Load a checkpoint of a folder or hub repository, in evaluation mode.

        Keywords that name attributes of the configuration override them, the others go to the
        model's ``__init__``; with a ``config`` object all of them do, and it stays as it is.
        ``plugin`` chooses the distribution. With ``lock``, what ``automodel-core lock`` printed or
        its path, other files, commits and packages than locked are refused. How the weights are
        loaded (``dtype``, ``device_map``, ``strict``, ``output_loading_info``...) is described at
        `PreTrainedModel.from_pretrained`.
        """
        from automodel_core.auto.opening import open_request, refuse_unused

        name = pretrained_model_name_or_path
        request = open_request(name, model_args, kwargs, task=cls.task)
        model_class = cls._model_class(request.config, request.plugin)
        refuse_unused(model_class, request)
        if _loads_itself(model_class):
            return model_class.from_pretrained(name, *model_args, **request.keywords(kwargs))
        from automodel_core.modeling.pretrained.loading import load_pretrained

        return load_pretrained(model_class, request)

    @classmethod
    def from_config(
        cls,
        config: PreTrainedConfig,
        *,
        plugin: str | None = None,
        **kwargs: Any,
    ) -> Model:
        """Build the model of a configuration object, with new weights and in training mode.

        ``dtype`` and ``attn_implementation`` apply; the others go to ``__init__``.
        """
        from automodel_core.checkpoint.places.options import caller_arguments
        from automodel_core.modeling.pretrained.request import require_config

        kwargs = caller_arguments(kwargs)
        require_config(config, f"{cls.__name__}.from_config")
        model_class = cls._model_class(config, plugin)
        build = model_class.from_config if _is_ours(model_class) else model_class
        model: Model = build(config, **kwargs)
        return model

    @classmethod
    def register(
        cls, config_class: type[Any], model_class: type[Any], exist_ok: bool = False
    ) -> None:
        """Let this process find ``model_class`` for configurations of ``config_class``.

        Raises `RegistrationError` if there is a model already, unless ``exist_ok``, and if
        ``model_class.config_class`` is another class.
        """
        registry.architectures.register_model(
            cls.task, config_class, model_class, exist_ok=exist_ok
        )

    @classmethod
    @reread_on_change
    def plan(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> ModelPlan:
        """Return what `from_pretrained` would load with these arguments, from headers alone.

        No weight is read or fetched, and torch is not imported until the plan is asked for the
        names of weights that do not fit.
        """
        from automodel_core.auto.opening import open_request
        from automodel_core.auto.plan import plan_model

        request = open_request(pretrained_model_name_or_path, (), kwargs, task=cls.task)
        task = cls._task_served(request.config, request.plugin)
        reference = registry.architectures.model_reference(
            request.config, task, plugin=request.plugin
        )
        return plan_model(cls.__name__, task, reference, request)

    @classmethod
    def _model_class(cls, config: Any, plugin: str | None) -> Any:
        return registry.architectures.model_class(
            config, cls._task_served(config, plugin), plugin=plugin
        )

    @classmethod
    def _task_served(cls, config: Any, plugin: str | None) -> str:
        """Return the task to look up; of several, that of the class that the checkpoint names."""
        from automodel_core.configuration import PreTrainedConfig

        if not cls.other_tasks:
            return cls.task
        served = {
            task: registry.architectures.model_reference(config, task, plugin=plugin)
            for task in (cls.task, *cls.other_tasks)
            if registry.architectures.serves(config, task, plugin=plugin)
        }
        named = (config.architectures or ()) if isinstance(config, PreTrainedConfig) else ()
        chosen = [task for task, found in served.items() if re.split("[.:]", found)[-1] in named]
        return next(iter([*chosen, *served]), cls.task)


if TYPE_CHECKING:
    AutoGenerativeModel = AutoModelBase[GenerativePreTrainedModel]
    AutoBackboneBase = AutoModelBase[BackboneMixin]
else:  # the difference is for type checkers
    AutoGenerativeModel = AutoModelBase
    AutoBackboneBase = AutoModelBase
"""Bases of the Auto classes whose models have ``generate``, and feature maps."""


def _is_ours(model_class: type[Any]) -> bool:
    """Return whether a class derives from `PreTrainedModel`, which is imported if one does."""
    base = sys.modules.get("automodel_core.modeling.pretrained.base")
    return base is not None and issubclass(model_class, base.PreTrainedModel)


def _loads_itself(model_class: type[Any]) -> bool:
    """Return whether a class has a ``from_pretrained`` of its own."""
    if not _is_ours(model_class):
        return True
    from automodel_core.modeling.pretrained.base import PreTrainedModel

    name = "from_pretrained"
    return getattr_static(model_class, name) is not getattr_static(PreTrainedModel, name)
