"""Masks from the vectors of prompts and the map of an image, which look at each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers
from automodel_sam.configuration import SamMaskDecoderConfig

PROMPTS = 16
"""How many prompts are decoded at a time: each has a map of its own, as large as the image's."""
DOWNSAMPLING = 2
"""How much smaller than states the heads of layers are together: files go by this number there, and
by ``attention_downsample_rate`` in the last attention only."""
Weights = Tensor | None


class SamTwoWayLayer(nn.Module):
    """Tokens attend to each other and to the image, then the image's places to the tokens.

    The first layer's tokens are nothing but their positions yet: it replaces them.
    """

    def __init__(self, config: SamMaskDecoderConfig, first: bool) -> None:
        super().__init__()
        size, eps = config.hidden_size, config.layer_norm_eps
        self.first = first
        self.self_attn = attention(config, 1)
        self.layer_norm1 = layers.layer_norm(size, eps=eps)
        self.cross_attn_token_to_image = attention(config, DOWNSAMPLING)
        self.layer_norm2 = layers.layer_norm(size, eps=eps)
        self.mlp = layers.FeedForward(size, config.mlp_dim, activation=config.hidden_act)
        self.layer_norm3 = layers.layer_norm(size, eps=eps)
        self.layer_norm4 = layers.layer_norm(size, eps=eps)
        self.cross_attn_image_to_token = attention(config, DOWNSAMPLING)

    def forward(
        self,
        tokens: Tensor,
        places: Tensor,
        token_positions: Tensor,
        place_positions: Tensor,
        similarity: Tensor | None,
        output_attentions: bool,
    ) -> tuple[Tensor, Tensor, Weights]:
        """Return tokens ``(rows, tokens, size)`` and places ``(rows, places, size)`` of prompts.

        Places may come with fewer rows, one for several prompts. ``similarity`` is added to the
        scores of tokens over places, whose weights are returned on request.
        """
        if self.first:
            tokens, _ = self.self_attn(tokens)
        else:
            placed = tokens + token_positions
            tokens = tokens + self.self_attn.between(placed, placed, tokens)[0]
        tokens = self.layer_norm1(tokens)
        found, weights = self.cross_attn_token_to_image.between(
            tokens + token_positions,
            places + place_positions,
            places,
            similarity,
            output_attentions=output_attentions,
        )
        tokens = self.layer_norm2(tokens + found)
        tokens = self.layer_norm3(tokens + self.mlp(tokens))
        found, _ = self.cross_attn_image_to_token.between(
            places + place_positions, tokens + token_positions, tokens
        )
        several = found.shape[0] // places.shape[0]
        places = (places[:, None] + found.unflatten(0, (-1, several))).flatten(0, 1)
        return tokens, self.layer_norm4(places), weights


def attention(config: SamMaskDecoderConfig, downsampling: int) -> layers.Attention:
    """Return an attention whose heads are smaller than the states by a factor."""
    size, heads = config.hidden_size, config.num_attention_heads
    head_dim = size // downsampling // heads
    return layers.Attention(layers.equal_heads(size, heads, head_dim=head_dim))


class SamTwoWayTransformer(layers.LayerStack):
    """The layers, and one last look of the tokens at the image."""

    def __init__(self, config: SamMaskDecoderConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            SamTwoWayLayer(config, first=number == 0) for number in range(config.num_hidden_layers)
        )
        self.final_attn_token_to_image = attention(config, config.attention_downsample_rate)
        self.layer_norm_final_attn = layers.layer_norm(config.hidden_size)

    def forward(
        self,
        tokens: Tensor,
        places: Tensor,
        place_positions: Tensor,
        similarity: Tensor | None,
        target: Tensor | None,
        output_attentions: bool,
    ) -> tuple[Tensor, Tensor, list[Weights]]:
        """Return what tokens and places have become, and each layer's weights.

        A ``target`` is added to the tokens before each layer, and to their positions: it stands
        for what is looked for (https://arxiv.org/abs/2305.03048).
        """
        token_positions = tokens if target is None else tokens + target
        tokens, weights = token_positions, []
        for number, layer in enumerate(self.layers):
            if target is not None and number:
                tokens = tokens + target
            tokens, places, seen = self.run(
                layer, tokens, places, token_positions, place_positions, similarity,
                output_attentions,
            )  # fmt: skip
            weights.append(seen)
        found, _ = self.final_attn_token_to_image.between(
            tokens + token_positions, places + place_positions, places
        )
        return self.layer_norm_final_attn(tokens + found), places, weights


class SamFeedForward(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, size: int, hidden_size: int, out_size: int, depth: int) -> None:
        super().__init__()
        self.proj_in = layers.linear(size, hidden_size)
        self.layers = nn.ModuleList(
            layers.linear(hidden_size, hidden_size) for _ in range(depth - 2)
        )
        self.proj_out = layers.linear(hidden_size, out_size)

    def forward(self, states: Tensor) -> Tensor:
        states = self.proj_in(states).relu()
        for layer in self.layers:
            states = layer(states).relu()
        found: Tensor = self.proj_out(states)
        return found


class SamUpscaling(nn.ConvTranspose2d):
    """Make four places of one: a transposed convolution of places whose channels lie together."""

    def __init__(self, size: int, out_size: int) -> None:
        super().__init__(size, out_size, kernel_size=2, stride=2)

    def forward(self, places: Tensor) -> Tensor:  # type: ignore[override]
        """Return ``(..., 2, 2, out_size)`` of ``(..., size)``."""
        weight = self.weight.permute(2, 3, 1, 0)
        four = F.linear(places, weight.flatten(0, 2)).unflatten(-1, weight.shape[:3])
        found: Tensor = four if self.bias is None else four + self.bias
        return found


class SamMaskDecoder(nn.Module):
    """Masks of prompts, and how well each is expected to fit."""

    def __init__(self, config: SamMaskDecoderConfig) -> None:
        super().__init__()
        size, count = config.hidden_size, config.num_multimask_outputs + 1
        self.iou_token = layers.embedding(1, size)
        self.mask_tokens = layers.embedding(count, size)
        self.transformer = SamTwoWayTransformer(config)
        self.upscale_conv1 = SamUpscaling(size, size // 4)
        self.upscale_layer_norm = layers.layer_norm(size // 4, eps=1e-6)
        self.upscale_conv2 = SamUpscaling(size // 4, size // 8)
        self.output_hypernetworks_mlps = nn.ModuleList(
            SamFeedForward(size, size, size // 8, 3) for _ in range(count)
        )
        self.iou_prediction_head = SamFeedForward(
            size, config.iou_head_hidden_dim, count, config.iou_head_depth
        )

    def forward(
        self,
        maps: Tensor,
        map_positions: Tensor,
        prompts: Tensor | None,
        multimask_output: bool,
        similarity: Tensor | None = None,
        target: Tensor | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return masks ``(batch, prompts, masks, 4 * rows, 4 * columns)`` and their scores.

        ``maps`` are ``(batch, size, rows, columns)``, ``prompts`` ``(batch, prompts, tokens,
        size)``. One mask is returned for each prompt, or several of which one is meant. Weights of
        tokens over places are ``(batch * prompts, heads, tokens, places)``.
        """
        places = maps.flatten(2).transpose(1, 2)
        place_positions = map_positions.flatten(2).transpose(1, 2)
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        if prompts is None:
            prompts = own.new_zeros(maps.shape[0], 1, 0, own.shape[-1])
        tokens = torch.cat([own.expand(*prompts.shape[:2], -1, -1), prompts.to(own.dtype)], dim=2)
        chosen = slice(1, None) if multimask_output else slice(0, 1)
        masks, scores, weights = [], [], []
        for block in in_blocks(tokens, similarity, target):
            decoded, seen, attended = self.transformer(
                block.tokens.flatten(0, 1), places, place_positions, block.similarity,
                None if block.target is None else block.target.flatten(0, 1), output_attentions,
            )  # fmt: skip
            shape = block.tokens.shape[:2]
            found = self.paint(decoded, seen.unflatten(1, maps.shape[2:]), chosen)
            masks.append(found.unflatten(0, shape))
            scores.append(self.iou_prediction_head(decoded[:, 0])[:, chosen].unflatten(0, shape))
            weights.append([each.unflatten(0, shape) for each in attended if each is not None])
        of_layers = [torch.cat(each, dim=1).flatten(0, 1) for each in zip(*weights, strict=True)]
        return torch.cat(masks, dim=1), torch.cat(scores, dim=1), of_layers

    def paint(self, tokens: Tensor, places: Tensor, chosen: slice) -> Tensor:
        """Return the chosen masks ``(prompts, masks, 4 * rows, 4 * columns)``.

        ``places`` ``(prompts, rows, columns, size)`` become sixteen each; the token of a mask says
        what its pixels have in common.
        """
        numbers = range(len(self.output_hypernetworks_mlps))[chosen]
        looked_for = torch.stack(
            [self.output_hypernetworks_mlps[number](tokens[:, 1 + number]) for number in numbers],
            dim=2,
        )
        places = F.gelu(self.upscale_layer_norm(self.upscale_conv1(places)))
        places = F.gelu(self.upscale_conv2(places))
        masks = (places.flatten(1, 6) @ looked_for).unflatten(1, places.shape[1:7])
        # Behind the prompts: row, column, and twice half of a row and half of a column.
        masks = masks.permute(0, 7, 1, 3, 5, 2, 4, 6)
        painted: Tensor = masks.flatten(5, 7).flatten(2, 4)
        return painted


@dataclass(frozen=True)
class Block:
    """Prompts ``(batch, prompts, tokens, size)`` that are decoded together.

    ``similarity`` is a row for all or one for each prompt, ``target`` a vector for each token.
    """

    tokens: Tensor
    similarity: Tensor | None
    target: Tensor | None


def in_blocks(tokens: Tensor, similarity: Tensor | None, target: Tensor | None) -> Iterator[Block]:
    """Yield the prompts in blocks, as many as are decoded at a time."""
    (batch, count), several = tokens.shape[:2], max(1, PROMPTS // tokens.shape[0])
    if target is not None:
        target = target.expand_as(tokens)
    if layers.in_trace() or count <= several:
        yield Block(tokens, similarity, target)
        return
    for start in range(0, count, several):
        part = slice(start, start + several)
        own = similarity
        if own is not None and own.dim() == 4 and own.shape[0] > 1:
            own = own.unflatten(0, (batch, count))[:, part].flatten(0, 1)
        yield Block(tokens[:, part], own, None if target is None else target[:, part])
