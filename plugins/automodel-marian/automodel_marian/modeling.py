"""Marian: post-norm layers over fixed positions; languages may have vocabularies of their own."""

from __future__ import annotations

from typing import Any

from torch import nn

import automodel_core.families.fairseq as fairseq
from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_marian.configuration import MarianConfig


class MarianPreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What all Marian models share; only the decoder scales given embeddings too."""

    config_class = MarianConfig
    config: MarianConfig
    norm_first = False

    @classmethod
    def shares_embeddings(cls, config: Any) -> bool:
        return bool(config.share_encoder_decoder_embeddings)

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.SummedEmbeddings:
        positions = layers.SinusoidalPositions(config.max_position_embeddings, config.d_model)
        if not decoder:
            return fairseq.SummedEmbeddings(
                fairseq.token_embedding(config), positions, dropout=config.dropout
            )
        count = config.vocab_size if cls.shares_embeddings(config) else config.decoder_vocab_size
        tokens = layers.embedding(count, config.d_model, config.pad_token_id)
        return fairseq.SummedEmbeddings(
            tokens, positions, None, config.dropout, config.embedding_scale
        )

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Module:
        resized = super().resize_token_embeddings(*args, **kwargs)
        if self.shares_embeddings(self.config) or "encoder" not in self.stacks:
            self.config.decoder_vocab_size = self.config.vocab_size
        return resized

    def resize_decoder_token_embeddings(self, new_num_tokens: int) -> nn.Module:
        """Resize the decoder's own vocabulary; raise `InputError` where both sides read one."""
        if self.shares_embeddings(self.config):
            raise InputError("both sides read one vocabulary: call resize_token_embeddings")
        tokens = ".".join(filter(None, (self.body, "decoder.embeddings.embed_tokens")))
        embeddings = modeling.resize_tokens(self, tokens, new_num_tokens)
        self.config.decoder_vocab_size = new_num_tokens
        return embeddings


class MarianModel(MarianPreTrainedModel, fairseq.FairseqModel):
    """The encoder-decoder without a head."""


class MarianMTModel(MarianPreTrainedModel, fairseq.WithLogitsBias):
    """Marian with an output layer: it translates."""

    model_class = MarianModel
    saves_computed = False


class MarianDecoderModel(MarianPreTrainedModel, fairseq.FairseqDecoder):
    """The decoder alone, without a head; its vocabulary is the decoder's, shared or not."""

    @classmethod
    def shares_embeddings(cls, config: Any) -> bool:
        return False


class MarianForCausalLM(MarianPreTrainedModel, fairseq.FairseqForCausalLM):
    """Marian's decoder alone, with an output layer."""

    model_class = MarianDecoderModel
