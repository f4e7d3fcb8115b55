"""Faults in what comes out of a model: states, attentions, losses, scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_bert import (
    modeling as bert,
)
from automodel_core.layers import masks
from automodel_core.layers.attention import Attention
from automodel_core.layers.kernels.attention_functions import sdpa_attention
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.tracing import in_trace
from automodel_core.modeling.heads import (
    image as image_heads,
    seq2seq as seq2seq_heads,
    text as text_heads,
)
from automodel_core.modeling.losses import text as losses
from automodel_gpt2 import modeling as gpt2
from automodel_vit import modeling as vit
from support.seeded_faults.seed import after_forward, around, seen

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


@seen("bert", "exports_with_dynamic_sizes-base")
@seen("gpt2", "exports_with_dynamic_sizes-causal-lm")
@seen("t5", "exports_with_dynamic_sizes-seq2seq-lm")
def a_trace_decides_what_a_mask_hides(patch: pytest.MonkeyPatch) -> None:
    """A trace finds that the mask of its example hides nothing, and keeps to it."""

    def visible_keys(original: Any, attention_mask: Tensor) -> Tensor | None:
        return None if in_trace() else original(attention_mask)

    around(patch, masks, "visible_keys", visible_keys)


@seen("vit", "exports_with_dynamic_sizes-image-classification")
def a_trace_counts_the_rows(patch: pytest.MonkeyPatch) -> None:
    """A forward asks for the length of a tensor, which a trace takes for a constant."""

    def forward(original: Any, embeddings: nn.Module, pixels: Tensor, *args: Any) -> Tensor:
        embedded: Tensor = original(embeddings, pixels, *args)
        return embedded.view(len(pixels), -1, embedded.shape[-1])

    around(patch, vit.ViTEmbeddings, "forward", forward)


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
        lambda original, model, logits, labels, *more: original(
            model, logits, labels.clamp(min=0), *more
        ),
    )


@seen("bert", "loss_is_that_of_the_logits-next-sentence-prediction")
def loss_has_another_temperature(patch: pytest.MonkeyPatch) -> None:
    """The loss is of scaled logits."""
    around(
        patch,
        bert.BertForNextSentencePrediction,
        "loss",
        lambda original, model, logits, *more: original(model, 2 * logits, *more),
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


@seen("bert", "another_process_computes_the_same")
def a_process_has_its_own_state(patch: pytest.MonkeyPatch) -> None:
    """What a model computes depends on something that only this process has."""

    def embed(original: Any, *args: Any, **kwargs: Any) -> Tensor:
        embedded: Tensor = original(*args, **kwargs)
        return embedded * 1.5

    around(patch, bert.BertModel, "embed", embed)


@seen("gpt2", "each_dropout_drops-base")
def dropout_of_attention_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """One of several kinds of dropout is ignored."""

    def attention(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **{**kwargs, "dropout": 0.0})

    init = Attention.__init__
    patch.setattr(Attention, "__init__", lambda self, *a, **k: attention(init, self, *a, **k))


@seen("vit", "loss_is_that_of_the_hidden_pixels-masked-image-modeling")
def loss_counts_pixels_that_are_seen(patch: pytest.MonkeyPatch) -> None:
    """The loss of a picture counts patches that were not hidden."""

    def loss(pixels: Tensor, pixel_values: Tensor, hidden: Tensor) -> Tensor:
        return F.l1_loss(pixels, pixel_values)

    patch.setattr(image_heads, "hidden_pixel_loss", loss)
