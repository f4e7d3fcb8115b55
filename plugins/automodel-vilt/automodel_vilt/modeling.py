"""ViLT: pre-norm layers over a text and an image, without a tower for either."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_vilt.configuration import ViltConfig
from automodel_vilt.embeddings import ImageEmbeddings, TextEmbeddings
from automodel_vilt.weights import vilt_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

IMAGE = 1
"""The modality of a first image; 0 is that of texts."""


def vilt_layer(config: ViltConfig) -> layers.TransformerLayer:
    """Return one layer, which normalises what enters each part."""
    heads = layers.equal_heads(
        config.hidden_size, config.num_attention_heads, bias=config.qkv_bias, out_bias=True
    )
    mlp = layers.FeedForward(
        config.hidden_size, config.intermediate_size, activation=config.hidden_act
    )
    return layers.TransformerLayer(
        layers.Attention(heads, dropout=config.attention_probs_dropout_prob),
        mlp,
        partial(layers.layer_norm, config.hidden_size, eps=config.layer_norm_eps),
        norm_first=True,
        dropout=config.hidden_dropout_prob,
    )


class ViltEmbeddings(nn.Module):
    """A text, then an image, each with the embedding of what it is."""

    def __init__(self, config: ViltConfig) -> None:
        super().__init__()
        self.text = TextEmbeddings(config)
        self.image = ImageEmbeddings(config)
        self.modalities = layers.embedding(config.modality_type_vocab_size, config.hidden_size)

    def joined(self, text: Tensor, image: Tensor, modality: int) -> Tensor:
        """Return embeddings of both ``(batch, tokens + patches, hidden_size)``."""
        kinds = torch.tensor([0, modality], device=text.device)
        of_text, of_image = layers.look_up(self.modalities, kinds)
        return torch.cat([text + of_text, image + of_image], dim=1)


class ViltPreTrainedModel(modeling.PreTrainedModel):
    """What all ViLT models share: the names of their weights."""

    config_class = ViltConfig
    config: ViltConfig
    base_model_prefix = "vilt"
    input_embeddings = "embed.text.embed_tokens"
    optional_weights = ("pooler",)

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return vilt_names(cls.body)


class ViltModel(ViltPreTrainedModel):
    """The body: embeddings, layers, a norm, and a pooler unless ``add_pooling_layer`` is false."""

    def __init__(self, config: ViltConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.embed = ViltEmbeddings(config)
        self.stack = layers.TransformerStack(
            layers.repeated(partial(vilt_layer, config), config.num_hidden_layers)
        )
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.pooler = modeling.Pooler(size) if add_pooling_layer else None
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        image_embeds: Tensor | None = None,
        image_token_type_idx: int | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run texts ``(batch, length)`` with an image each through the layers.

        ``pixel_mask`` ``(batch, height, width)`` is 1 where an image is, its upper left, and 0
        where it is padded. Patches keep their order. ``image_embeds`` ``(batch, patches, size)``
        are embedded patches with their positions, of which a ``pixel_mask`` has one number each.
        The hidden states are those before the last norm.
        """
        text = modeling.TextInputs(
            input_ids, attention_mask, token_type_ids, inputs_embeds=inputs_embeds
        )
        text.span = layers.span_of(None, text.tokens)
        text.check_shapes()
        words = self.embed.text(text)
        image, seen = self._image(pixel_values, pixel_mask, image_embeds)
        if not layers.in_trace() and image.shape[0] != words.shape[0]:
            raise InputError(f"{words.shape[0]} texts were given with {image.shape[0]} images")
        if attention_mask is None:
            attention_mask = torch.ones(words.shape[:2], dtype=torch.long, device=words.device)
        states = self.embed.joined(words, image, image_token_type_idx or IMAGE)
        mask = torch.cat([attention_mask, seen.to(attention_mask.dtype)], dim=1)
        output = self.stack(
            states, layers.padding_mask(mask, states.dtype), **modeling.wanted_states(options)
        )
        last = self.norm(output.last_hidden_state)
        return modeling.BaseModelOutput(
            last_hidden_state=last,
            pooler_output=None if self.pooler is None else self.pooler(last),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )

    def _image(
        self, pixel_values: Tensor | None, pixel_mask: Tensor | None, image_embeds: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return embedded patches and their mask."""
        if pixel_values is not None and image_embeds is None:
            embedded: tuple[Tensor, Tensor] = self.embed.image(pixel_values, pixel_mask)
            return embedded
        if image_embeds is None or pixel_values is not None:
            raise InputError("give either pixel_values or image_embeds")
        if pixel_mask is None:
            shape = image_embeds.shape[:2]
            return image_embeds, torch.ones(shape, dtype=torch.long, device=image_embeds.device)
        return image_embeds, pixel_mask.flatten(1)
