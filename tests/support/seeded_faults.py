"""Faults that authors make, each as a patch of one of our plugins or bricks.

Each function takes pytest's ``monkeypatch``; its docstring names the fault, and its decorators the
checks that must see it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_bert import (
    configuration as bert_configuration,
    modeling as bert,
    weights as bert_weights,
)
from automodel_core.generation.session import step_arguments
from automodel_core.layers.attention import Attention
from automodel_core.layers.caches.base import Cache, SelfAttentionCache
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.attention_functions import sdpa_attention
from automodel_core.layers.masks import causal_mask
from automodel_core.layers.stack import LayerStack, TransformerStack
from automodel_core.modeling.bodies import text as text_bodies
from automodel_core.modeling.bodies.text import TextInputs, TextRunner
from automodel_core.modeling.heads import (
    image as image_heads,
    seq2seq as seq2seq_heads,
    text as text_heads,
)
from automodel_core.modeling.losses import text as losses
from automodel_core.testing import CheckFailedError
from automodel_gpt2 import configuration as gpt2_configuration, modeling as gpt2
from automodel_t5 import modeling as t5
from automodel_vit import modeling as vit

__all__ = ["FAULTS", "Fault"]

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Fault:
    """A patch, and the check that must fail under it."""

    model_type: str
    check: str
    patch: Patch
    error: type[Exception] = CheckFailedError
    """What the check ends in."""

    @property
    def name(self) -> str:
        return (self.patch.__doc__ or "").rstrip(".")

    @property
    def id(self) -> str:
        return f"{self.model_type}-{self.patch.__name__}-{self.check}"


FAULTS: list[Fault] = []


def seen(
    model_type: str, *checks: str, error: type[Exception] = CheckFailedError
) -> Callable[[Patch], Patch]:
    """Say which checks of a model type must see a fault."""

    def enter(patch: Patch) -> Patch:
        FAULTS.extend(Fault(model_type, check, patch, error) for check in checks)
        return patch

    return enter


def around(patch: pytest.MonkeyPatch, owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Let ``change(original, *args, **kwargs)`` stand in for a function."""
    original = getattr(owner, name)

    def changed(*args: Any, **kwargs: Any) -> Any:
        return change(original, *args, **kwargs)

    patch.setattr(owner, name, changed)


def after_forward(patch: pytest.MonkeyPatch, owner: Any, change: Callable[..., None]) -> None:
    """Let ``change(output, **kwargs)`` alter what a model's ``forward`` returns."""

    def forward(original: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        change(output, **kwargs)
        return output

    original = owner.forward
    around(patch, owner, "forward", forward)
    owner.forward.__signature__ = original.__signature__


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


# ---- what comes out ----


@seen("bert", "hidden_states_are_those_of_the_layers-base")
def hidden_states_lack_the_embeddings(patch: pytest.MonkeyPatch) -> None:
    """hidden_states begin behind the first layer."""

    def change(output: Any, **_: Any) -> None:
        if output.hidden_states is not None:
            output.hidden_states = output.hidden_states[1:]

    after_forward(patch, bert.BertModel, change)


@seen("bert", "shows_hidden_states-base")
def hidden_states_are_kept_back(patch: pytest.MonkeyPatch) -> None:
    """hidden_states are never returned."""

    def change(output: Any, **_: Any) -> None:
        output.hidden_states = None

    after_forward(patch, bert.BertModel, change)


@seen("bert", "shows_attentions-base")
def attentions_are_scores(patch: pytest.MonkeyPatch) -> None:
    """attentions are scores, not weights."""

    def change(output: Any, **_: Any) -> None:
        if output.attentions is not None:
            output.attentions = tuple(weights * 3 for weights in output.attentions)

    after_forward(patch, bert.BertModel, change)


@seen("bert", "shows_attentions-base")
def attentions_are_kept_back(patch: pytest.MonkeyPatch) -> None:
    """attentions are never returned."""

    def change(output: Any, **_: Any) -> None:
        output.attentions = None

    after_forward(patch, bert.BertModel, change)


@seen("bert", "asking_for_more_changes_nothing-base")
def asking_for_attentions_changes_states(patch: pytest.MonkeyPatch) -> None:
    """output_attentions=True changes the states."""

    def change(output: Any, output_attentions: bool = False, **_: Any) -> None:
        if output_attentions:
            output.last_hidden_state = output.last_hidden_state + 1

    after_forward(patch, bert.BertModel, change)


@seen("bert", "half_precision_is_finite-base")
def states_are_upcast(patch: pytest.MonkeyPatch) -> None:
    """The states of a model in bfloat16 are in float32."""

    def change(output: Any, **_: Any) -> None:
        output.last_hidden_state = output.last_hidden_state.float()

    after_forward(patch, bert.BertModel, change)


@seen("bert", "eager_equals_sdpa-base")
def eager_is_another_model(patch: pytest.MonkeyPatch) -> None:
    """Attention by its formula gives something else."""

    def set_implementation(original: Any, model: Any, name: str) -> None:
        original(model, name)
        for part in model.modules():
            if isinstance(part, Attention) and name == "eager":
                part.scale = 1.0

    around(patch, bert.BertModel, "set_attn_implementation", set_implementation)


@seen("bert", "each_attention_runs_its_function_once-base")
@seen("gpt2", "each_attention_runs_its_function_once-causal-lm")
def attention_calls_its_own_kernel(patch: pytest.MonkeyPatch) -> None:
    """Attention calls a kernel of its own, whatever set_attn_implementation says."""

    def forward(original: Any, attention: Attention, *args: Any, **kwargs: Any) -> Any:
        chosen, attention.attend = attention.attend, sdpa_attention
        try:
            return original(attention, *args, **kwargs)
        finally:
            attention.attend = chosen

    around(patch, Attention, "forward", forward)


@seen("bert", "threads_do_not_meet-base")
@seen("gpt2", "threads_do_not_meet-causal-lm")
def threads_share_a_variable(patch: pytest.MonkeyPatch) -> None:
    """The embedded tokens go to the layers by a variable that threads share."""
    shared: list[Any] = [None]

    def embed(original: Any, *args: Any) -> Any:
        shared[0] = original(*args)
        return shared[0]

    def forward(original: Any, stack: Any, states: Tensor, *args: Any, **kwargs: Any) -> Any:
        return original(stack, shared[0], *args, **kwargs)

    for body in (bert.BertModel, gpt2.GPT2Model):
        around(patch, body, "embed", embed)
    around(patch, TransformerStack, "forward", forward)


# ---- losses and labels ----


@seen("bert", "loss_is_that_of_the_logits-masked-lm")
def masked_labels_are_shifted(patch: pytest.MonkeyPatch) -> None:
    """Labels of masked tokens are shifted as a decoder's."""
    patch.setattr(bert.BertForMaskedLM, "loss", lambda _, *given: losses.next_token_loss(*given))


@seen("gpt2", "loss_is_that_of_the_logits-causal-lm")
def causal_labels_are_shifted_twice(patch: pytest.MonkeyPatch) -> None:
    """A decoder's labels are shifted twice."""
    around(
        patch,
        text_heads,
        "next_token_loss",
        lambda original, logits, labels, *more: original(logits[:, :-1], labels[:, 1:], *more),
    )


@seen("gpt2", "loss_is_that_of_the_logits-causal-lm")
def causal_labels_are_not_shifted(patch: pytest.MonkeyPatch) -> None:
    """A decoder's labels are not shifted."""
    patch.setattr(text_heads, "next_token_loss", losses.token_loss)


@seen("t5", "loss_is_that_of_the_logits-seq2seq-lm")
def labels_of_two_stacks_are_shifted(patch: pytest.MonkeyPatch) -> None:
    """An encoder-decoder's labels are shifted, though its inputs are."""
    patch.setattr(seq2seq_heads, "token_loss", losses.next_token_loss)


def cross_entropy(**options: Any) -> Callable[..., Tensor]:
    return lambda _, logits, labels, *more: F.cross_entropy(
        logits.flatten(0, -2), labels.flatten(), **options
    )


@seen("bert", "loss_is_that_of_the_logits-masked-lm", error=IndexError)
def padding_is_ignored_instead(patch: pytest.MonkeyPatch) -> None:
    """Labels of 0 do not count, those of -100 break the loss."""
    patch.setattr(bert.BertForMaskedLM, "loss", cross_entropy(ignore_index=0))


@seen("bert", "loss_is_that_of_the_logits-masked-lm")
def loss_is_a_sum(patch: pytest.MonkeyPatch) -> None:
    """The loss is a sum, not a mean."""
    patch.setattr(bert.BertForMaskedLM, "loss", cross_entropy(reduction="sum"))


@seen("bert", "loss_is_that_of_the_logits-token-classification")
def ignored_labels_count(patch: pytest.MonkeyPatch) -> None:
    """Labels of -100 count as the first class."""
    around(
        patch,
        bert.BertForTokenClassification,
        "loss",
        lambda original, model, logits, labels: original(model, logits, labels.clamp(min=0)),
    )


@seen("bert", "loss_is_that_of_the_logits-next-sentence-prediction")
def loss_has_another_temperature(patch: pytest.MonkeyPatch) -> None:
    """The loss is of scaled logits."""
    around(
        patch,
        bert.BertForNextSentencePrediction,
        "loss",
        lambda original, model, logits, labels: original(model, 2 * logits, labels),
    )


@seen("bert", "loss_is_that_of_the_logits-question-answering")
def ends_are_starts(patch: pytest.MonkeyPatch) -> None:
    """Scores of starts are returned as those of ends."""

    def change(output: Any, **_: Any) -> None:
        output.start_logits, output.end_logits = output.end_logits, output.start_logits

    after_forward(patch, bert.BertForQuestionAnswering, change)


@seen("bert", "labels_give_a_loss-masked-lm")
def loss_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Labels give no loss."""
    patch.setattr(bert.BertForMaskedLM, "loss", lambda *_: None)


def one_class(_: Any, logits: Tensor, labels: Tensor, *more: Any) -> Tensor:
    return F.cross_entropy(logits, labels.long().reshape(len(logits), -1)[:, 0])


@seen("bert", "loss_follows_problem_type-sequence-classification")
def problem_type_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """problem_type and regression are ignored."""
    patch.setattr(bert.BertForSequenceClassification, "loss", one_class)


@seen("vit", "loss_follows_problem_type-image-classification")
def problem_type_of_images_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """problem_type and regression are ignored for images."""
    patch.setattr(image_heads, "classification_loss", lambda *given: one_class(None, *given))


def classifier_of(count: Callable[[Any], int]) -> Callable[..., None]:
    def init(original: Any, model: Any, config: Any, *args: Any, **kwargs: Any) -> None:
        original(model, config, *args, **kwargs)
        model.classifier = nn.Linear(model.classifier.in_features, count(config))

    return init


@seen("bert", "scores_number_labels-token-classification")
def one_label_too_many(patch: pytest.MonkeyPatch) -> None:
    """A head has one label too many."""
    init = classifier_of(lambda config: config.num_labels + 1)
    around(patch, bert.BertForTokenClassification, "__init__", init)


@seen("bert", "scores_number_labels-sequence-classification")
def always_two_labels(patch: pytest.MonkeyPatch) -> None:
    """A head ignores num_labels and has two."""
    around(patch, bert.BertForSequenceClassification, "__init__", classifier_of(lambda _: 2))


@seen("vit", "scores_number_labels-image-classification")
def always_two_labels_of_images(patch: pytest.MonkeyPatch) -> None:
    """A head for images ignores num_labels and has two."""
    around(patch, vit.ViTForImageClassification, "__init__", classifier_of(lambda _: 2))


# ---- training ----


@seen("bert", "gradients_reach_every_weight-base")
def embeddings_are_detached(patch: pytest.MonkeyPatch) -> None:
    """No gradient reaches the embeddings."""
    around(patch, bert.BertModel, "embed", lambda original, *given: original(*given).detach())


@seen("gpt2", "gradients_reach_every_weight-causal-lm")
def feed_forward_is_detached(patch: pytest.MonkeyPatch) -> None:
    """No gradient reaches the feed-forward parts."""
    around(patch, FeedForward, "forward", lambda original, *given: original(*given).detach())


@seen("vit", "gradients_reach_every_weight-image-classification")
def positions_of_images_are_not_added(patch: pytest.MonkeyPatch) -> None:
    """Positions of patches have no effect."""
    around(patch, vit.layers, "resampled_positions", lambda original, *given: 0 * original(*given))


@seen("bert", "checkpointing_changes_no_gradient-base")
def checkpointing_drops_the_mask(patch: pytest.MonkeyPatch) -> None:
    """With gradient checkpointing, layers get no mask."""

    def run(original: Any, stack: Any, layer: Any, states: Any, inputs: Any, **more: Any) -> Any:
        if stack.gradient_checkpointing and stack.training:
            inputs = replace(inputs, mask=None)
        return original(stack, layer, states, inputs, **more)

    around(patch, LayerStack, "run", run)


@seen("bert", "checkpointing_computes_layers_again-base")
def checkpointing_does_nothing(patch: pytest.MonkeyPatch) -> None:
    """Gradient checkpointing keeps all states."""
    patch.setattr(LayerStack, "run", lambda stack, layer, *states, **more: layer(*states, **more))


@seen("gpt2", "checkpointing_computes_layers_again-base")
def training_keeps_a_cache(patch: pytest.MonkeyPatch) -> None:
    """A cache in training turns gradient checkpointing off."""

    def run(original: Any, runner: Any, inputs: TextInputs, **options: Any) -> Any:
        inputs.past_key_values = inputs.past_key_values or Cache()
        return original(runner, inputs, **options)

    around(patch, TextRunner, "run", run)


@seen("bert", "dropout_drops-base")
def training_drops_nothing(patch: pytest.MonkeyPatch) -> None:
    """A model in training drops nothing."""
    patch.setattr(bert.BertModel, "train", lambda model, mode=True: nn.Module.train(model, False))


@seen("gpt2", "dropout_drops-causal-lm")
def forward_seeds_the_generator(patch: pytest.MonkeyPatch) -> None:
    """A forward seeds torch's generator."""

    def embed(original: Any, *given: Any) -> Any:
        torch.manual_seed(0)
        return original(*given)

    around(patch, gpt2.GPT2Model, "embed", embed)


@seen("bert", "saves_and_loads_bit_equal-base")
def dropout_never_ends(patch: pytest.MonkeyPatch) -> None:
    """Dropout is active in evaluation."""
    around(
        patch, bert.BertModel, "embed", lambda original, *given: F.dropout(original(*given), 0.5)
    )


@seen("bert", "learns-sequence-classification")
def labels_contradict_each_other(patch: pytest.MonkeyPatch) -> None:
    """Every other step has the labels of other rows."""
    turns = itertools.count()

    def loss(original: Any, model: Any, logits: Tensor, labels: Tensor) -> Any:
        return original(model, logits, labels.flip(0) if next(turns) % 2 else labels)

    around(patch, bert.BertForSequenceClassification, "loss", loss)


# ---- weights ----


@seen("bert", "hub_names_have_no_word_of_the_core-base")
def rule_of_names_is_missing(patch: pytest.MonkeyPatch) -> None:
    """A rule of weight names is missing."""
    patch.delitem(bert_weights.BODY_NAMES, "encoder.layer.*.output.LayerNorm")
    patch.setattr(bert, "bert_names", bert_weights.bert_names.__wrapped__)  # without its memory


@seen("bert", "a_checkpoint_without_a_weight_is_refused-masked-lm")
def needed_weights_are_optional(patch: pytest.MonkeyPatch) -> None:
    """Weights of every layer are declared optional."""
    patch.setattr(bert.BertPreTrainedModel, "optional_weights", ("pooler", "stack.layers.*.mlp"))


@seen("bert", "a_checkpoint_without_a_weight_is_refused-sequence-classification")
@seen("gpt2", "a_checkpoint_without_a_weight_is_refused-causal-lm")
def whole_body_is_optional(patch: pytest.MonkeyPatch) -> None:
    """A head declares its whole body optional."""
    for base in (bert.BertPreTrainedModel, gpt2.GPT2PreTrainedModel):
        patch.setattr(base, "needs", lambda model, name: False)


@seen("gpt2", "vocabulary_is_tied_as_configured-causal-lm")
@seen("bert", "vocabulary_is_tied_as_configured-masked-lm")
def scores_are_not_tied(patch: pytest.MonkeyPatch) -> None:
    """The scores of tokens never use the embeddings."""
    for head in (gpt2.GPT2LMHeadModel, bert.BertVocabularyHead):
        patch.setattr(head, "output_embeddings", None)


@seen("bert", "tied_weights_share_storage-causal-lm")
def ties_are_not_made(patch: pytest.MonkeyPatch) -> None:
    """Ties are declared and not made."""
    patch.setattr(bert.BertLMHeadModel, "tie_weights", lambda _: None)


@seen("gpt2", "vocabulary_grows_in_every_layer-causal-lm")
def resizing_unties(patch: pytest.MonkeyPatch) -> None:
    """A vocabulary of another size is not tied again."""

    def resize(original: Any, model: Any, *given: Any) -> Any:
        embeddings = original(model, *given)
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
        return embeddings

    around(patch, gpt2.GPT2LMHeadModel, "resize_token_embeddings", resize)


@seen("gpt2", "vocabulary_grows_in_every_layer-causal-lm")
@seen("bert", "vocabulary_grows_in_every_layer-masked-lm")
def resizing_forgets_the_scores(patch: pytest.MonkeyPatch) -> None:
    """A vocabulary of another size leaves the scores as they were."""
    for head in (gpt2.GPT2LMHeadModel, bert.BertVocabularyHead):
        patch.setattr(head, "token_layers", lambda model, *_: [model.get_input_embeddings()])


@seen("bert", "first_values_are_as_configured-question-answering")
def post_init_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A head does not call post_init."""
    patch.setattr(bert.BertForQuestionAnswering, "post_init", lambda _: None)


@seen("bert", "first_values_are_as_configured-base", "missing_weights_get_first_values-base")
def norms_begin_with_zeros(patch: pytest.MonkeyPatch) -> None:
    """Norms begin with zeros."""

    def init(original: Any, model: Any, module: nn.Module) -> None:
        original(model, module)
        if isinstance(module, nn.LayerNorm):
            nn.init.zeros_(module.weight)

    around(patch, bert.BertPreTrainedModel, "init_module", init)


@seen("bert", "first_values_are_as_configured-base")
def initializer_range_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """First values ignore initializer_range."""

    def init(original: Any, model: Any, module: nn.Module) -> None:
        original(model, module)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)

    around(patch, bert.BertPreTrainedModel, "init_module", init)


@seen("bert", "model_pickles-base", error=AttributeError)
def model_cannot_be_pickled(patch: pytest.MonkeyPatch) -> None:
    """A model holds what cannot be pickled."""

    def init(original: Any, model: Any, *given: Any, **more: Any) -> None:
        original(model, *given, **more)
        model.made_here = lambda: None

    around(patch, bert.BertModel, "__init__", init)


# ---- caches ----


@seen("gpt2", "cached_decoding_equals_uncached-causal-lm")
def cache_loses_a_key(patch: pytest.MonkeyPatch) -> None:
    """The last key of the past is lost."""

    def update(original: Any, cache: Any, *given: Any) -> Any:
        past = cache.length
        key, value = original(cache, *given)
        if past:
            key = key.clone()
            key[:, :, past - 1] = 0
        return key, value

    around(patch, SelfAttentionCache, "update", update)


# ---- configuration ----


@seen("bert", "every_field_goes_through_a_file")
def field_is_not_saved(patch: pytest.MonkeyPatch) -> None:
    """A field at its default in the tests is not saved."""

    def to_dict(original: Any, config: Any) -> Any:
        return {k: v for k, v in original(config).items() if k != "classifier_dropout"}

    around(patch, bert_configuration.BertConfig, "to_dict", to_dict)


@seen("gpt2", "sizes_are_those_of_the_configuration")
def alias_names_another_field(patch: pytest.MonkeyPatch) -> None:
    """An alias names another field."""
    aliases = {**gpt2_configuration.GPT2Config.aliases, "num_hidden_layers": "n_head"}
    patch.setattr(gpt2_configuration.GPT2Config, "aliases", aliases)


@seen("bert", "config_keeps_unknown_keys")
def loading_changes_a_value(patch: pytest.MonkeyPatch) -> None:
    """Each loading changes a value."""

    def validate(original: Any, config: Any) -> None:
        original(config)
        config.intermediate_size += 1

    around(patch, bert_configuration.BertConfig, "validate", validate)


@seen("bert", "config_refuses_wrong_types")
def fields_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    """Fields accept values of any type."""
    patch.setattr(bert_configuration.BertConfig, "_checked", lambda config, field, value: value)
    patch.setattr(bert_configuration.BertConfig, "validate", lambda _: None)
