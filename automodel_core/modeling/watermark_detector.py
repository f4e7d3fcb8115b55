"""A classifier that detects SynthID's watermark (https://doi.org/10.1038/s41586-024-08025-4).

It is a model, so it is here and not beside the processor that computes its input. It has no model
type: it is loaded by its class, not by an Auto class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.modeling.outputs.base import ModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = [
    "BayesianDetectorConfig",
    "BayesianDetectorModel",
    "BayesianWatermarkDetectorModelOutput",
]


class BayesianDetectorConfig(PreTrainedConfig):
    """How many tournaments mark a text, how often texts are marked, and what they were made by."""

    watermarking_depth: int | None = None
    base_rate: float = 0.5
    model_name: str | None = None
    watermarking_config: dict[str, Any] | None = None
    initializer_range: float = 0.02

    def set_detector_information(self, model_name: str, watermarking_config: Any) -> None:
        self.model_name = model_name
        self.watermarking_config = watermarking_config


@dataclass
class BayesianWatermarkDetectorModelOutput(ModelOutput):
    """How likely each text is marked, ``posterior_probabilities`` (batch,)."""

    loss: Tensor | None = None
    posterior_probabilities: Tensor | None = None


class WatermarkedLikelihood(nn.Module):
    """How likely g-values are in marked text.

    A tournament between two different tokens favours the g-value 1, one between equal tokens does
    not. How likely the tokens differ is a logistic regression on the g-values of the tournaments
    before.
    """

    def __init__(self, watermarking_depth: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.empty(1, 1, watermarking_depth))
        self.delta = nn.Parameter(torch.empty(1, 1, watermarking_depth, watermarking_depth))

    def forward(self, g_values: Tensor) -> Tensor:
        """Return the likelihood of each of the g-values (batch, length, depth)."""
        earlier = self.delta[0, 0].tril(diagonal=-1)
        g = g_values.to(self.delta.dtype)
        differ = (g @ earlier.T + self.beta).sigmoid()
        return 0.5 * ((g + 0.5) * differ + 1 - differ)


class BayesianDetectorModel(PreTrainedModel):
    """The probability that a text is marked, given the g-values of its n-grams."""

    config_class = BayesianDetectorConfig
    config: BayesianDetectorConfig
    base_model_prefix = "model"
    main_input_name = "g_values"

    def __init__(self, config: BayesianDetectorConfig) -> None:
        super().__init__(config)
        depth = config.watermarking_depth or 1
        self.likelihood_model_watermarked = WatermarkedLikelihood(depth)
        self.prior = nn.Parameter(torch.empty(1))
        self.post_init()

    def init_module(self, module: nn.Module) -> None:
        if isinstance(module, WatermarkedLikelihood):
            nn.init.normal_(module.beta, -2.5, 0.001)
            nn.init.normal_(module.delta, 0.0, 0.001)
        elif isinstance(module, BayesianDetectorModel):
            nn.init.constant_(module.prior, self.config.base_rate)

    def forward(
        self,
        g_values: Tensor,
        mask: Tensor,
        labels: Tensor | None = None,
        loss_batch_weight: float = 1.0,
        return_dict: bool = False,
    ) -> Any:
        """Judge texts by their g-values (batch, n-grams, depth), those that ``mask`` lets count.

        ``labels`` (batch,) say which are marked; ``loss_batch_weight`` weighs the penalty of large
        weights. Returns a tuple unless ``return_dict``.
        """
        likelihood = self.likelihood_model_watermarked(g_values).clamp(min=1e-30)
        surprise = (likelihood / 0.5).log() * mask[..., None]
        prior = self.prior.clamp(1e-5, 1 - 1e-5)
        posterior = (prior.logit() + surprise.flatten(1).sum(dim=1)).sigmoid()
        loss = None
        if labels is not None:
            penalty = self.likelihood_model_watermarked.delta.square().sum()
            loss = F.binary_cross_entropy(posterior.clamp(1e-5, 1 - 1e-5), labels)
            loss = loss + penalty * loss_batch_weight
        if return_dict:
            return BayesianWatermarkDetectorModelOutput(loss, posterior)
        return (posterior,) if loss is None else (posterior, loss)
