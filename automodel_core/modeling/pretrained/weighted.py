"""`WeightedModel`: what loading, saving, resizing and quantising need to know of a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from automodel_core.checkpoint.loading.parts import every_part
from automodel_core.checkpoint.names.patterns import SegmentTable, split_pattern
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers.kernels.linear import QuantisedLinear, make_contiguous
from automodel_core.layers.stack import LayerStack
from automodel_core.modeling.devices.offloading import execution_device
from automodel_core.modeling.pretrained.first_values import init_normal

if TYPE_CHECKING:
    from typing_extensions import Self

    from automodel_core.checkpoint.loading.report import LoadReport
    from automodel_core.checkpoint.places.source import CheckpointFiles
    from automodel_core.generation.settings.generation import GenerationConfig

__all__ = ["WeightedModel"]


class WeightedModel(nn.Module):
    """A module with a configuration, whose weights have names on the hub.

    A subclass states its facts as class attributes. `PreTrainedModel` derives from this class and
    adds what users call.
    """

    config_class: ClassVar[type[PreTrainedConfig]]
    base_model_prefix: ClassVar[str] = ""
    """Prefix of the body's weights in a head model's names on the hub."""
    input_embeddings: str = "embed_tokens"
    """Path of the module that holds the input embeddings."""
    output_embeddings: ClassVar[str | None] = None
    """Path of the linear layer that turns states into scores over the vocabulary."""
    output_embeddings_tied_to: ClassVar[str] = ""
    """Path of the embeddings that the layer may be tied to; by default the input embeddings."""
    score_buffers: ClassVar[tuple[str, ...]] = ()
    """Buffers whose last dimension has a number for each score over the vocabulary."""
    body: str = ""
    """Path of the body inside a head model; empty for a body itself."""
    optional_weights: ClassVar[tuple[str, ...]] = ()
    """Module names, or prefixes with ``*`` for a layer number, that a checkpoint may lack."""
    ties_follow_checkpoint: ClassVar[bool] = False
    """Whether weights are tied where the checkpoint lacks one, whatever the configuration says."""
    saves_computed: ClassVar[bool] = True
    """Whether files hold tables that can be computed; transformers says it class by class."""
    keep_in_fp32: ClassVar[tuple[str, ...]] = ()
    """Modules (by name segment) kept in float32 because they overflow in float16."""

    _skip_keys_device_placement: ClassVar[str] = "past_key_values"

    config: PreTrainedConfig
    hf_device_map: dict[str, Any]
    """The device of each module, if the model was loaded with ``device_map``."""
    _generation_config: GenerationConfig | None = None
    settings_at_start: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
    """What `config` and `generation_config` said of generation when the model was made."""
    model_tags: list[str] | None = None
    """What `push_to_hub` writes into the card beside its own ``tags``."""
    load_report: LoadReport | None = None
    """What became of each weight when the model was loaded; ``None`` if it was not."""
    first_values: dict[str, tuple[int, float] | None] | None = None
    """What tells a weight's first values from later ones; ``None`` for one that is never drawn."""

    @property
    def generation_config(self) -> GenerationConfig | None:
        """The settings of ``generate``; ``None`` for a model that does not generate."""
        return self._generation_config

    @generation_config.setter
    def generation_config(self, given: Any) -> None:
        from automodel_core.generation.settings.generation import as_generation_config

        self._generation_config = None if given is None else as_generation_config(given)

    @classmethod
    def weight_names(cls, config: PreTrainedConfig) -> WeightNames:
        """Return the table between hub names and module names of this class's weights."""
        return WeightNames({})

    def own_names(self) -> WeightNames:
        """Return the table of this model: its class's, and those of models inside that it lacks."""
        names = self.weight_names(self.config)
        for path, part in self._models_inside():
            if path == type(self).body:
                continue
            inner = part.own_names()
            weights = (name for name, _ in part.named_parameters())
            renamed = next((name for name in weights if inner.to_hub(name).name != name), None)
            if renamed and names.to_hub(f"{path}.{renamed}").name == f"{path}.{renamed}":
                names |= inner.nested(path, path)
        return names

    def _models_inside(self) -> Iterator[tuple[str, WeightedModel]]:
        """Yield the paths and models that this one holds, without those inside of these."""
        found: tuple[str, ...] = ()
        for start, module in every_part(self)[1:]:
            if isinstance(module, WeightedModel) and not start.startswith(found):
                found += (start,)
                yield start.removesuffix("."), module

    def adopt_body(self) -> None:
        """Take a model under the name of `base_model_prefix` for the body, if the class has none.

        Classes for transformers hold their body so.
        """
        prefix = self.base_model_prefix
        body = self._modules.get(prefix)
        if not self.body and isinstance(body, WeightedModel):
            self.body = prefix
            self.input_embeddings = f"{prefix}.{body.input_embeddings}"

    def refuse_pruned_heads(self) -> None:
        """Raise `ConfigurationError` where a checkpoint lacks heads of its attention."""
        if self.config.get("pruned_heads"):
            raise ConfigurationError(
                f"{type(self).__name__}: pruned_heads are not supported: attention keeps all heads"
            )

    def init_module(self, module: nn.Module) -> None:
        """Initialise one module; architectures with rules of their own replace this."""
        try:
            std = self.config.initializer_range
        except AttributeError:
            std = 0.02
        init_normal(module, std)

    def _init_weights(self, module: nn.Module) -> None:
        """Do what `init_module` does, under the name that classes for transformers replace."""
        self.init_module(module)

    def needs(self, name: str) -> bool:
        """Return whether a checkpoint must hold a weight: one of the body that is not optional."""
        body = f"{self.body}." if self.body else ""
        if not name.startswith(body):
            return False
        optional: SegmentTable[None] = SegmentTable()
        for pattern in self.base_model.optional_weights:
            optional.add(split_pattern(pattern, "optional weights"), None)
        return optional.longest(name[len(body) :].split(".")) is None

    def read_further(self, files: CheckpointFiles) -> None:
        """Take what a checkpoint has for the model beside its weights; called when these are there.

        By default there is nothing.
        """

    def segments_in_fp32(self) -> tuple[str, ...]:
        """Return the `keep_in_fp32` of all parts."""
        return self.keep_in_fp32

    @classmethod
    def can_generate(cls) -> bool:
        from automodel_core.generation.mixin import GenerationMixin

        return issubclass(cls, GenerationMixin)

    # ---- weights that a load left transposed ----

    def train(self, mode: bool = True) -> Self:
        if mode:
            self._make_contiguous()
        return super().train(mode)

    def _save_to_state_dict(self, *arguments: Any) -> None:
        self._make_contiguous()
        super()._save_to_state_dict(*arguments)

    def _make_contiguous(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                make_contiguous(module)

    # ---- tied weights ----

    def embedding_ties(self) -> dict[str, str]:
        """Return the `ties` between embeddings of the body, made whatever the configuration says.

        A body that holds its embeddings more than once replaces this; a head has its body's.
        """
        if not self.body:
            return {}
        ties = self.base_model.embedding_ties().items()
        return {f"{self.body}.{target}": f"{self.body}.{source}" for target, source in ties}

    def ties(self) -> dict[str, str]:
        """Return ``{target: source}`` for weights that may share storage.

        They are tied when a checkpoint lacks the target or stores equal values. A source is no
        target of another.
        """
        ties = self.embedding_ties()
        if self.output_embeddings is not None:
            source = f"{self.output_embeddings_tied_to or self.input_embeddings}.weight"
            ties[f"{self.output_embeddings}.weight"] = ties.get(source, source)
        return ties

    def ties_in_force(self) -> dict[str, str]:
        """Return the `ties` that the configuration asks for."""
        return self.ties() if self.config.tie_word_embeddings else {}

    @property
    def _tied_weights_keys(self) -> dict[str, str]:
        """The weights that share storage, as other libraries ask."""
        return {**self.embedding_ties(), **self.ties_in_force()}

    def ties_to_load(self) -> dict[str, str]:
        """Return the `ties` to make where a checkpoint lacks a weight or repeats its values."""
        return self.ties() if self.ties_follow_checkpoint else self.ties_in_force()

    def tie_weights(self) -> None:
        """Let embeddings share storage and, where the configuration says so, other tied weights."""
        self._tie({**self.embedding_ties(), **self.ties_in_force()})

    def _tie(self, ties: Mapping[str, str]) -> None:
        for target, source in ties.items():
            owner, _, leaf = target.rpartition(".")
            part = self.get_submodule(owner)
            if not isinstance(part, QuantisedLinear):
                setattr(part, leaf, self.get_parameter(source))

    def untie(self, names: Iterable[str]) -> None:
        """Record in the configuration that these weights are untied."""
        if any(names):
            self.config.tie_word_embeddings = False

    # ---- parts ----

    @property
    def base_model(self) -> Any:
        return self.get_submodule(self.body)

    def get_input_embeddings(self) -> nn.Module:
        return self.get_submodule(self.input_embeddings)

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the input embeddings everywhere: several parts may hold them, or their weight."""
        old = self.get_input_embeddings()
        for module in list(self.modules()):
            for name, part in list(module._modules.items()):
                if part is old or (isinstance(part, nn.Embedding) and part.weight is old.weight):
                    setattr(module, name, value)

    def get_output_embeddings(self) -> nn.Module | None:
        return self.get_submodule(self.output_embeddings) if self.output_embeddings else None

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        if self.output_embeddings is None:
            raise InputError(f"{type(self).__name__} has no output embeddings")
        parent, _, leaf = self.output_embeddings.rpartition(".")
        setattr(self.get_submodule(parent), leaf, new_embeddings)

    def token_layers(self, embeddings: str | None = None) -> list[nn.Module]:
        """Return embeddings, by default the input's, and all layers that may be tied to them.

        They have a row for each token, and change with the vocabulary.
        """
        ties = self.ties()
        path = f"{embeddings or self.input_embeddings}.weight"
        source = ties.get(path, path)
        names = [source, *(target for target, other in ties.items() if other == source)]
        return [self.get_submodule(name.rpartition(".")[0]) for name in names]

    # ---- facts ----

    @property
    def device(self) -> torch.device:
        """Where the first weight is, and inputs go; for one on disk, where hooks bring it."""
        devices = (tensor.device for tensor in chain(self.parameters(), self.buffers()))
        with_values = next((device for device in devices if device.type != "meta"), None)
        return with_values or execution_device(self) or torch.device("meta")

    @property
    def _no_split_modules(self) -> list[str]:
        """The classes whose parts belong on one device, by the name that accelerate asks for."""
        layers = (layer for stack in self._parts(LayerStack) for layer in stack.layers)
        return sorted({type(layer).__name__ for layer in layers})

    @property
    def dtype(self) -> torch.dtype:
        return next(p.dtype for p in self.parameters() if p.is_floating_point())

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        embeddings = {
            id(p) for m in self.modules() if isinstance(m, nn.Embedding) for p in m.parameters()
        }
        return sum(
            parameter.numel()
            for parameter in self.parameters()
            if (parameter.requires_grad or not only_trainable)
            and not (exclude_embeddings and id(parameter) in embeddings)
        )

    def get_memory_footprint(self, return_buffers: bool = True) -> int:
        """Return the bytes of all weights, and of buffers unless excluded."""
        tensors = [*self.parameters(), *(self.buffers() if return_buffers else ())]
        sizes: list[int] = [tensor.nbytes for tensor in tensors]
        sizes += [part.packed_bytes for part in self._parts(QuantisedLinear)]
        return sum(sizes)

    def _parts(self, kind: type[Any]) -> Iterator[Any]:
        """Yield the modules of a kind."""
        return (module for module in self.modules() if isinstance(module, kind))
