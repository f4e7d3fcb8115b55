"""The model of a composite: any encoder, and any decoder that can attend to its states."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch import Tensor, nn

from automodel_core.checkpoint.loading.report import LoadReport
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.families.pair.configuration import CompositeConfig
from automodel_core.families.pair.joining import load_sides
from automodel_core.families.pair.parts import (
    SIDE_CLASSES,
    decoder_class,
    encoder_class,
    new_encoder,
    poolers,
    takes_pooler,
)
from automodel_core.families.pair.sides import TiedSides
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.generation.settings.of_model import set_generation_config
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.linear import linear
from automodel_core.modeling.bodies.seq2seq import as_encoder_output, shift_right
from automodel_core.modeling.bodies.text import TextRunner
from automodel_core.modeling.calls import ForwardOptions
from automodel_core.modeling.losses.classes import ItemCount
from automodel_core.modeling.losses.text import token_loss
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.outputs.seq2seq import Seq2SeqLMOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CompositeModel"]

logger = logging.getLogger("automodel_core")

PROJECTION = "enc_to_dec_proj"
POOLING = "encoder_add_pooling_layer"
"""The key that says whether the encoder has a pooler, as the argument of loading is called."""
FLAGS = tuple(ForwardOptions.__annotations__)
FOR_DECODER = ("decoder_", "logits_to_keep")
"""How the arguments begin that go to the decoder."""

Options = Mapping[str, Any]


class CompositeModel(TiedSides, GenerativePreTrainedModel):
    """An ``encoder``, and a ``decoder`` with a language-modelling head that attends to it.

    Both are given as models, or made from the configuration with new weights. Where their sizes
    differ, ``enc_to_dec_proj`` maps the encoder's states, unless the decoder's cross-attention is
    made for them (``cross_attention_hidden_size``). Raises `ConfigurationError` for models of other
    classes than a saved composite would be loaded with.
    """

    embeds: ClassVar[str] = "encoder"
    """The side whose embeddings are the model's input embeddings."""

    enc_to_dec_proj: nn.Module | None

    def __init__(
        self,
        config: CompositeConfig | None = None,
        encoder: PreTrainedModel | None = None,
        decoder: PreTrainedModel | None = None,
    ) -> None:
        config = self._configured(config, encoder, decoder)
        super().__init__(config)
        if encoder is None:
            encoder = new_encoder(config.encoder, config.get(POOLING) is not False)
        self.encoder = encoder
        self.decoder = decoder_class(config.decoder)(config.decoder) if decoder is None else decoder
        self._check_decoder()
        for part in self.decoder.modules():
            if isinstance(part, TextRunner):
                part.argument_prefix = "decoder_"
        # One configuration object each: a change of the composite's is a change of the side's.
        config.encoder, config.decoder = self.encoder.config, self.decoder.config
        config.validate()
        self._freeze_pooler()
        self.enc_to_dec_proj = None
        if config.is_projected:
            sizes = config.encoder_size, config.decoder.hidden_size
            weight = next(self.decoder.parameters())  # buffers may be elsewhere while it is built
            self.enc_to_dec_proj = linear(*sizes).to(weight.device, weight.dtype)
        self.post_init()

    @classmethod
    def _configured(
        cls,
        config: CompositeConfig | None,
        encoder: PreTrainedModel | None,
        decoder: PreTrainedModel | None,
    ) -> CompositeConfig:
        """Return the composite's configuration, made from those of its sides if there is none."""
        sides = {"encoder": encoder, "decoder": decoder}
        if config is None:
            if encoder is None or decoder is None:
                raise InputError(f"{cls.__name__} takes config=, or both encoder= and decoder=")
            kind = cast("type[CompositeConfig]", cls.config_class)
            config = kind.from_encoder_decoder_configs(encoder.config, decoder.config)
        for side, model in sides.items():
            if model is None:
                continue
            expected = SIDE_CLASSES[side](model.config)
            if not isinstance(model, expected):
                raise ConfigurationError(
                    f"{cls.__name__}: the {side} is a {type(model).__name__}, and a checkpoint of "
                    f"the pair would be loaded with a {expected.__name__}; give one of these"
                )
            if isinstance(config, CompositeConfig):
                _warn_of_difference(side, config.parts()[side], model.config)
        return config

    def _freeze_pooler(self) -> None:
        """Freeze the encoder's pooler, which no decoder reads; if there is none, remember it.

        Data-parallel training waits for the gradient of every weight that is not frozen.
        """
        for pooler in poolers(self.encoder):
            pooler.requires_grad_(False)
        if takes_pooler(type(self.encoder)) and not poolers(self.encoder):
            setattr(self.config, POOLING, False)

    def _check_decoder(self) -> None:
        modules = (name.rpartition(".")[2] for name, _ in self.decoder.named_modules())
        if "cross_attn" not in modules:
            raise ConfigurationError(
                f"{type(self.decoder).__name__} has no cross-attention, so it cannot attend to an "
                "encoder: make it with is_decoder=True, add_cross_attention=True, if its "
                "architecture knows them"
            )

    def post_init(self) -> None:
        """Initialise what the composite adds to its sides, which are initialised already."""
        if self.config._attn_implementation not in (None, "sdpa"):
            self.set_attn_implementation(self.config._attn_implementation)
        if any(parameter.is_meta for parameter in self.parameters()):
            return
        if self._generation_config is None:
            set_generation_config(self, GenerationConfig.from_model_config(self.config))
        self.tie_weights()
        if self.enc_to_dec_proj is not None:
            self.init_module(self.enc_to_dec_proj)

    def init_module(self, module: nn.Module) -> None:
        """Initialise a module by the rules of its side, the projection by the decoder's."""
        in_encoder = any(module is part for part in self.encoder.modules())
        (self.encoder if in_encoder else self.decoder).init_module(module)

    @classmethod
    def from_encoder_decoder_pretrained(
        cls,
        encoder_pretrained_model_name_or_path: str | os.PathLike[str] | None = None,
        decoder_pretrained_model_name_or_path: str | os.PathLike[str] | None = None,
        *model_args: Any,
        **kwargs: Any,
    ) -> Self:
        """Join two checkpoints into one model, in evaluation mode.

        Arguments that begin with ``encoder_`` or ``decoder_`` change the configuration of that
        side, or say how it is loaded; ``encoder_config`` and ``decoder_config`` replace it, and
        ``encoder_model`` and ``decoder_model`` are models in place of checkpoints. ``model_args``
        go to the encoder's ``__init__``. Other arguments of loading apply to both sides, and the
        rest are keys of the composite's own configuration. Weights that no checkpoint holds, as
        those of a decoder's new cross-attention, are drawn and listed in ``load_report``.
        """
        kind: Any = cls.config_class
        names = (encoder_pretrained_model_name_or_path, decoder_pretrained_model_name_or_path)
        sides = load_sides(kind, names, model_args, kwargs)
        config = kind.from_encoder_decoder_configs(
            sides.encoder.config, sides.decoder.config, **sides.config_keys
        )
        config.dtype = sides.decoder.dtype
        model = cls(config, sides.encoder, sides.decoder).eval()
        projection = tuple(name for name in model.state_dict() if name.startswith(PROJECTION))
        model.load_report = replace(
            sides.report,
            missing=sides.report.missing + projection,
            initialised=sides.report.initialised + projection,
        )
        model._warn_of_new_weights()
        return model

    def _warn_of_new_weights(self) -> None:
        names, report = self.own_names(), self.load_report or LoadReport()
        modules = [module for hub in report.initialised for module in names.to_module(hub)]
        crossing = [name for name in modules if ".cross_attn" in name]
        new = [f"the decoder's cross-attention ({len(crossing)} weights)"] if crossing else []
        new += [PROJECTION] if self.enc_to_dec_proj is not None else []
        if new:
            logger.warning("new values, to be trained before use: %s", " and ".join(new))

    # ---- weights ----

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        kind = encoder_class(config.encoder)
        encoder = kind.weight_names(config.encoder)
        decoder = decoder_class(config.decoder).weight_names(config.decoder)
        pair = encoder.nested("encoder", "encoder") | decoder.nested("decoder", "decoder")
        if not kind.base_model_prefix:
            return pair
        # TensorFlow's files name the encoder's body, as those of a model with a head do.
        return pair | WeightNames(foreign={f"encoder.{kind.base_model_prefix}": "encoder"})

    # ---- sides ----

    def get_encoder(self) -> PreTrainedModel:
        return self.encoder

    def get_decoder(self) -> PreTrainedModel:
        return self.decoder

    def get_input_embeddings(self) -> nn.Module:
        return self.sides()[self.embeds].get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.sides()[self.embeds].set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module | None:
        return self.decoder.get_output_embeddings()

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        self.decoder.set_output_embeddings(new_embeddings)

    def score_states(self, hidden_states: Tensor, cache: Cache | None) -> Tensor:
        decoder: Any = self.decoder
        scores: Tensor = decoder.score_states(hidden_states, cache)
        return scores

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Module:
        """Raise `InputError`: each side has a vocabulary of its own."""
        raise InputError(
            f"{type(self).__name__} has more than one vocabulary: resize that of a side, with "
            "model.encoder.resize_token_embeddings(...) or model.decoder.resize_token_embeddings(.)"
        )

    # ---- forward ----

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        return shift_right(labels, self.config.padding_token_id, self.config.start_token_id)

    def visible(self, tokens: Tensor) -> Tensor:
        """Return a mask over the decoder's tokens that hides padding."""
        padding = self.config.padding_token_id
        return torch.ones_like(tokens) if padding is None else tokens.ne(padding).long()

    def run(
        self,
        encoder_inputs: Options,
        decoder_inputs: Options,
        encoder_outputs: Any,
        labels: Tensor | None,
        options: Options,
        num_items_in_batch: ItemCount = None,
    ) -> Seq2SeqLMOutput:
        """Run the encoder, unless there are ``encoder_outputs``, and score the decoder's tokens.

        Of the ``options``, those that begin with ``decoder_`` go to the decoder and the rest to
        the encoder. ``labels`` are compared with the scores at their place.
        """
        options = dict(options)
        # Where neither the caller nor the composite asks, a side's own configuration may.
        wanted = {flag: options.pop(flag) or None for flag in FLAGS}
        prefixed = [name for name in options if name.startswith(FOR_DECODER)]
        for_decoder = {name.removeprefix("decoder_"): options.pop(name) for name in prefixed}
        if encoder_outputs is None:
            encoder_outputs = self.encoder(**encoder_inputs, **wanted, **options)
        encoded = as_encoder_output(encoder_outputs)
        context = self._context(encoded.last_hidden_state, decoder_inputs.get("past_key_values"))
        decoder_inputs = {**decoder_inputs, **self.seen_by_decoder(encoded, encoder_inputs)}
        decoded = self.decoder(
            **decoder_inputs, encoder_hidden_states=context, **wanted, **for_decoder
        )
        loss = None
        if labels is not None:
            loss = token_loss(decoded.logits, labels, num_items_in_batch)
        return Seq2SeqLMOutput(
            loss=loss,
            logits=decoded.logits,
            past_key_values=decoded.past_key_values,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            encoder_last_hidden_state=self.shown_states(encoded, context),
            encoder_hidden_states=encoded.hidden_states,
            encoder_attentions=encoded.attentions,
        )

    def seen_by_decoder(self, encoded: BaseModelOutput, encoder_inputs: Options) -> dict[str, Any]:
        """Return what else of the encoder's inputs and outputs the decoder is given."""
        return {}

    def shown_states(self, encoded: BaseModelOutput, context: Tensor) -> Tensor:
        """Return what an output calls the encoder's last states; ``context`` is what is read."""
        states: Tensor = encoded.last_hidden_state
        return states

    def _context(self, states: Any, cache: Cache | None) -> Any:
        """Return the encoder's states, projected if need be; once for a whole decoding loop."""
        if self.enc_to_dec_proj is None:
            return states.to(self.decoder.dtype)
        if cache is None or not cache.decoding:
            return self._projected(states)
        known = cache.memo.get(self.enc_to_dec_proj)
        if known is None or known[0] is not states:
            known = cache.memo[self.enc_to_dec_proj] = states, self._projected(states)
        return known[1]

    def _projected(self, states: Tensor) -> Tensor:
        """Return the encoder's states in the decoder's size, and in its dtype."""
        projection: Any = self.enc_to_dec_proj
        projected: Tensor = projection(states.to(projection.weight.dtype))
        return projected.to(self.decoder.dtype)


def _warn_of_difference(side: str, given: PreTrainedConfig, own: PreTrainedConfig) -> None:
    """Warn if the composite's configuration of a side differs from that of the given model."""
    left, right = given.to_dict(), own.to_dict()
    unequal = {key for key in (*left, *right) if left.get(key) != right.get(key)}
    different = sorted(unequal - {"is_decoder", "add_cross_attention", "architectures", "dtype"})
    if different:
        keys = ", ".join(different)
        logger.warning("the %s keeps its own configuration, which differs in %s", side, keys)
