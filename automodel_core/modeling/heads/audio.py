"""Heads on a stack that hears waveforms: the wiring that all of them share, around any body.

A subclass gives the ``model`` and the layers that score. The body takes ``input_values`` and
``attention_mask``, both ``(batch, samples)``, and says by `heard_frames` which of its frames are of
samples that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.linear import linear, project
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.losses.audio import MarginSoftmaxLoss, connectionist_loss
from automodel_core.modeling.losses.labels import classification_loss
from automodel_core.modeling.losses.text import token_loss
from automodel_core.modeling.outputs.audio import XVectorOutput
from automodel_core.modeling.outputs.text import (
    CausalLMOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "AudioModelForCTC",
    "AudioModelForFrameClassification",
    "AudioModelForSequenceClassification",
    "AudioModelForXVector",
    "AudioModelHead",
    "TimeDelayLayer",
    "mean_of_heard",
]


class AudioModelHead(PreTrainedModel):
    """A head on a ``model`` that hears waveforms."""

    model: Any
    body = "model"
    main_input_name = "input_values"

    def freeze_base_model(self) -> None:
        """Let training change the head alone."""
        for parameter in self.base_model.parameters():
            parameter.requires_grad = False


class AudioModelForCTC(AudioModelHead):
    """Scores of symbols for each frame, of which one means none (the blank, ``pad_token_id``)."""

    lm_head: nn.Module
    dropout: float

    @model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Unpack[ForwardOptions],
    ) -> CausalLMOutput:
        """Score waveforms ``(batch, samples)``.

        ``labels`` are the symbols of each row in turn, ``(batch, length)``; negative ones are
        padding.
        """
        config = self.config
        body = self.model(input_values, attention_mask, **options)
        states = F.dropout(body.last_hidden_state, self.dropout, self.training)
        logits, loss = project(self.lm_head, states), None
        if labels is not None:
            heard = self.model.heard_frames(logits.shape[1], attention_mask)
            frames = logits.new_full((len(logits),), logits.shape[1], dtype=torch.long)
            loss = connectionist_loss(
                logits,
                labels,
                frames if heard is None else heard.sum(-1),
                config.pad_token_id,
                reduction=config.ctc_loss_reduction,
                zero_infinity=config.ctc_zero_infinity,
            )
        return CausalLMOutput.of(body, loss=loss, logits=logits)


class AudioModelForLayers(AudioModelHead):
    """A head on the last states or, with ``use_weighted_layer_sum``, on a mean of all layers'."""

    layer_weights: nn.Parameter

    def weigh_layers(self) -> None:
        """Add the weights of the layers, if the configuration asks for them."""
        if self.config.use_weighted_layer_sum:
            count = self.config.num_hidden_layers + 1
            self.layer_weights = nn.Parameter(torch.ones(count) / count)

    def hear(
        self, input_values: Tensor | None, attention_mask: Tensor | None, options: ForwardOptions
    ) -> tuple[Tensor, Any]:
        """Return the states to score, and the body's output."""
        if not self.config.use_weighted_layer_sum:
            body = self.model(input_values, attention_mask, **options)
            return body.last_hidden_state, body
        asked = options.get("output_hidden_states")
        options["output_hidden_states"] = True
        body = self.model(input_values, attention_mask, **options)
        weights = self.layer_weights.softmax(-1).view(-1, 1, 1, 1)
        states = (torch.stack(body.hidden_states) * weights).sum(0)
        if not asked:
            body.hidden_states = None
        return states, body


class AudioModelForSequenceClassification(AudioModelForLayers):
    """A class for a recording, by the mean of its frames."""

    projector: nn.Module
    classifier: nn.Module

    @model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Unpack[ForwardOptions],
    ) -> SequenceClassifierOutput:
        """Score waveforms ``(batch, samples)``; ``labels`` are ``(batch,)``."""
        states, body = self.hear(input_values, attention_mask, options)
        states = project(self.projector, states)
        heard = self.model.heard_frames(states.shape[1], attention_mask)
        logits, loss = project(self.classifier, mean_of_heard(states, heard)), None
        if labels is not None:
            kind = self.config.num_labels, self.config.problem_type
            loss = classification_loss(logits, labels, *kind)
        return SequenceClassifierOutput.of(body, loss=loss, logits=logits)


class AudioModelForFrameClassification(AudioModelForLayers):
    """A class for each frame."""

    classifier: nn.Module

    @model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Unpack[ForwardOptions],
    ) -> TokenClassifierOutput:
        """Score waveforms ``(batch, samples)``.

        ``labels`` are classes ``(batch, frames)``, -100 where a frame does not count, or rows of
        ``(batch, frames, labels)`` whose largest number is at the class.
        """
        states, body = self.hear(input_values, attention_mask, options)
        logits, loss = project(self.classifier, states), None
        if labels is not None:
            classes = labels.argmax(-1) if labels.dim() == 3 else labels
            loss = token_loss(logits, classes)
        return TokenClassifierOutput.of(body, loss=loss, logits=logits)


class AudioModelForXVector(AudioModelForLayers):
    """A vector that says who speaks (https://www.danielpovey.com/files/2018_icassp_xvectors.pdf)."""

    projector: nn.Module
    tdnn: nn.ModuleList
    feature_extractor: nn.Module
    classifier: nn.Module
    objective: MarginSoftmaxLoss

    @model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Unpack[ForwardOptions],
    ) -> XVectorOutput:
        """Return vectors of waveforms ``(batch, samples)``; ``labels`` ``(batch,)`` say who."""
        states, body = self.hear(input_values, attention_mask, options)
        heard = self.model.heard_frames(states.shape[1], attention_mask)
        states = project(self.projector, states)
        lengths = None if heard is None else heard.sum(-1)
        for layer in self.tdnn:
            states = layer(states)
            # As the hub's models are used: the frames that dilation takes are not counted.
            lengths = None if lengths is None else lengths - layer.kernel_size + 1
        embeddings = project(self.feature_extractor, mean_and_deviation(states, lengths))
        logits = project(self.classifier, embeddings)
        loss = None if labels is None else self.objective(logits, labels)
        return XVectorOutput.of(body, loss=loss, logits=logits, embeddings=embeddings)


class TimeDelayLayer(nn.Module):
    """A convolution over time whose weight is held as that of a linear layer, then ReLU."""

    def __init__(self, size: int, out: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.kernel = linear(size * kernel_size, out)

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, fewer frames, out)`` of states ``(batch, frames, size)``."""
        weight = self.kernel.weight.unflatten(1, (self.kernel_size, -1)).transpose(1, 2)
        heard = F.conv1d(states.transpose(1, 2), weight, self.kernel.bias, dilation=self.dilation)
        return F.relu(heard).transpose(1, 2)


def mean_of_heard(states: Tensor, heard: Tensor | None) -> Tensor:
    """Return ``(batch, size)``: the mean of ``(batch, frames, size)`` over frames that count."""
    if heard is None:
        return states.mean(dim=1)
    kept = states * heard.to(states.dtype).unsqueeze(-1)
    return kept.sum(dim=1) / heard.sum(dim=1, keepdim=True)


def mean_and_deviation(states: Tensor, lengths: Tensor | None) -> Tensor:
    """Return ``(batch, 2 * size)``: mean and deviation over the first ``lengths`` frames."""
    if lengths is None:
        return torch.cat([states.mean(dim=1), states.std(dim=1)], dim=-1)
    places = torch.arange(states.shape[1], device=states.device)
    heard = (places < lengths.unsqueeze(-1)).unsqueeze(-1)
    count = heard.sum(dim=1)
    mean = (states * heard).sum(dim=1) / count
    squares = ((states - mean.unsqueeze(1)) * heard).square().sum(dim=1)
    # A root has no slope at 0, where features lie that no frame raises.
    varies = squares > 0
    deviation = torch.where(varies, squares / (count - 1), 1.0).sqrt() * varies
    return torch.cat([mean, deviation], dim=-1)
