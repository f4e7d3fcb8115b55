"""Two towers: a model of texts and one of images whose vectors are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.tracing import in_trace
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.losses.contrastive import softmax_contrastive_loss
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.outputs.image_text import ImageTextOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["TwoTowerModel"]


class TwoTowerModel(PreTrainedModel):
    """Compare texts with images, by the cosine of their vectors, scaled.

    A subclass builds the towers, which pool their states, and what projects a pooled state into the
    space that both share: ``nn.Identity()`` where a tower does so itself. It has a ``logit_bias``
    where scores have one.
    """

    text_model: PreTrainedModel
    vision_model: PreTrainedModel
    text_projection: nn.Module
    visual_projection: nn.Module
    logit_scale: nn.Parameter
    logit_bias: nn.Parameter | None

    input_embeddings = "text_model.embed_tokens"
    pair_loss: Callable[[Tensor], Tensor] = staticmethod(softmax_contrastive_loss)
    """The loss of scores ``(batch, batch)`` of which the diagonal should be high."""

    def get_text_features(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        **options: Unpack[ForwardOptions],
    ) -> Any:
        """Return the projected vector of each text, of any length, ``(batch, projection_dim)``.

        With ``return_dict=True`` it is the ``pooler_output`` of the tower's whole output, which
        ``return_dict=False`` makes a tuple.
        """
        output = self._run(
            self.text_model,
            options,
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
        )
        return features(output, self.text_projection, options.get("return_dict"))

    def get_image_features(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> Any:
        """Return the projected vector of each image, as `get_text_features` does of texts."""
        output = self._run(
            self.vision_model,
            options,
            pixel_values=pixel_values,
            interpolate_pos_encoding=interpolate_pos_encoding,
        )
        return features(output, self.visual_projection, options.get("return_dict"))

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        return_loss: bool | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> ImageTextOutput:
        """Score texts ``(texts, length)`` with images ``(images, channels, height, width)``.

        With ``return_loss`` the first text belongs to the first image, and so on.
        """
        images = self._run(
            self.vision_model,
            options,
            pixel_values=pixel_values,
            interpolate_pos_encoding=interpolate_pos_encoding,
        )
        texts = self._run(
            self.text_model,
            options,
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
        )
        image_embeds = F.normalize(self.visual_projection(images.pooler_output), dim=-1)
        text_embeds = F.normalize(self.text_projection(texts.pooler_output), dim=-1)
        scores = self.score(text_embeds, image_embeds)
        return ImageTextOutput(
            loss=self._loss(scores) if return_loss else None,
            logits_per_image=scores.t(),
            logits_per_text=scores,
            text_embeds=text_embeds,
            image_embeds=image_embeds,
            text_model_output=texts,
            vision_model_output=images,
        )

    def score(self, text_embeds: Tensor, image_embeds: Tensor) -> Tensor:
        """Return the scores ``(texts, images)`` of vectors of length 1."""
        scores = text_embeds @ image_embeds.t().to(text_embeds.device)
        scores = scores * self.logit_scale.exp().to(scores.device)
        return scores if self.logit_bias is None else scores + self.logit_bias.to(scores.device)

    def _loss(self, scores: Tensor) -> Tensor:
        if not in_trace() and scores.shape[0] != scores.shape[1]:
            raise InputError(
                f"return_loss=True needs a text for each image, got {scores.shape[0]} texts and "
                f"{scores.shape[1]} images"
            )
        return self.pair_loss(scores)

    def _run(self, tower: nn.Module, options: ForwardOptions, **given: Any) -> BaseModelOutput:
        output: BaseModelOutput = tower(**given, **{**options, "return_dict": True})
        return output

    def resize_token_embeddings(
        self,
        new_num_tokens: int | None = None,
        pad_to_multiple_of: int | None = None,
        mean_resizing: bool = True,
    ) -> nn.Module:
        """Change the vocabulary's size of the text tower and return its embeddings."""
        return self.text_model.resize_token_embeddings(
            new_num_tokens, pad_to_multiple_of, mean_resizing
        )


def features(
    output: BaseModelOutput, projection: nn.Module, return_dict: bool | None
) -> BaseModelOutput | Tensor | tuple[Any, ...]:
    """Return the projected vectors alone, or in the place of the pooled states if asked."""
    vectors: Tensor = projection(output.pooler_output)
    if return_dict is None:
        return vectors
    output.pooler_output = vectors
    return output if return_dict else output.to_tuple()
