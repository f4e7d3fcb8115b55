"""Pretraining of Wav2Vec2: tell the true code of a hidden frame from those of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_wav2vec2.configuration import Wav2Vec2Config
from automodel_wav2vec2.modeling import Wav2Vec2Head

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class Wav2Vec2ForPreTrainingOutput(modeling.ModelOutput):
    """States and codes ``(batch, frames, size)`` in one space, and the parts of the loss."""

    loss: Tensor | None = None
    projected_states: Tensor = modeling.FILLED
    projected_quantized_states: Tensor = modeling.FILLED
    codevector_perplexity: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    contrastive_loss: Tensor | None = None
    diversity_loss: Tensor | None = None


class CodeProjection(modeling.SelfDrawn, nn.Linear):
    """A linear layer with torch's own first values."""

    def draw(self) -> None:
        self.reset_parameters()


class Quantizer(modeling.SelfDrawn):
    """Replaces features by learned codes, one of each group, joined.

    In training codes are drawn by Gumbel's softmax (https://arxiv.org/abs/1611.01144).
    """

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        self.groups, self.codes = config.num_codevector_groups, config.num_codevectors_per_group
        size = config.codevector_dim // self.groups
        self.codevectors = nn.Parameter(torch.empty(1, self.groups * self.codes, size))
        self.weight_proj = layers.linear(config.conv_dim[-1], self.groups * self.codes)
        self.temperature = 2.0

    def draw(self) -> None:
        nn.init.normal_(self.weight_proj.weight)
        nn.init.zeros_(self.weight_proj.bias)
        nn.init.uniform_(self.codevectors)

    def forward(self, features: Tensor, counted: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return codes ``(batch, frames, codevector_dim)``, and the perplexity of their use."""
        scores = self.weight_proj(features).unflatten(-1, (self.groups, self.codes))
        if self.training:
            chosen = F.gumbel_softmax(scores.float(), self.temperature, hard=True).to(scores.dtype)
            used = scores.float().softmax(-1)
        else:
            chosen = used = F.one_hot(scores.argmax(-1), self.codes).to(scores.dtype)
        table = self.codevectors.view(self.groups, self.codes, -1)
        codes = torch.einsum("btgc,gcd->btgd", chosen, table).flatten(2)
        rows = used.flatten(0, 1) if counted is None else used[counted]
        mean = rows.mean(dim=0)
        return codes, torch.exp(-torch.xlogy(mean, mean).sum(-1)).sum()


class Wav2Vec2ForPreTraining(Wav2Vec2Head):
    """Predicts the codes of hidden frames, by a contrastive loss."""

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__(config)
        self.quantizer = Quantizer(config)
        self.project_hid = CodeProjection(config.hidden_size, config.proj_codevector_dim)
        self.project_q = CodeProjection(config.codevector_dim, config.proj_codevector_dim)
        self.post_init()

    def set_gumbel_temperature(self, temperature: float) -> None:
        """Set how evenly codes are drawn in training, which lowers it step by step."""
        self.quantizer.temperature = temperature

    @modeling.model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        mask_time_indices: Tensor | None = None,
        sampled_negative_indices: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> Wav2Vec2ForPreTrainingOutput:
        """Return states and codes of waveforms ``(batch, samples)``.

        The loss needs ``mask_time_indices`` ``(batch, frames)``, the frames that are hidden, and
        ``sampled_negative_indices`` ``(batch, frames, negatives)``, other frames of the flattened
        batch, as `sample_negative_indices` draws them.
        """
        counted = None if mask_time_indices is None else mask_time_indices.to(torch.bool)
        body = self.model(input_values, attention_mask, counted, **options)
        states = self.project_hid(body.last_hidden_state)
        dropout = self.config.feat_quantizer_dropout
        features = F.dropout(body.extract_features, dropout, self.training)
        codes, perplexity = self.quantizer(features, counted)
        codes = self.project_q(codes.to(self.project_q.weight.dtype))
        losses: dict[str, Tensor] = {}
        if sampled_negative_indices is not None:
            if counted is None:
                raise InputError("sampled_negative_indices need mask_time_indices, for the loss")
            contrast = self.contrastive_loss(states, codes, counted, sampled_negative_indices)
            total = self.quantizer.groups * self.quantizer.codes
            diversity = (total - perplexity) / total * counted.sum()
            loss = contrast + self.config.diversity_loss_weight * diversity
            losses = {"loss": loss, "contrastive_loss": contrast, "diversity_loss": diversity}
        return Wav2Vec2ForPreTrainingOutput.of(
            body,
            projected_states=states,
            projected_quantized_states=codes,
            codevector_perplexity=perplexity,
            **losses,
        )

    def contrastive_loss(
        self, states: Tensor, codes: Tensor, counted: Tensor, negatives: Tensor
    ) -> Tensor:
        """Return the summed loss of telling each hidden frame's code from the negatives'."""
        others = codes.flatten(0, 1)[negatives[counted].long()]
        own, states = codes[counted].unsqueeze(1), states[counted].unsqueeze(1)
        choices = torch.cat([own, others], dim=1).float()
        scores = F.cosine_similarity(states.float(), choices, dim=-1)
        scores = scores / self.config.contrastive_logits_temperature
        same = (others == own).all(-1)
        scores = torch.cat([scores[:, :1], scores[:, 1:].masked_fill(same, -torch.inf)], dim=1)
        target = scores.new_zeros(len(scores), dtype=torch.long)
        return F.cross_entropy(scores, target, reduction="sum")


def sample_negative_indices(mask_time_indices: Tensor, num_negatives: int) -> Tensor:
    """Draw other hidden frames of each row, ``(batch, frames, num_negatives)``, by torch.

    They are places in the flattened batch; frames that are not hidden get that of the first one.
    Raises `InputError` for a row with a single hidden frame, which has no other.
    """
    batch, frames = mask_time_indices.shape
    result = torch.zeros(batch, frames, num_negatives, dtype=torch.long)
    for row, counted in enumerate(mask_time_indices.bool().cpu()):
        places = counted.nonzero().flatten()
        if len(places) == 1:
            raise InputError(f"row {row} hides one frame alone, which can be told from no other")
        if len(places):
            drawn = torch.randint(len(places) - 1, (len(places), num_negatives))
            own = torch.arange(len(places)).unsqueeze(-1)
            result[row, places] = places[drawn + (drawn >= own)]
        result[row] += row * frames
    return result
