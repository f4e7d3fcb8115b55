"""Faults in what a model reads: masks, positions, token types, embeddings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from torch import Tensor, nn

from automodel_bert import (
    modeling as bert,
)
from automodel_core.generation.session import step_arguments
from automodel_core.layers.masks import causal_mask
from automodel_core.layers.stack import TransformerStack
from automodel_core.modeling.bodies import text as text_bodies
from automodel_core.modeling.bodies.text import TextInputs, TextRunner
from automodel_core.modeling.heads import (
    text as text_heads,
)
from automodel_gpt2 import modeling as gpt2
from automodel_t5 import modeling as t5
from support.seeded_faults.seed import around, seen

# ---- masks and positions ----


@seen("bert", "padding_changes_nothing-base", "padding_changes_nothing-token-classification")
def padding_is_seen(patch: pytest.MonkeyPatch) -> None:
    """An encoder ignores the mask of padding."""
    patch.setattr(bert.BertModel, "mask", lambda *_: None)


@seen("bert", "an_encoder_sees_both_ways-base", "an_encoder_sees_both_ways-masked-lm")
def encoder_is_causal(patch: pytest.MonkeyPatch) -> None:
    """An encoder sees earlier tokens only."""

    def mask(model: Any, inputs: TextInputs, states: Tensor) -> Any:
        length = states.shape[1]
        return causal_mask(inputs.attention_mask, length, length, states.dtype, states.device)

    patch.setattr(bert.BertModel, "mask", mask)


@seen("t5", "an_encoder_sees_both_ways-seq2seq-lm", "an_encoder_sees_both_ways-text-encoding")
def encoder_of_two_stacks_is_causal(patch: pytest.MonkeyPatch) -> None:
    """The encoder of an encoder-decoder sees earlier tokens only."""

    def mask(model: Any, inputs: TextInputs, states: Tensor) -> Any:
        length = states.shape[1]
        return causal_mask(inputs.attention_mask, length, length, states.dtype, states.device)

    original = t5.T5Stack.mask
    around(
        patch,
        t5.T5Stack,
        "mask",
        lambda _, model, *args: (original if model.is_decoder else mask)(model, *args),
    )


@seen("gpt2", "cached_decoding_equals_uncached-causal-lm")
def decoder_sees_the_future(patch: pytest.MonkeyPatch) -> None:
    """A decoder sees later tokens."""
    patch.setattr(gpt2.GPT2Model, "mask", lambda *_: None)


@seen("t5", "padding_changes_nothing-seq2seq-lm", "masked_inputs_are_not_read-seq2seq-lm")
def encoder_of_two_stacks_sees_padding(patch: pytest.MonkeyPatch) -> None:
    """The encoder of an encoder-decoder ignores the mask of padding."""

    def mask(original: Any, model: Any, inputs: TextInputs, states: Tensor) -> Any:
        inputs.attention_mask = None
        return original(model, inputs, states)

    around(patch, t5.T5Stack, "mask", mask)


@seen("t5", "padding_changes_nothing-seq2seq-lm", "masked_inputs_are_not_read-seq2seq-lm")
def cross_attention_sees_padding(patch: pytest.MonkeyPatch) -> None:
    """Cross-attention ignores the mask of the encoder's text."""
    patch.setattr(text_bodies, "context_mask", lambda *_: None)


def without_positions(original: Any, model: Any, inputs: TextInputs) -> Any:
    inputs.position_ids = None
    return original(model, inputs)


@seen("bert", "position_ids_matter-base")
def positions_of_an_encoder_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """An encoder ignores the caller's position_ids."""
    around(patch, bert.BertModel, "embed", without_positions)


@seen("gpt2", "position_ids_matter-base", "left_padded_rows_write_what_they_write_alone-causal-lm")
def positions_of_a_decoder_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """A decoder ignores the caller's position_ids."""
    around(patch, gpt2.GPT2Model, "embed", without_positions)


def positions_plus_one(original: Any, inputs: TextInputs, *args: Any) -> Any:
    positions = original(inputs, *args)
    return positions if inputs.position_ids is None else positions + 1


@seen(
    "gpt2",
    "position_ids_matter-causal-lm",
    "left_padded_rows_write_what_they_write_alone-causal-lm",
)
def given_positions_are_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Positions that are given are off by one, those that are counted are not."""
    around(patch, TextInputs, "positions", positions_plus_one)


@seen("gpt2", "cached_decoding_equals_uncached-causal-lm", "greedy_takes_the_best_token-causal-lm")
def cached_positions_are_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Positions behind a cache are off by one."""

    def positions(original: Any, inputs: TextInputs, *args: Any) -> Any:
        cached = inputs.past_key_values is not None and inputs.past_key_values.get_seq_length() > 0
        return original(inputs, *args) + int(cached)

    around(patch, TextInputs, "positions", positions)


@seen("gpt2", "left_padded_rows_write_what_they_write_alone-causal-lm")
def generate_ignores_the_mask(patch: pytest.MonkeyPatch) -> None:
    """Generation ignores the mask of the prompt."""
    patch.setattr(step_arguments, "_mask_of", lambda _: None)


@seen("gpt2", "left_padded_rows_write_what_they_write_alone-causal-lm")
def generate_counts_from_one(patch: pytest.MonkeyPatch) -> None:
    """Generation counts the positions of padded rows from one."""

    def arguments(original: Any, *args: Any) -> Any:
        found = original(*args)
        if "position_ids" in found:
            found["position_ids"] = found["position_ids"] + 1
        return found

    around(patch, step_arguments.StepArguments, "arguments", arguments)


@seen("gpt2", "left_padded_rows_write_what_they_write_alone-causal-lm")
def prepared_steps_ignore_the_mask(patch: pytest.MonkeyPatch) -> None:
    """The prepared decoding step ignores the mask, where the forward heeds it."""

    def decode(original: Any, stack: Any, states: Tensor, inputs: Any, cache: Any) -> Any:
        return original(stack, states, [replace(each, mask=None) for each in inputs], cache)

    around(patch, TransformerStack, "_decode", decode)


@seen("gpt2", "padding_changes_nothing-sequence-classification")
def last_position_is_classified(patch: pytest.MonkeyPatch) -> None:
    """A decoder that classifies takes the last position, padding or not."""
    patch.setattr(text_heads.DecoderForSequenceClassification, "_last_tokens", lambda *_: -1)


# ---- other inputs ----


def without_types(original: Any, model: Any, inputs: TextInputs) -> Any:
    inputs.token_type_ids = None
    return original(model, inputs)


@seen("bert", "token_type_ids_matter-base", "token_type_ids_matter-next-sentence-prediction")
def token_types_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Token types are ignored."""
    around(patch, bert.BertModel, "embed", without_types)


@seen("gpt2", "token_type_ids_matter-base")
def token_types_of_a_decoder_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """A decoder ignores its token types."""
    around(patch, gpt2.GPT2Model, "embed", without_types)


@seen("bert", "embeddings_stand_for_tokens-base")
@seen("t5", "embeddings_stand_for_tokens-seq2seq-lm")
def embeddings_are_scaled(patch: pytest.MonkeyPatch) -> None:
    """Embeddings that are given are scaled, those of tokens are not."""

    def embedded_by(original: Any, inputs: TextInputs, module: nn.Module) -> Any:
        given = inputs.inputs_embeds is not None
        return original(inputs, module) * (2 if given else 1)

    around(patch, TextInputs, "embedded_by", embedded_by)


@seen("bert", "rows_do_not_meet-base", "rows_do_not_meet-sequence-classification")
def rows_share_their_mean(patch: pytest.MonkeyPatch) -> None:
    """The mean over the batch is taken off each row."""

    def embed(original: Any, *args: Any) -> Any:
        states = original(*args)
        return states - states.mean(0, keepdim=True)

    around(patch, bert.BertModel, "embed", embed)


@seen("bert", "inputs_stay_as_they_were-base")
@seen("gpt2", "inputs_stay_as_they_were-causal-lm")
def mask_is_written(patch: pytest.MonkeyPatch) -> None:
    """A forward writes into the caller's mask."""

    def run(original: Any, runner: Any, inputs: TextInputs, **options: Any) -> Any:
        if inputs.attention_mask is not None:
            inputs.attention_mask.fill_(1)
        return original(runner, inputs, **options)

    around(patch, TextRunner, "run", run)
