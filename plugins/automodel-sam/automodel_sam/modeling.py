"""SAM: an encoder of images, an encoder of prompts, and a decoder that makes masks of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_sam.configuration import SamConfig, SamVisionConfig
from automodel_sam.losses import prompted_mask_loss
from automodel_sam.masks import SamMaskDecoder
from automodel_sam.prompts import SamPositionalEmbedding, SamPromptEncoder
from automodel_sam.vision import SamVisionEncoder
from automodel_sam.weights import image_names, sam_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class SamVisionEncoderOutput(modeling.ModelOutput):
    """The map ``(batch, channels, rows, columns)`` of images, and the states of the layers."""

    image_embeds: Tensor | None = None
    last_hidden_state: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class SamImageSegmentationOutput(modeling.ModelOutput):
    """Masks ``(batch, prompts, masks, rows, columns)``, and how well each is expected to fit.

    A mask is where numbers are above 0; ``iou_scores`` are ``(batch, prompts, masks)``.
    ``mask_decoder_attentions`` are the weights of tokens over places ``(batch * prompts, heads,
    tokens, places)``.
    """

    loss: Tensor | None = None
    iou_scores: Tensor = modeling.FILLED
    pred_masks: Tensor = modeling.FILLED
    vision_hidden_states: tuple[Tensor, ...] | None = None
    vision_attentions: tuple[Tensor, ...] | None = None
    mask_decoder_attentions: tuple[Tensor, ...] | None = None


class SamPreTrainedModel(modeling.PreTrainedModel):
    """What SAM's models share: names of weights, and first values."""

    config_class: ClassVar[Any] = SamConfig
    config: Any
    base_model_prefix = "sam"
    main_input_name = "pixel_values"
    input_embeddings = "vision_encoder.patch_embed"

    vision_encoder: SamVisionEncoder

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        inside = isinstance(module, SamVisionEncoder) or any(
            module is part for part in self.vision_encoder.modules()
        )
        owner = self.vision_encoder.config if inside else self.config
        modeling.init_normal(module, owner.initializer_range)
        if isinstance(module, SamPositionalEmbedding):
            module.draw()
        elif isinstance(module, SamVisionEncoder) and module.pos_embed is not None:
            module.pos_embed.zero_()
        elif isinstance(module, layers.PlaneAttention):
            for table in (module.rel_pos_h, module.rel_pos_w):
                table.zero_()


class SamVisionModel(SamPreTrainedModel):
    """The encoder of images alone."""

    config_class = SamVisionConfig

    def __init__(self, config: SamVisionConfig) -> None:
        super().__init__(config)
        self.vision_encoder = SamVisionEncoder(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        original_sizes: Tensor | None = None,
        reshaped_input_sizes: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> SamVisionEncoderOutput:
        """Return the maps of images ``(batch, channels, height, width)``.

        The sizes, which the image processor makes for later, are not read.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        seen = self.vision_encoder(pixel_values, **modeling.wanted_states(options))
        return SamVisionEncoderOutput(
            last_hidden_state=seen.last_hidden_state,
            hidden_states=seen.hidden_states,
            attentions=seen.attentions,
        )


class SamModel(SamPreTrainedModel):
    """Masks of what points, boxes and rough masks mean in an image."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__(config)
        vision = config.vision_config
        self.shared_image_embedding = SamPositionalEmbedding(
            vision.num_pos_feats, float(vision.hidden_size // 2)
        )
        self.vision_encoder = SamVisionEncoder(vision)
        self.prompt_encoder = SamPromptEncoder(config)
        self.mask_decoder = SamMaskDecoder(config.mask_decoder_config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return sam_names()

    def get_image_wide_positional_embeddings(self) -> Tensor:
        """Return the positions ``(1, channels, rows, columns)`` of the places of a map."""
        frequencies = self.shared_image_embedding.positional_embedding
        grid = self.config.vision_config.grid
        middles = torch.arange(grid, device=frequencies.device, dtype=frequencies.dtype)
        shares = (middles + 0.5) / grid
        rows, columns = torch.meshgrid(shares, shares, indexing="ij")
        places: Tensor = self.shared_image_embedding(torch.stack([columns, rows], dim=-1))
        return places.permute(2, 0, 1)[None]

    @torch.no_grad()
    def get_image_embeddings(
        self, pixel_values: Tensor, **options: Unpack[modeling.ForwardOptions]
    ) -> Tensor:
        """Return the maps of images, which `forward` takes as ``image_embeddings``."""
        wanted = modeling.wanted_states(options)
        maps: Tensor = self.vision_encoder(pixel_values, **wanted).last_hidden_state
        return maps

    @torch.no_grad()
    def get_prompt_embeddings(
        self,
        input_points: Tensor | None = None,
        input_labels: Tensor | None = None,
        input_boxes: Tensor | None = None,
        input_masks: Tensor | None = None,
    ) -> tuple[Tensor | None, Tensor]:
        """Return vectors of points and boxes, and maps of masks; arguments are `forward`'s."""
        found: tuple[Tensor | None, Tensor] = self.prompt_encoder(
            self.shared_image_embedding, input_points, input_labels, input_boxes, input_masks
        )
        return found

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        input_points: Tensor | None = None,
        input_labels: Tensor | None = None,
        input_boxes: Tensor | None = None,
        input_masks: Tensor | None = None,
        image_embeddings: Tensor | None = None,
        multimask_output: bool = True,
        attention_similarity: Tensor | None = None,
        target_embedding: Tensor | None = None,
        labels: Tensor | None = None,
        original_sizes: Tensor | None = None,
        reshaped_input_sizes: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> SamImageSegmentationOutput:
        """Make masks of prompts, three of each, or one if ``multimask_output`` is false.

        Images ``(batch, channels, height, width)``, or their maps as ``image_embeddings``;
        ``input_points`` ``(batch, prompts, points, 2)``, x and y in pixels of the model's image;
        ``input_labels`` ``(batch, prompts, points)``: 1 for a point of the object, 0 for one
        beside it, -10 for padding; ``input_boxes`` ``(batch, prompts, 4)``; ``input_masks``
        ``(batch, 1, rows, columns)``, four for each of a map's places. ``labels`` ``(batch,
        height, width)`` are above 0 where the object is. ``original_sizes`` and
        ``reshaped_input_sizes``, which the processor makes for later, are not read.
        """
        wanted = modeling.wanted_states(options)
        if pixel_values is not None and image_embeddings is None:
            seen = self.vision_encoder(pixel_values, **wanted)
        elif pixel_values is None and image_embeddings is not None:
            seen = modeling.BaseModelOutput(image_embeddings)
        else:
            raise InputError("give pixel_values, or image_embeddings in their place")
        maps = seen.last_hidden_state
        if not layers.in_trace():
            check_prompts(len(maps), input_points, input_labels, input_boxes)
        prompts, masked = self.prompt_encoder(
            self.shared_image_embedding, input_points, input_labels, input_boxes, input_masks
        )
        masks, scores, attentions = self.mask_decoder(
            maps + masked,
            self.get_image_wide_positional_embeddings(),
            prompts,
            multimask_output,
            attention_similarity,
            target_embedding,
            wanted["output_attentions"],
        )
        return SamImageSegmentationOutput(
            loss=None if labels is None else prompted_mask_loss(masks, scores, labels),
            iou_scores=scores,
            pred_masks=masks,
            vision_hidden_states=seen.hidden_states,
            vision_attentions=seen.attentions,
            mask_decoder_attentions=tuple(attentions) if wanted["output_attentions"] else None,
        )


def check_prompts(
    images: int, points: Tensor | None, labels: Tensor | None, boxes: Tensor | None
) -> None:
    """Raise `InputError` for prompts whose shapes do not fit each other and the images."""
    for name, given, shape in (
        ("input_points", points, "(images, prompts, points, 2)"),
        ("input_labels", labels, "(images, prompts, points)"),
        ("input_boxes", boxes, "(images, prompts, 4)"),
    ):
        if given is not None and (given.dim() != shape.count(",") + 1 or len(given) != images):
            raise InputError(
                f"{name} has shape {tuple(given.shape)}, expected {shape}, for {images} images"
            )
    if points is None and labels is not None:
        raise InputError("input_labels say what input_points mean: give these too")
    if points is not None and labels is not None and points.shape[:-1] != labels.shape:
        raise InputError(
            f"input_points have shape {tuple(points.shape)} and input_labels "
            f"{tuple(labels.shape)}: there is one label for each point"
        )
    if points is not None and boxes is not None and points.shape[1] != boxes.shape[1]:
        raise InputError(
            f"there are {points.shape[1]} prompts of points and {boxes.shape[1]} boxes for each "
            "image: each prompt has a box, or none has"
        )
