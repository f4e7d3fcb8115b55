"""`PreTrainedModel`, the base of every model: build, load, save, resize, and facts."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch import Tensor, nn

from automodel_core.checkpoint.loading.report import LoadReport
from automodel_core.checkpoint.places.hub.push import (
    PushOptions,
    push_options,
    repository_name,
    saved_files,
)
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.checkpoint.save import format_to_write, replaced_files
from automodel_core.configuration import PreTrainedConfig
from automodel_core.layers.stack import LayerStack
from automodel_core.modeling.adapters.methods import AdapterMethods
from automodel_core.modeling.by_part import own_choice, set_attention
from automodel_core.modeling.calls import CallableModule
from automodel_core.modeling.familiar import FamiliarModel
from automodel_core.modeling.pretrained.drawing import draw_new
from automodel_core.modeling.pretrained.given_state import state_of_modules
from automodel_core.modeling.pretrained.hub_state import hub_state, module_state
from automodel_core.modeling.pretrained.loading import load_model, load_pretrained
from automodel_core.modeling.pretrained.options import dtype_named, dtypes_of_parts
from automodel_core.modeling.pretrained.request import LoadRequest
from automodel_core.modeling.pretrained.saving import Savable, push_model, save_pretrained
from automodel_core.modeling.pretrained.vocabulary import resize_vocabulary
from automodel_core.modeling.pretrained.weighted import WeightedModel
from automodel_core.modeling.trainable import TrainableModel
from automodel_core.other_names import MODELS, missing_attribute
from automodel_core.registry import CheckpointFormat

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from typing_extensions import Self, Unpack

    from automodel_core.checkpoint.loading.placement import DeviceMap
    from automodel_core.checkpoint.loading.report import LoadingInfo
    from automodel_core.generation.settings.generation import GenerationConfig

__all__ = ["PreTrainedModel"]


class PreTrainedModel(AdapterMethods, FamiliarModel, WeightedModel, TrainableModel, CallableModule):
    """A model with a configuration, which can be loaded, saved and resized.

    A subclass states its facts as class attributes, builds its modules in ``__init__`` and calls
    ``post_init`` at the end. Buffers that ``__init__`` computes must name their device, because
    models are loaded under ``torch.device("meta")``.
    """

    def __init__(self, config: PreTrainedConfig, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        if not isinstance(config, PreTrainedConfig):
            raise TypeError(
                f"{type(self).__name__} takes a configuration such as "
                f"{self.config_class.__name__}(), got {type(config).__name__}; to load a "
                f"checkpoint, call {type(self).__name__}.from_pretrained(name)"
            )
        if args or kwargs:
            raise TypeError(
                f"{type(self).__name__} has no use for "
                f"{', '.join([*map(repr, args), *kwargs])}; the configuration has "
                f"{', '.join(config)}"
            )
        self.config = config
        self.name_or_path = config._name_or_path

    def post_init(self) -> None:
        """Choose the attention; where there is memory, also generation, ties and first values.

        Weights that were loaded, trained or set by hand since they were made keep their values.
        """
        self.adopt_body()
        self.refuse_pruned_heads()
        if self.config.get("gradient_checkpointing") and any(self._parts(LayerStack)):
            self.gradient_checkpointing_enable()
        if self.config._attn_implementation not in (None, "sdpa"):
            self.set_attn_implementation(self.config._attn_implementation)
        if any(parameter.is_meta for parameter in self.parameters()):
            return
        if self.can_generate() and self.generation_config is None:
            from automodel_core.generation.settings.generation import GenerationConfig
            from automodel_core.generation.settings.of_model import set_generation_config

            set_generation_config(self, GenerationConfig.from_model_config(self.config))
        draw_new(self)

    init_weights = initialize_weights = post_init

    # ---- from nothing, from a checkpoint, to a checkpoint ----

    @classmethod
    def from_config(
        cls,
        config: PreTrainedConfig,
        *,
        dtype: torch.dtype | str | Mapping[str, torch.dtype | str] | None = None,
        torch_dtype: torch.dtype | str | None = None,
        attn_implementation: str | Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Build a model with new weights, in training mode.

        ``dtype`` is by default the configuration's; it and ``attn_implementation`` may be mappings
        as in `from_pretrained`. Other arguments go to ``__init__``. Raises `InputError` for a dtype
        that is none.
        """
        config = copy.deepcopy(config)
        config._attn_implementation = (
            own_choice(attn_implementation, None) or config._attn_implementation
        )
        model = cls(config, **kwargs)
        if isinstance(attn_implementation, Mapping):
            model.set_attn_implementation(attn_implementation)
        given = dtype or torch_dtype
        asked = own_choice(given, None)
        wanted = config.dtype if asked in (None, "auto") else asked
        if wanted is not None:
            model.to(dtype_named(wanted))
        for path, part_dtype in dtypes_of_parts(model, given).items():
            model.get_submodule(path).to(part_dtype)
        config.dtype = dtype_named(wanted) if wanted is not None else model.dtype
        return model

    _from_config = from_config

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        config: PreTrainedConfig | str | os.PathLike[str] | None = None,
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
        state_dict: Mapping[str, Tensor] | None = None,
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
    ) -> Self: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        output_loading_info: Literal[True],
        **kwargs: Any,
    ) -> tuple[Self, LoadingInfo]: ...

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        **kwargs: Any,
    ) -> Any:
        """Load a checkpoint from a folder or the hub, in evaluation mode.

        Without ``config``, keyword arguments that name configuration keys override them and the
        others go to ``__init__``; with a configuration object all go to ``__init__``.
        ``output_loading_info=True`` returns ``(model, info)``. Weights of the body that the
        checkpoint lacks raise `IncompleteCheckpointError`, unless ``strict="off"``; those of a new
        head are drawn and reported. ``dtype`` and ``attn_implementation`` may be mappings with one
        for each part, as ``{"encoder": "float16", "": "float32"}``. ``weights="int8"`` rounds
        those of large linear layers to eight bits, for inference; ``dequantize=True`` multiplies
        weights that the checkpoint has in eight bits (fp8) by their scales. ``disable_mmap=True``
        keeps weights apart from the file, which others may change. ``device_map`` is a device, a
        dictionary from module prefixes to devices, or ``"auto"``, ``"balanced"``,
        ``"balanced_low_0"`` or ``"sequential"``, which choose within ``max_memory``; parts on
        ``"disk"`` are read whenever they run, from the checkpoint or from a copy in
        ``offload_folder``. Raises `CheckpointNotFoundError` where there is no checkpoint and
        `InputError` for arguments that cannot be meant.
        """

        def own_class(values: Mapping[str, Any]) -> type[PreTrainedConfig]:
            cls.config_class.warn_of_other_type(values)
            return cls.config_class

        request = LoadRequest.open(pretrained_model_name_or_path, model_args, kwargs, own_class)
        return load_pretrained(cls, request)

    def load_checkpoint(
        self, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> LoadReport:
        """Give a model that exists the weights of a checkpoint, as `from_pretrained` would.

        Weights on the meta device get memory: this is how a model is loaded that
        ``from_pretrained(name, device_map="meta")``, or its constructor under
        ``torch.device("meta")``, has made, and that ``fully_shard`` or ``parallelize_module`` has
        shared out: each process reads its shards alone. Return what became of each weight.
        """
        arguments = {**kwargs, "config": self.config}
        request = LoadRequest.open(
            pretrained_model_name_or_path, (), arguments, lambda values: type(self.config)
        )
        model = load_model(type(self), replace(request, config=self.config), built=self)
        return model.load_report or LoadReport()

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        push_to_hub: bool = False,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        variant: str | None = None,
        repo_id: str | None = None,
        tokenizer: Savable | None = None,
        format: str | CheckpointFormat | None = None,  # noqa: A002
        **kwargs: Unpack[PushOptions],
    ) -> None:
        """Write configuration, generation settings and weights, under the hub's names, to a folder.

        A reader, or a crash, meets the files of the former save or the new ones; see
        `exchange_files`. ``state_dict`` is a whole state of this model or of one that wraps it,
        under the modules' names or the hub's; `InputError` says what it lacks or should not have.
        ``format`` is safetensors by default, or another that an extension writes. A ``tokenizer``,
        or a processor, is saved in the same step. All processes that hold shards of a model must
        call this; the first one writes, and the others wait. With ``push_to_hub`` the files
        are uploaded to ``repo_id``, by default a repository of the folder's name, as the other
        arguments say. Raises `SavingError` if the disk is full, and ``NotADirectoryError`` if the
        path is a file.
        """
        options = push_options(self.save_pretrained, kwargs)
        form = format_to_write(format, safe_serialization=safe_serialization)
        names = save_pretrained(
            self,
            save_directory,
            is_main_process=is_main_process,
            state_dict=state_dict,
            max_shard_size=max_shard_size,
            form=form,
            variant=variant,
            tokenizer=tokenizer,
        )
        if push_to_hub and names:
            replaced = replaced_files(form, variant)
            name = repository_name(repo_id, save_directory)
            push_model(self, saved_files(save_directory, names), name, options, replaced)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        variant: str | None = None,
        tokenizer: Savable | None = None,
        format: str | CheckpointFormat | None = None,  # noqa: A002
        **kwargs: Unpack[PushOptions],
    ) -> str:
        """Upload configuration and weights, with a card, to a hub repository; return its address.

        Weight files of the same format and variant that are there vanish with the same commit.
        """
        options = push_options(self.push_to_hub, kwargs)
        form = format_to_write(format, safe_serialization=safe_serialization)
        with tempfile.TemporaryDirectory() as folder:
            names = save_pretrained(
                self,
                folder,
                state_dict=None,
                max_shard_size=max_shard_size,
                form=form,
                variant=variant,
                tokenizer=tokenizer,
            )
            if not names:  # the first of several processes has them
                return repo_id
            replaced = replaced_files(form, variant)
            return push_model(self, saved_files(folder, names), repo_id, options, replaced)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Copy weights, by their names in this model or on the hub, as ``nn.Module`` does.

        The state may be a part, such as a shard of a checkpoint, unless ``strict``.
        """
        return super().load_state_dict(state_of_modules(self, state_dict), strict, assign)

    def hub_state_dict(self) -> dict[str, Tensor]:
        """Return all weights by hub name, under redundant names too."""
        return hub_state(self)

    def load_hub_state_dict(self, state: Mapping[str, Tensor], strict: bool = True) -> Any:
        """Copy weights by hub name into this model, as ``nn.Module.load_state_dict`` does.

        Redundant names and those that a checkpoint may hold without need are accepted. In strict
        mode missing and unknown ones raise ``RuntimeError``, other shapes in any.
        """
        return self.load_state_dict(module_state(self, state), strict=strict)

    # ---- parts ----

    def get_decoder(self) -> nn.Module:
        """Return the decoder; for a decoder-only model, its body."""
        return self.get_submodule(self.body)

    if not TYPE_CHECKING:  # else no type checker would find a misspelt name

        def __getattr__(self, name: str) -> Any:
            # The hub's name of the body, where no submodule has it. A body itself has no such name.
            cls = type(self)
            if cls.body and name == cls.base_model_prefix and name not in self._modules:
                return self.base_model
            if name in MODELS:
                raise missing_attribute(self, name, MODELS)
            return super().__getattr__(name)

    def resize_token_embeddings(
        self,
        new_num_tokens: int | None = None,
        pad_to_multiple_of: int | None = None,
        mean_resizing: bool = True,
    ) -> nn.Module:
        """Change the vocabulary's size and return the input embeddings.

        New rows are the mean of the old ones, or drawn with their spread if ``mean_resizing`` is
        false. Raises `InputError` for a size below one.
        """
        return resize_vocabulary(self, new_num_tokens, pad_to_multiple_of, mean_resizing)

    def set_attn_implementation(self, attn_implementation: str | Mapping[str, str]) -> None:
        """Set the attention function of all layers: "eager", "sdpa", or a plugin's.

        A mapping has one for each part that it names, as ``{"encoder": "eager"}``, and under ``""``
        for the others. Raises `InputError` for a name that nobody provides and for a part that
        there is not.
        """
        set_attention(self, attn_implementation)
