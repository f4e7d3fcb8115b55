"""Faults of training, of weights and caches, and of the configuration."""

from __future__ import annotations

import itertools
from dataclasses import replace
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
from automodel_core.layers.caches.base import Cache, SelfAttentionCache
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.stack import LayerStack
from automodel_core.modeling.bodies.text import TextInputs, TextRunner
from automodel_core.modeling.familiar import FamiliarModel
from automodel_gpt2 import configuration as gpt2_configuration, modeling as gpt2
from automodel_vit import modeling as vit
from support.seeded_faults.seed import around, seen

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

    def loss(original: Any, model: Any, logits: Tensor, labels: Tensor, *more: Any) -> Any:
        return original(model, logits, labels.flip(0) if next(turns) % 2 else labels, *more)

    around(patch, bert.BertForSequenceClassification, "loss", loss)


# ---- weights ----


@seen("bert", "hub_names_have_no_word_of_the_core-base")
def rule_of_names_is_missing(patch: pytest.MonkeyPatch) -> None:
    """A rule of weight names is missing."""
    patch.delitem(bert_weights.LAYER_NAMES, "encoder.layer.*.output.LayerNorm")
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
    for head in (gpt2.GPT2LMHeadModel, bert.family.BertFamilyVocabularyHead):
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
    for head in (gpt2.GPT2LMHeadModel, bert.family.BertFamilyVocabularyHead):
        patch.setattr(head, "token_layers", lambda model, *_: [model.get_input_embeddings()])


@seen("gpt2", "positions_grow_and_shrink-base")
@seen("bert", "positions_grow_and_shrink-base")
def resizing_draws_old_positions(patch: pytest.MonkeyPatch) -> None:
    """More positions draw the old ones anew."""

    def resize(original: Any, model: Any, *given: Any) -> None:
        original(model, *given)
        nn.init.normal_(model.get_position_embeddings().weight)

    around(patch, FamiliarModel, "resize_position_embeddings", resize)


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
