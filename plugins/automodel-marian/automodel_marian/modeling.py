"""Marian: post-norm layers over fixed positions; languages may have vocabularies of their own."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqModel,
    FairseqPreTrainedModel,
    FairseqStack,
    SummedEmbeddings,
    TextEmbeddings,
    WithLogitsBias,
    text_layer,
    token_embedding,
)
from automodel_core.layers import Embedding, SinusoidalPositions
from automodel_core.modeling import resize_tokens
from automodel_marian.configuration import MarianConfig

__all__ = [
    "MarianDecoderModel",
    "MarianForCausalLM",
    "MarianMTModel",
    "MarianModel",
    "MarianPreTrainedModel",
]


class DecoderEmbeddings(SummedEmbeddings):
    """The decoder's tokens and positions; unlike the encoder, it also scales given embeddings."""

    def __init__(self, config: MarianConfig, embed_positions: nn.Module) -> None:
        shared = config.share_encoder_decoder_embeddings
        tokens = Embedding(
            config.vocab_size if shared else config.decoder_vocab_size or config.vocab_size,
            config.d_model,
            config.pad_token_id,
        )
        super().__init__(tokens, embed_positions, dropout=config.dropout)
        self.scale = config.d_model**0.5 if config.scale_embedding else 1.0

    def combine(self, tokens: Tensor, positions: Tensor) -> Tensor:
        return super().combine(tokens * self.scale, positions)


class MarianPreTrainedModel(FairseqPreTrainedModel):
    """What all Marian models share."""

    config_class = MarianConfig
    config: MarianConfig

    @classmethod
    def shares_embeddings(cls, config: Any) -> bool:
        return bool(config.share_encoder_decoder_embeddings)

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> FairseqStack:
        positions = SinusoidalPositions(config.max_position_embeddings, config.d_model)
        embeddings: TextEmbeddings
        if decoder:
            embeddings = DecoderEmbeddings(config, positions)
        else:
            embeddings = SummedEmbeddings(
                token_embedding(config), positions, dropout=config.dropout
            )
        layer = partial(text_layer, config, decoder=decoder, norm_first=False)
        return FairseqStack(config, embeddings, layer, decoder=decoder)

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Module:
        resized = super().resize_token_embeddings(*args, **kwargs)
        if self.shares_embeddings(self.config) or "encoder" not in self.stacks:
            self.config.decoder_vocab_size = self.config.vocab_size
        return resized

    def resize_decoder_token_embeddings(self, new_num_tokens: int) -> nn.Module:
        """Change the size of a vocabulary that only the decoder reads, and return its embeddings.

        Raises `InputError` where both sides read one vocabulary.
        """
        if self.shares_embeddings(self.config):
            raise InputError("both sides read one vocabulary: call resize_token_embeddings")
        tokens = ".".join(filter(None, (self.body, "decoder.embeddings.embed_tokens")))
        resize_tokens(self, tokens, new_num_tokens)
        self.config.decoder_vocab_size = new_num_tokens
        return self.get_submodule(tokens)


class MarianModel(MarianPreTrainedModel, FairseqModel):
    """The encoder-decoder without a head."""


class MarianMTModel(MarianPreTrainedModel, WithLogitsBias):
    """Marian with an output layer: it translates."""

    model_class = MarianModel


class MarianDecoderModel(MarianPreTrainedModel, FairseqDecoder):
    """The decoder alone, without a head."""


class MarianForCausalLM(MarianPreTrainedModel, FairseqForCausalLM):
    """Marian's decoder alone, with an output layer."""

    model_class = MarianDecoderModel
