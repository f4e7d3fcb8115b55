"""What enters ViLT's layers: the tokens of a text, then the patches of an image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_vilt.configuration import ViltConfig


class TextEmbeddings(nn.Module):
    """Tokens with their positions and types, normalised."""

    def __init__(self, config: ViltConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.config = config
        self.embed_tokens = layers.embedding(config.vocab_size, size, config.pad_token_id)
        self.embed_positions = layers.embedding(config.max_position_embeddings, size)
        self.embed_token_types = layers.embedding(config.type_vocab_size, size)
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.dropout = config.hidden_dropout_prob

    def forward(self, inputs: modeling.TextInputs) -> Tensor:
        """Return ``(batch, length, hidden_size)``."""
        embedded = inputs.embedded_by(self.embed_tokens)
        types = inputs.token_type_ids
        if types is None:
            types = torch.zeros(1, 1, dtype=torch.long, device=embedded.device)
        embedded = embedded + layers.look_up(self.embed_token_types, types)
        positions = inputs.positions(self.config.max_position_embeddings)
        embedded = embedded + layers.look_up(self.embed_positions, positions)
        return F.dropout(self.norm(embedded), self.dropout, self.training)


class ImageEmbeddings(nn.Module):
    """A learned token, then the patches of an image in their order.

    Learned positions are those of a square. They are stretched over what a mask shows of each
    image, which is its upper left part.
    """

    def __init__(self, config: ViltConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.grid = layers.patch_grid(config.image_size, config.patch_size)
        self.most = config.max_image_length
        self.patches = layers.PatchEmbedding(config.num_channels, size, config.patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size))
        positions = 1 + self.grid[0] * self.grid[1]
        self.position_embeddings = nn.Parameter(torch.zeros(1, positions, size))
        self.dropout = config.hidden_dropout_prob

    def forward(self, pixel_values: Tensor, pixel_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return ``(batch, patches, hidden_size)``, and a mask of 1 where a patch is shown.

        ``pixel_mask`` is ``(batch, height, width)``.
        """
        embedded = self.patches(pixel_values)
        batch = embedded.shape[0]
        kernel = self.patches.projection.kernel_size
        new = layers.patch_grid(pixel_values.shape[-2:], layers.edges(kernel))
        shown = torch.ones(1, *new, dtype=torch.bool, device=embedded.device)
        if pixel_mask is not None:
            if pixel_mask.dim() != 3 or pixel_mask.shape[0] != batch:
                raise InputError(
                    f"pixel_mask has shape {tuple(pixel_mask.shape)}, expected ({batch}, height, "
                    "width)"
                )
            shown = F.interpolate(pixel_mask[:, None].float(), size=new)[:, 0] > 0
        placed = embedded + self._positions(shown).flatten(1, 2)
        placed, seen = self._shortened(placed, shown.flatten(1).expand(batch, -1))
        token = (self.cls_token + self.position_embeddings[:, :1]).expand(batch, -1, -1)
        placed = F.dropout(torch.cat([token, placed], dim=1), self.dropout, self.training)
        return placed, F.pad(seen.long(), (1, 0), value=1)

    def _positions(self, shown: Tensor) -> Tensor:
        """Return positions ``(batch, rows, columns, size)`` for the part of grids that is shown."""
        table = self.position_embeddings[0, 1:].unflatten(0, self.grid)
        lengths = shown[:, :, 0].sum(dim=1), shown[:, 0].sum(dim=1)
        down, along = (
            shares(length, count, old, table.dtype)
            for length, count, old in zip(lengths, shown.shape[1:], self.grid, strict=True)
        )
        return torch.einsum("brk,kld,bcl->brcd", down, table, along)

    def _shortened(self, placed: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Leave out patches that no image of the batch shows, and those over the most there may be.

        Patches that are shown come first. Where there are too many, those left are evenly spread.
        """
        if layers.in_trace() or (self.most <= 0 and bool(seen.all())):
            return placed, seen
        counts = seen.sum(dim=1)
        longest = int(counts.max()) if self.most <= 0 else min(int(counts.max()), self.most)
        order = seen.int().argsort(dim=1, descending=True, stable=True)
        places = torch.arange(longest, device=seen.device).expand(len(seen), -1)
        spread = torch.where(counts[:, None] > longest, places * counts[:, None] // longest, places)
        chosen = order.gather(1, spread)
        kept = placed.gather(1, chosen[..., None].expand(-1, -1, placed.shape[-1]))
        return kept, seen.gather(1, chosen)


def shares(length: Tensor, count: int, old: int, dtype: torch.dtype) -> Tensor:
    """Return what part each of ``old`` values has in each of ``count`` places, ``(batch, ...)``.

    The values are stretched over the first ``length`` places, between which is interpolated with
    both ends kept; places behind have no part in any.
    """
    places = torch.arange(count, device=length.device)
    span = (length - 1).clamp(min=1)[:, None]
    wanted = places * (old - 1) / span
    distances = (wanted[..., None] - torch.arange(old, device=length.device)).abs()
    parts = (1 - distances).clamp(min=0) * (places < length[:, None])[..., None]
    return parts.to(dtype)
