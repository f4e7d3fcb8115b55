"""What trainers ask of a model: how to save memory, and what its loss does with labels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from automodel_core.errors import InputError
from automodel_core.layers.stack import LayerStack, Recomputing

__all__ = ["TrainableModel"]


class TrainableModel(nn.Module):
    """A model that a trainer can ask."""

    supports_gradient_checkpointing: ClassVar[bool] = True
    loss_type: ClassVar[str | None] = None
    """"ForCausalLM" if the loss shifts labels, so that trainers do not count the first of a row."""
    _keys_to_ignore_on_save: ClassVar[None] = None  # as trainers ask of a checkpoint in shards
    _input_grads: Callable[[], None] | None = None

    if TYPE_CHECKING:

        def get_input_embeddings(self) -> nn.Module: ...

    def activation_checkpointing_enable(
        self,
        activation_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """In training keep only each layer's input, and recompute the rest in the backward pass.

        Layers other than each ``every_n_layers``-th keep everything. With ``offload`` what is kept
        lies in the CPU's memory. Raises `InputError` for ``use_reentrant=True``, for fewer than one
        layer and for a model without layers to checkpoint.
        """
        options = dict(activation_checkpointing_kwargs or {})
        if options.get("use_reentrant"):
            raise InputError("use_reentrant=True is not offered: checkpointing is non-reentrant")
        if every_n_layers < 1:
            raise InputError(f"every_n_layers must be at least 1, got {every_n_layers}")
        stacks = self._stacks()
        layers = [layer for stack in stacks for layer in stack.listed_layers()]
        excepted = frozenset(layers) - frozenset(layers[::every_n_layers])
        for stack in stacks:
            stack.recomputing = Recomputing(options, offload, excepted)
            stack.gradient_checkpointing = True

    def activation_checkpointing_disable(self) -> None:
        for stack in self._stacks():
            stack.gradient_checkpointing = False

    @property
    def is_activation_checkpointing(self) -> bool:
        stacks = (part for part in self.modules() if isinstance(part, LayerStack))
        return any(stack.gradient_checkpointing for stack in stacks)

    def gradient_checkpointing_enable(
        self,
        gradient_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Do what `activation_checkpointing_enable` does; this is its older name."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, every_n_layers, offload)

    gradient_checkpointing_disable = activation_checkpointing_disable
    is_gradient_checkpointing = is_activation_checkpointing

    def _stacks(self) -> list[LayerStack]:
        stacks = [part for part in self.modules() if isinstance(part, LayerStack)]
        if not stacks:
            raise InputError(f"{type(self).__name__} has no layers to checkpoint")
        return stacks

    def enable_input_require_grads(self) -> Callable[[], None]:
        """Let the embeddings' output require gradients, as adapters need; return how to undo it."""
        hook = self.get_input_embeddings().register_forward_hook(
            lambda module, inputs, output: output.requires_grad_(True)
        )
        self._input_grads = hook.remove
        return hook.remove

    def disable_input_require_grads(self) -> None:
        """Undo the last `enable_input_require_grads`."""
        if self._input_grads is not None:
            self._input_grads()
            self._input_grads = None

    @property
    def accepts_loss_kwargs(self) -> bool:
        """Whether ``forward`` takes ``num_items_in_batch``."""
        return "num_items_in_batch" in inspect.signature(self.forward).parameters
