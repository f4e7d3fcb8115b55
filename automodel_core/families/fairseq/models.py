"""Bodies and heads: the wiring that all of the family share.

A plugin derives its own base from `FairseqPreTrainedModel`, where it states its embeddings and the
order of its norms, and joins that base with these classes; a head names its body in
``model_class``.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import ConfigurationError
from automodel_core.families.fairseq.configuration import DecoderSizes
from automodel_core.families.fairseq.names import stack_names
from automodel_core.families.fairseq.stack import (
    FairseqStack,
    TextEmbeddings,
    text_layer,
    token_embedding,
)
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.linear import linear
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.modeling.bodies.seq2seq import EncoderDecoderBody
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.heads.parts import ClassificationHead, states_to_score
from automodel_core.modeling.heads.seq2seq import (
    EncoderDecoderForConditionalGeneration,
    EncoderDecoderForQuestionAnswering,
    EncoderDecoderForSequenceClassification,
    EncoderDecoderHead,
)
from automodel_core.modeling.losses.classes import ItemCount
from automodel_core.modeling.losses.text import token_loss
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.outputs.text import CausalLMOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.first_values import init_normal
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "FairseqDecoder",
    "FairseqForCausalLM",
    "FairseqForConditionalGeneration",
    "FairseqForQuestionAnswering",
    "FairseqForSequenceClassification",
    "FairseqModel",
    "FairseqPreTrainedModel",
    "WithLogitsBias",
    "last_token_first",
]

TOKENS = "embeddings.embed_tokens"


class FairseqPreTrainedModel(PreTrainedModel):
    """The base of an architecture's models; a plugin states its facts."""

    base_model_prefix: ClassVar[str] = "model"
    ties_follow_checkpoint: ClassVar[bool] = True
    stacks: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    norm_first: ClassVar[bool]
    """Pre-norm layers, and a norm behind the last of them; else post-norm layers."""

    @classmethod
    @abstractmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> TextEmbeddings:
        """Return the embeddings of the encoder or the decoder."""

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> FairseqStack:
        """Return the encoder or the decoder."""
        embeddings = cls.make_embeddings(config, decoder=decoder)
        layer = partial(text_layer, config, decoder=decoder, norm_first=cls.norm_first)
        norm = layer_norm(config.d_model) if cls.norm_first else None
        return FairseqStack(config, embeddings, layer, norm, decoder=decoder)

    @classmethod
    def shares_embeddings(cls, config: Any) -> bool:
        """Return whether encoder and decoder read one vocabulary with one set of embeddings."""
        return True

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        names = stack_names(*cls.stacks)
        return names.nested(hub="model", module=cls.body) if cls.body else names

    def init_module(self, module: nn.Module) -> None:
        init_normal(module, self.config.init_std)


class FairseqModel(FairseqPreTrainedModel, EncoderDecoderBody):
    """The encoder-decoder without a head."""

    input_embeddings = f"encoder.{TOKENS}"
    encoder: FairseqStack
    decoder: FairseqStack

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if self.shares_embeddings(config):
            self.embed_tokens = token_embedding(config)
        self.encoder = self.make_stack(config, decoder=False)
        self.decoder = self.make_stack(config, decoder=True)
        self.post_init()

    def embedding_ties(self) -> dict[str, str]:
        if not self.shares_embeddings(self.config):
            return {}
        return {f"{side}.{TOKENS}.weight": "embed_tokens.weight" for side in self.stacks}


def last_token_first(tokens: Tensor, pad_token_id: int | None) -> Tensor:
    """Shift ``(batch, length)`` tokens right, and put each row's last one, a language code, first.

    Labels of -100, which do not count, become padding. Raises `ConfigurationError` if there is no
    padding token, which shows where a row ends.
    """
    if pad_token_id is None:
        raise ConfigurationError("labels end where padding begins: pad_token_id is needed")
    tokens = tokens.masked_fill(tokens == -100, pad_token_id)
    last = (tokens != pad_token_id).sum(dim=1, keepdim=True) - 1
    return torch.cat([tokens.gather(1, last), tokens[:, :-1]], dim=1)


class FairseqHead(FairseqPreTrainedModel, EncoderDecoderHead):
    """What heads on an encoder-decoder share."""

    model_class: ClassVar[type[FairseqModel]]
    model: FairseqModel
    input_embeddings = f"model.encoder.{TOKENS}"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = self.model_class(config)


class FairseqForConditionalGeneration(FairseqHead, EncoderDecoderForConditionalGeneration):
    """Text in, text out: an output layer, which may be tied to the decoder's embeddings."""

    output_embeddings_tied_to = f"model.decoder.{TOKENS}"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        vocabulary = self.model.decoder.embeddings.embed_tokens.num_embeddings
        self.lm_head = linear(config.d_model, vocabulary, bias=False)
        self.post_init()


class WithLogitsBias(FairseqForConditionalGeneration):
    """An output layer with a bias that is a buffer: it is saved, and not trained."""

    final_logits_bias: Tensor
    score_buffers = ("final_logits_bias",)
    caches_with_labels = False

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        bias = torch.zeros(1, self.lm_head.out_features, device="cpu")
        self.register_buffer("final_logits_bias", bias)

    def score_states(self, hidden_states: Tensor, cache: Cache | None) -> Tensor:
        return super().score_states(hidden_states, cache) + self.final_logits_bias


class FairseqForSequenceClassification(FairseqHead, EncoderDecoderForSequenceClassification):
    """Classes, or numbers, for whole texts."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.classifier = ClassificationHead(
            config.d_model, config.num_labels, config.classifier_dropout
        )
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return super().weight_names(config) | WeightNames({"classification_head": "classifier"})


class FairseqForQuestionAnswering(FairseqHead, EncoderDecoderForQuestionAnswering):
    """Scores of where an answer starts and ends; the configuration is copied, with two labels."""

    def __init__(self, config: Any) -> None:
        config = copy.deepcopy(config)
        config.num_labels = 2
        super().__init__(config)
        self.qa_outputs = linear(config.d_model, config.num_labels)
        self.post_init()


class FairseqDecoder(FairseqPreTrainedModel):
    """The decoder alone, without a head."""

    stacks = ("decoder",)
    input_embeddings = f"decoder.{TOKENS}"

    def __init__(self, config: DecoderSizes) -> None:
        super().__init__(config)
        self.decoder = self.make_stack(config, decoder=True)
        self.post_init()

    def get_decoder(self) -> nn.Module:
        return self.decoder

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> BaseModelOutput:
        """Run ``(batch, length)`` tokens through the decoder."""
        output: BaseModelOutput = self.decoder(
            input_ids=input_ids,
            attention_mask=attention_mask,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            inputs_embeds=inputs_embeds,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **options,
        )
        return output


class FairseqForCausalLM(FairseqPreTrainedModel, GenerativePreTrainedModel):
    """Next-token scores of the decoder alone, which may attend to given encoder states.

    The configuration is copied, with ``is_decoder=True`` and ``is_encoder_decoder=False``.
    """

    model_class: ClassVar[type[FairseqDecoder]]
    stacks = ("decoder",)
    body = "model"
    input_embeddings = f"model.decoder.{TOKENS}"
    output_embeddings = "lm_head"

    def __init__(self, config: DecoderSizes) -> None:
        config = copy.deepcopy(config)
        config.is_decoder, config.is_encoder_decoder = True, False
        super().__init__(config)
        self.model = self.model_class(config)
        tokens = self.model.decoder.embeddings.embed_tokens
        self.lm_head = linear(config.d_model, tokens.num_embeddings, bias=False)
        self.post_init()

    def get_decoder(self) -> nn.Module:
        return self.model.decoder

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: ItemCount = None,
        **options: Unpack[ForwardOptions],
    ) -> CausalLMOutput:
        """Score ``(batch, length)`` tokens; ``labels`` belong to the same positions.

        To train on the next token, give labels that are shifted by one already.
        """
        body = self.model(
            input_ids,
            attention_mask,
            encoder_hidden_states,
            encoder_attention_mask,
            inputs_embeds,
            past_key_values,
            use_cache,
            **options,
        )
        states = states_to_score(body.last_hidden_state, logits_to_keep)
        logits = self.score_states(states, past_key_values)
        loss = None if labels is None else token_loss(logits, labels, num_items_in_batch)
        return CausalLMOutput.of(body, loss=loss, logits=logits)
