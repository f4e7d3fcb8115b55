"""Parts of heads that several architectures share: between the states of a body and the scores."""

from __future__ import annotations

from torch import Tensor, nn

from automodel_core.errors import ConfigurationError
from automodel_core.layers.activations import activation as activation_named
from automodel_core.layers.kernels.linear import linear, project
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.modeling.losses.text import span_loss

__all__ = [
    "ClassificationHead",
    "HeadTransform",
    "Pooler",
    "SequenceSummary",
    "answer_scores",
    "states_to_score",
]


class Pooler(nn.Module):
    """The first position's state, linear layer and activation, to stand for the whole input."""

    def __init__(
        self, hidden_size: int, output_size: int | None = None, activation: str = "tanh"
    ) -> None:
        super().__init__()
        self.dense = linear(hidden_size, output_size or hidden_size)
        self.activation = activation_named(activation)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return ``(batch, output_size)`` for ``(batch, length, hidden_size)``."""
        return self.activation(project(self.dense, hidden_states[:, 0]))


class ClassificationHead(nn.Module):
    """Classify one state: dropout, a layer with an activation, dropout, a layer with the labels."""

    def __init__(
        self, hidden_size: int, num_labels: int, dropout: float, activation: str = "tanh"
    ) -> None:
        super().__init__()
        self.dense = linear(hidden_size, hidden_size)
        self.activation = activation_named(activation)
        self.dropout = nn.Dropout(dropout)
        self.out_proj = linear(hidden_size, num_labels)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return scores ``(batch, labels)`` for ``(batch, hidden_size)``."""
        hidden_states = self.activation(self.dense(self.dropout(hidden_states)))
        scores: Tensor = self.out_proj(self.dropout(hidden_states))
        return scores


class SequenceSummary(nn.Module):
    """One state for a sequence, projected: of the last, the first or a named token, or the mean."""

    def __init__(
        self,
        kind: str,
        projection: nn.Module,
        activation: str | None = None,
        *,
        first_dropout: float = 0.0,
        last_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kind == "attn":
            raise ConfigurationError("summary_type='attn' was never defined: use another one")
        self.kind = kind
        self.summary = projection
        self.activation = activation_named(activation or "linear")
        self.first_dropout = nn.Dropout(first_dropout)
        self.last_dropout = nn.Dropout(last_dropout)

    def forward(self, states: Tensor, token_indices: Tensor | None = None) -> Tensor:
        """Return ``(..., labels)`` for ``(..., length, size)``; indices are ``(...)``."""
        if self.kind == "mean":
            chosen = states.mean(dim=-2)
        elif self.kind == "first":
            chosen = states[..., 0, :]
        elif self.kind == "last" or token_indices is None:
            chosen = states[..., -1, :]
        else:
            chosen = states.take_along_dim(token_indices[..., None, None], dim=-2).squeeze(-2)
        scores: Tensor = self.activation(self.summary(self.first_dropout(chosen)))
        dropped: Tensor = self.last_dropout(scores)
        return dropped


class HeadTransform(nn.Module):
    """A linear layer, an activation and a norm, before scores over the vocabulary.

    They are made from ``output_size`` features, by default as many as a state has.
    """

    def __init__(
        self, hidden_size: int, activation: str, eps: float, output_size: int | None = None
    ) -> None:
        super().__init__()
        size = output_size or hidden_size
        self.dense = linear(hidden_size, size)
        self.activation = activation_named(activation)
        self.norm = layer_norm(size, eps=eps)

    def forward(self, hidden_states: Tensor) -> Tensor:
        transformed: Tensor = self.norm(project(self.dense, hidden_states, self.activation))
        return transformed


def states_to_score(hidden_states: Tensor, logits_to_keep: int | Tensor) -> Tensor:
    """Return the states of the last positions, of those at the indices given, or for 0 of all."""
    if isinstance(logits_to_keep, Tensor):
        return hidden_states[:, logits_to_keep]
    return hidden_states[:, -logits_to_keep:]


def answer_scores(
    scores: Tensor, start_positions: Tensor | None, end_positions: Tensor | None
) -> dict[str, Tensor | None]:
    """Return ``(batch, length, 2)`` scores as those of starts and ends, and their loss if any."""
    starts, ends = scores.unbind(dim=-1)
    loss = None
    if start_positions is not None and end_positions is not None:
        loss = span_loss(starts, ends, start_positions, end_positions)
    return {"loss": loss, "start_logits": starts.contiguous(), "end_logits": ends.contiguous()}
