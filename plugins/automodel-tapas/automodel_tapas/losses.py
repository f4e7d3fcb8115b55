"""What TAPAS learns from: cells, what is done with them, and answers that are numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import RelaxedBernoulli, RelaxedOneHotCategorical

from automodel_core.errors import InputError
from automodel_tapas.cells import Cells
from automodel_tapas.configuration import TapasConfig

TINY = 1e-10
"""What keeps divisors from 0."""
NUMBERS = 3
"""How many numbers cells can be made into: their sum, their average, how many they are."""


@dataclass(frozen=True)
class Answers:
    """What is known of the answers to a batch of questions.

    ``labels`` ``(batch, length)`` are 1 for tokens of the cells that answer, ``aggregation``
    ``(batch,)`` says what is done with them, and ``number`` ``(batch,)`` is what comes out, NaN
    where that is no number. ``values`` and ``scale`` ``(batch, length)`` are the numbers in the
    cells, NaN where there is none, and how many tokens share each.
    """

    labels: Tensor
    aggregation: Tensor | None = None
    number: Tensor | None = None
    values: Tensor | None = None
    scale: Tensor | None = None


def table_loss(
    config: TapasConfig,
    answers: Answers,
    selection: Tensor,
    logits: Tensor,
    operations: Tensor | None,
    in_table: Tensor,
) -> Tensor:
    """Return the loss of a batch: of cells, of what is done with them, and of the number.

    ``selection`` ``(batch,)`` is the loss of cells, ``logits`` ``(batch, length)`` are those of
    tokens, and ``operations`` ``(batch, aggregations)``; ``in_table`` hides all other tokens.
    Raises `InputError` for answers or settings that are missing.
    """
    if operations is None:
        return selection.mean() if not config.disable_per_token_loss else selection.sum() * 0
    if not config.use_answer_as_supervision:
        if answers.aggregation is None:
            raise InputError("aggregation_labels are needed with labels: what is done with cells")
        told = F.cross_entropy(operations, answers.aggregation.long(), reduction="none")
        counted = 0.0 if config.disable_per_token_loss else selection.mean()
        return counted + (config.aggregation_loss_weight * told).mean()
    if answers.number is None:
        raise InputError(
            "float_answer is needed with labels, as use_answer_as_supervision=True: a number for "
            "each question, NaN where the answer is none"
        )
    counts = _aggregates(config, answers.number, operations, answers.labels)
    nothing = torch.zeros_like(counts, dtype=torch.long)
    unaggregated = F.cross_entropy(operations, nothing, reduction="none") * (1 - counts)
    aggregated = -_aggregation_log_mass(operations) * counts
    told = config.aggregation_loss_weight * (unaggregated + aggregated)
    off = answer_loss(config, answers, counts, logits, operations, in_table)
    told = told + config.answer_loss_importance * off * counts
    if config.answer_loss_cutoff is not None:
        told = told * (off <= config.answer_loss_cutoff).float()
    counted = 0.0 if config.disable_per_token_loss else (selection * (1 - counts)).mean()
    return counted + told.mean()


def token_selection_loss(logits: Tensor, labels: Tensor, shown: Tensor, weight: float) -> Tensor:
    """Return ``(batch,)`` losses of tokens ``(batch, length)``; those of an answer have weight."""
    weights = torch.where(labels == 0, 1.0, weight)
    loss = F.binary_cross_entropy_with_logits(logits, labels.float(), weights, reduction="none")
    return (loss * shown).sum(1) / (shown.sum(1) + TINY)


def column_selection_loss(
    logits: Tensor, columns: Tensor, labels: Tensor, cells: Cells, shown: Tensor
) -> Tensor:
    """Return ``(batch,)`` losses of the column that answers, and of cells ``logits`` in it.

    It is the column with the most tokens of an answer, and column 0 if there is none.
    """
    per_column = cells.total(labels.float()).sum(1)
    most, right = per_column.max(-1)
    right = torch.where(most > 0, right, 0)
    counted = cells.in_column(right) * shown
    loss = F.binary_cross_entropy_with_logits(
        logits, cells.largest(labels.float()), reduction="none"
    )
    of_cells = (loss * counted).sum((1, 2)) / (counted.sum((1, 2)) + TINY)
    return F.cross_entropy(columns, right, reduction="none") + of_cells * (most > 0)


def answer_loss(
    config: TapasConfig,
    answers: Answers,
    counts: Tensor,
    logits: Tensor,
    operations: Tensor,
    in_table: Tensor,
) -> Tensor:
    """Return ``(batch,)``: how far the expected numbers are off where cells are aggregated."""
    expected = _expected_number(config, answers, logits, operations, in_table)
    right = answers.number.nan_to_num() if answers.number is not None else expected
    if config.use_normalized_answer_loss:
        largest = (torch.maximum(expected.abs(), right.abs()) + TINY).detach()
        return F.huber_loss(expected / largest * counts, right / largest * counts, reduction="none")
    if config.huber_loss_delta is None:
        raise InputError(
            "huber_loss_delta is None in the configuration: answers that are numbers are learnt "
            "with a delta, or with use_normalized_answer_loss=True"
        )
    delta = config.huber_loss_delta
    return F.huber_loss(expected * counts, right * counts, reduction="none", delta=delta)


def _aggregates(config: TapasConfig, number: Tensor, operations: Tensor, labels: Tensor) -> Tensor:
    """Return ``(batch,)``: 1 where an answer is a number that is made of cells.

    Where cells are marked as the answer, too, the model's own preference decides.
    """
    if config.cell_selection_preference is None:
        raise InputError(
            "cell_selection_preference is None in the configuration, which answers as supervision "
            "need: how likely an aggregation must be to be preferred to selecting cells"
        )
    mass = _aggregation_log_mass(operations).exp()
    selects = (mass <= config.cell_selection_preference) & (labels.sum(1) > 0)
    return (~number.isnan() & ~selects).float().detach()


def _aggregation_log_mass(operations: Tensor) -> Tensor:
    """Return the logarithm ``(batch,)`` of the probability of any aggregation; 0 is none."""
    return operations.log_softmax(-1)[:, 1:].logsumexp(-1)


def _expected_number(
    config: TapasConfig, answers: Answers, logits: Tensor, operations: Tensor, in_table: Tensor
) -> Tensor:
    """Return ``(batch,)``: sum, average and count of the cells, by how likely each is meant."""
    if answers.values is None or answers.scale is None:
        raise InputError(
            "numeric_values and numeric_values_scale are needed with float_answer: the tokenizer "
            "returns them if it is given answer_coordinates and answer_text"
        )
    if operations.shape[1] != NUMBERS + 1:
        raise InputError(
            f"num_aggregation_labels={operations.shape[1]}: answers as supervision need "
            f"{NUMBERS + 1}: none, sum, average and count"
        )
    if config.use_gumbel_for_cells:
        heat = torch.tensor(config.temperature, device=logits.device)
        # The logits were divided by the temperature for the loss of cells.
        chances = RelaxedBernoulli(heat, logits=logits * config.temperature).rsample()
    else:
        chances = logits.sigmoid()
    chances = chances / answers.scale * in_table
    values = answers.values.nan_to_num()
    count, total = chances.sum(1), (chances * values).sum(1)
    average = AVERAGES[config.average_approximation_function](chances, values)
    heat = torch.tensor(config.aggregation_temperature, device=logits.device)
    if config.use_gumbel_for_aggregation:
        weights = RelaxedOneHotCategorical(heat, logits=operations[:, 1:]).rsample()
    else:
        weights = (operations[:, 1:] / heat).softmax(-1)
    return (torch.stack([total, average, count], dim=1) * weights).sum(1)


def _ratio(chances: Tensor, values: Tensor) -> Tensor:
    return (chances * values).sum(1) / (chances.sum(1) + TINY)


def _first_order(chances: Tensor, values: Tensor) -> Tensor:
    return (values * chances / _others(chances)).sum(1)


def _second_order(chances: Tensor, values: Tensor) -> Tensor:
    others, variances = _others(chances), chances * (1 - chances)
    variance = variances.sum(1, keepdim=True) - variances
    return (values * chances * (variance / others.square() + 1) / others).sum(1)


def _others(chances: Tensor) -> Tensor:
    """Return how many cells are expected to be selected if each of them is for certain."""
    return chances.sum(1, keepdim=True) - chances + 1


AVERAGES = {"ratio": _ratio, "first_order": _first_order, "second_order": _second_order}
"""Approximations of the expected average (appendix D of https://arxiv.org/abs/2004.02349)."""
