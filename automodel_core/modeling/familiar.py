"""What users of transformers ask of any model: tags, counts, sizes, positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError, shown
from automodel_core.layers.kernels.linear import Embedding
from automodel_core.layers.positions.absolute import SinusoidalPositions

__all__ = ["FamiliarModel"]


class FamiliarModel(nn.Module):
    """A model that knows these names."""

    framework: ClassVar[str] = "pt"
    main_input_name: ClassVar[str] = "input_ids"
    model_tags: list[str] | None
    config: Any
    if TYPE_CHECKING:

        def num_parameters(
            self, only_trainable: bool = False, exclude_embeddings: bool = False
        ) -> int: ...

        def init_module(self, module: nn.Module) -> None: ...

    def add_model_tags(self, tags: list[str] | str) -> None:
        """Add tags to the card that `push_to_hub` writes."""
        new = [tags] if isinstance(tags, str) else tags
        self.model_tags = list(dict.fromkeys([*(self.model_tags or ()), *new]))

    @property
    def vocab_size(self) -> int:
        """The number of tokens, also after the vocabulary was resized."""
        size: int = self.config.get_text_config().vocab_size
        return size

    @property
    def dummy_inputs(self) -> dict[str, Tensor]:
        """A batch that a model of texts can read."""
        return {"input_ids": torch.tensor([[4, 3, 2, 1, 0], [1, 2, 3, 0, 0]])}

    def get_parameter_or_buffer(self, target: str) -> Tensor:
        """Return a weight or a buffer by its path; raise ``AttributeError`` if there is none."""
        owner, _, name = target.rpartition(".")
        if name in self.get_submodule(owner)._buffers:
            return self.get_buffer(target)
        return self.get_parameter(target)

    def estimate_tokens(self, input_dict: Mapping[str, Any]) -> int:
        """Return how many tokens, or other numbers, a batch has for the model's main input."""
        values = input_dict.get(self.main_input_name)
        return int(values.numel()) if isinstance(values, Tensor) else 0

    def floating_point_ops(
        self, input_dict: Mapping[str, Any], exclude_embeddings: bool = True
    ) -> int:
        """Return about how many operations one forward and backward pass over a batch take.

        It is six for each token and weight, https://arxiv.org/abs/2001.08361, section 2.1.
        """
        weights = self.num_parameters(exclude_embeddings=exclude_embeddings)
        return 6 * self.estimate_tokens(input_dict) * weights

    # ---- positions ----

    def get_position_embeddings(self) -> nn.Module | tuple[nn.Module, ...]:
        """Return the embeddings of absolute positions, several where several parts have them.

        Raises `InputError` for a model without any.
        """
        found = tuple(self._position_tables().values())
        return found[0] if len(found) == 1 else found

    @torch.no_grad()
    def resize_position_embeddings(self, new_num_position_embeddings: int) -> None:
        """Change the number of positions; the first ones stay and new ones are drawn.

        Raises `InputError` for fewer than one and for a model whose positions are no rows.
        """
        tables, limit = self._position_tables(), self.config.position_limit
        new = new_num_position_embeddings
        if new < 1 or limit is None:
            raise InputError(
                f"new_num_position_embeddings={shown(new)}: expected a positive integer, and a "
                "model with max_position_embeddings"
            )
        for table in tables.values():
            old: Tensor = table.weight.data
            rows = old.shape[0] + new - limit
            if isinstance(table, SinusoidalPositions):
                table.weight = table.table(rows, old.shape[1]).to(old)
                continue
            fresh = Embedding(rows, old.shape[1]).to(old.device, old.dtype)
            self.init_module(fresh)
            kept = min(rows, old.shape[0])
            fresh.weight[:kept] = old[:kept]
            table.weight = nn.Parameter(fresh.weight.data, requires_grad=table.weight.requires_grad)
            table.num_embeddings = rows
        self.config.max_position_embeddings += new - limit

    def _position_tables(self) -> dict[str, Any]:
        tables = {
            path: module
            for path, module in self.named_modules()
            if path.rpartition(".")[2] == "embed_positions"
            and isinstance(module, nn.Embedding | SinusoidalPositions)
        }
        if not tables:
            raise InputError(
                f"{type(self).__name__} has no embeddings of absolute positions: they are relative "
                "or computed, and pictures of other sizes need interpolate_pos_encoding=True"
            )
        return tables
