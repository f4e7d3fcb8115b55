"""ViLT's heads: answers, words, retrieval, and labels for texts with images and for tokens."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.errors import ConfigurationError, InputError
from automodel_vilt.configuration import ViltConfig
from automodel_vilt.modeling import IMAGE, ViltModel, ViltPreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

Out = TypeVar("Out", bound=modeling.ModelOutput)


class ViltInputs(modeling.ForwardOptions, total=False):
    """The arguments that heads pass on as they are."""

    pixel_mask: Tensor | None
    inputs_embeds: Tensor | None
    image_embeds: Tensor | None


@dataclass
class ViltForImagesAndTextClassificationOutput(modeling.ModelOutput):
    """Scores ``(batch, labels)``, and the states and attentions with each image."""

    loss: Tensor | None = None
    logits: Tensor = modeling.FILLED
    hidden_states: list[tuple[Tensor, ...]] | None = None
    attentions: list[tuple[Tensor, ...]] | None = None


class ViltHead(ViltPreTrainedModel):
    """A head on `ViltModel`."""

    body = "model"
    input_embeddings = "model.embed.text.embed_tokens"

    def __init__(self, config: ViltConfig, *, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.model = ViltModel(config, add_pooling_layer=add_pooling_layer)


def scorer(size: int, width: int, labels: int) -> nn.Sequential:
    """Return layers that score labels from one state, through one of another width."""
    return nn.Sequential(
        layers.linear(size, width), nn.LayerNorm(width), nn.GELU(), layers.linear(width, labels)
    )


class ViltForQuestionAnswering(ViltHead):
    """Scores of answers to a question about an image; several may be right, each to a degree."""

    def __init__(self, config: ViltConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.classifier = scorer(size, 2 * size, config.num_labels)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        **inputs: Unpack[ViltInputs],
    ) -> modeling.SequenceClassifierOutput:
        """Score answers; ``labels`` ``(batch, labels)`` say from 0 to 1 how right each is."""
        body = self.model(input_ids, attention_mask, token_type_ids, pixel_values, **inputs)
        logits, loss = self.classifier(body.pooler_output), None
        if labels is not None:
            targets = labels.to(logits.device, logits.dtype)
            if targets.shape != logits.shape:
                raise InputError(
                    f"labels have shape {tuple(targets.shape)}, expected {tuple(logits.shape)}: "
                    "from 0 to 1, how right each answer is"
                )
            loss = F.binary_cross_entropy_with_logits(logits, targets) * targets.shape[1]
        return modeling.SequenceClassifierOutput.of(body, loss=loss, logits=logits)


class ViltForImageAndTextRetrieval(ViltHead):
    """How well a text and an image fit, as one number; it is for inference, and has no loss."""

    def __init__(self, config: ViltConfig) -> None:
        super().__init__(config)
        self.rank_output = layers.linear(config.hidden_size, 1)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        **inputs: Unpack[ViltInputs],
    ) -> modeling.SequenceClassifierOutput:
        """Return one score ``(batch, 1)`` for each pair."""
        body = self.model(input_ids, attention_mask, token_type_ids, pixel_values, **inputs)
        logits = self.rank_output(body.pooler_output)
        return modeling.SequenceClassifierOutput.of(body, logits=logits)


class ViltForTokens(ViltHead, Generic[Out]):
    """Scores for the tokens of a text beside an image: `classify` and ``output`` differ."""

    output: type[Out]

    @abstractmethod
    def classify(self, states: Tensor) -> Tensor:
        """Return the logits of the text's states ``(batch, length, size)``."""

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        **inputs: Unpack[ViltInputs],
    ) -> Out:
        """Score the tokens of texts; ``labels`` ``(batch, length)`` of -100 do not count."""
        body = self.model(input_ids, attention_mask, token_type_ids, pixel_values, **inputs)
        tokens = inputs.get("inputs_embeds") if input_ids is None else input_ids
        if tokens is None:
            raise InputError("give either input_ids or inputs_embeds")
        # The states of the text come before those of the image.
        logits = self.classify(body.last_hidden_state[:, : tokens.shape[1]])
        loss = None if labels is None else modeling.token_loss(logits, labels)
        return self.output.of(body, loss=loss, logits=logits)


class ViltForMaskedLM(ViltForTokens[modeling.MaskedLMOutput]):
    """The tokens behind the masks of a text, beside an image."""

    output = modeling.MaskedLMOutput
    output_embeddings = "lm_head"

    def __init__(self, config: ViltConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.lm_transform = modeling.HeadTransform(size, config.hidden_act, config.layer_norm_eps)
        self.lm_head = layers.linear(size, config.vocab_size)
        if self.model.pooler is not None:  # in files, and not read
            self.model.pooler.requires_grad_(False)
        self.post_init()

    def classify(self, states: Tensor) -> Tensor:
        return layers.project(self.lm_head, self.lm_transform(states))


class ViltForTokenClassification(ViltForTokens[modeling.TokenClassifierOutput]):
    """A class for each token of a text, beside an image."""

    output = modeling.TokenClassifierOutput

    def __init__(self, config: ViltConfig) -> None:
        super().__init__(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = layers.linear(config.hidden_size, config.num_labels)
        self.post_init()

    def classify(self, states: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.dropout(states))
        return scores


class ViltForImagesAndTextClassification(ViltHead):
    """A class for a text about ``num_images`` images, as whether it is true of both."""

    def __init__(self, config: ViltConfig) -> None:
        super().__init__(config)
        if config.num_images < 1:
            raise ConfigurationError(
                f"{type(self).__name__} needs num_images, how many images it sees with a text"
            )
        size = config.hidden_size * config.num_images
        self.classifier = scorer(size, size, config.num_labels)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        **inputs: Unpack[ViltInputs],
    ) -> ViltForImagesAndTextClassificationOutput:
        """Classify texts with images ``(batch, images, channels, height, width)`` each.

        ``pixel_mask`` and ``image_embeds`` have the dimension of images too.
        """
        of_images = {
            "pixel_values": (pixel_values, 5),
            "pixel_mask": (inputs.pop("pixel_mask", None), 4),
            "image_embeds": (inputs.pop("image_embeds", None), 4),
        }
        given = {name: self._images(name, *each) for name, each in of_images.items()}
        bodies = [
            self.model(
                input_ids, attention_mask, token_type_ids, **inputs,
                image_token_type_idx=IMAGE + index,
                **{name: None if each is None else each[:, index] for name, each in given.items()},
            )
            for index in range(self.config.num_images)
        ]  # fmt: skip
        pooled: list[Any] = [body.pooler_output for body in bodies]
        logits = self.classifier(torch.cat(pooled, dim=-1))
        loss = None if labels is None else modeling.token_loss(logits, labels)
        shown: dict[str, Any] = {
            name: [body[name] for body in bodies]
            for name in ("hidden_states", "attentions")
            if name in bodies[0]
        }
        return ViltForImagesAndTextClassificationOutput(loss=loss, logits=logits, **shown)

    def _images(self, name: str, given: Tensor | None, dimensions: int) -> Tensor | None:
        """Return an argument with a dimension of images, one if it has none."""
        if given is None:
            return None
        images = given if given.dim() == dimensions else given.unsqueeze(1)
        if images.shape[1] != self.config.num_images:
            raise InputError(
                f"{name} has {images.shape[1]} images for each text, and the model's num_images "
                f"is {self.config.num_images}"
            )
        return images
