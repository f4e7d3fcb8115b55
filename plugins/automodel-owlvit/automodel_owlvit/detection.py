"""OWL-ViT's detectors: a box for each patch of an image, scored for each text or query image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.detection import box_iou, center_to_corners
from automodel_core.errors import ConfigurationError, InputError
from automodel_owlvit.configuration import Owlv2Config, OwlViTConfig
from automodel_owlvit.modeling import Owlv2Model, OwlViTModel, OwlViTPreTrainedModel
from automodel_owlvit.weights import detector_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

TINY = 1e-6
"""Is added to the lengths of vectors."""
EDGE = 1e-4
"""Keeps the log-odds of places at an image's edge finite."""
WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)
NEAR_BEST = 0.8
"""Boxes that cover this share of what the best covers of a query image may stand for it."""


@dataclass
class OwlViTObjectDetectionOutput(modeling.TowersOutput):
    """What each patch shows: scores ``(batch, patches, queries)``, and a box, centre and size.

    ``objectness_logits`` ``(batch, patches)``, which OWLv2 has, say how likely it is any object.
    ``image_embeds`` are ``(batch, rows, columns, hidden_size)``, ``class_embeds`` what the vectors
    of texts are compared with.
    """

    logits: Tensor = modeling.FILLED
    objectness_logits: Tensor | None = None
    pred_boxes: Tensor = modeling.FILLED
    text_embeds: Tensor = modeling.FILLED
    image_embeds: Tensor = modeling.FILLED
    class_embeds: Tensor = modeling.FILLED
    text_model_output: modeling.BaseModelOutput = modeling.FILLED
    vision_model_output: modeling.BaseModelOutput = modeling.FILLED


@dataclass
class OwlViTImageGuidedObjectDetectionOutput(modeling.TowersOutput):
    """What each patch shows of what a query image shows: scores, and boxes in both images."""

    logits: Tensor = modeling.FILLED
    image_embeds: Tensor = modeling.FILLED
    query_image_embeds: Tensor = modeling.FILLED
    target_pred_boxes: Tensor = modeling.FILLED
    query_pred_boxes: Tensor = modeling.FILLED
    class_embeds: Tensor = modeling.FILLED
    vision_model_output: modeling.BaseModelOutput = modeling.FILLED


class Score(nn.Linear):
    """One number for each patch.

    How such a product rounds depends on where its weight lies in memory: that of a file and that of
    a model which was built lie differently, copies do not.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size, 1)

    def forward(self, patches: Tensor) -> Tensor:
        return F.linear(patches, self.weight.clone(), self.bias)


class PatchHead(nn.Module):
    """Three linear layers, for a few numbers of each patch, as ``last`` makes them."""

    def __init__(self, size: int, last: nn.Linear) -> None:
        super().__init__()
        self.layers = nn.ModuleList([layers.linear(size, size), layers.linear(size, size), last])

    def forward(self, patches: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            patches = F.gelu(layers.project(layer, patches))
        return layers.project(self.layers[-1], patches)


class ClassHead(nn.Module):
    """Compares patches with queries, at a shift and a scale that each patch has of its own."""

    def __init__(self, size: int, query_size: int) -> None:
        super().__init__()
        self.projection = layers.linear(size, query_size)
        self.logit_shift = Score(size)
        self.logit_scale = Score(size)

    def forward(
        self, patches: Tensor, queries: Tensor | None, shown: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return scores and the vectors of patches, which have length 1 if there are queries.

        Queries that are not ``shown`` get the lowest score.
        """
        vectors: Tensor = layers.project(self.projection, patches)
        if queries is None:
            return patches.new_zeros(patches.shape), vectors
        vectors = _of_length_one(vectors)
        scores = vectors @ _of_length_one(queries).to(vectors.dtype).transpose(-1, -2)
        scores = (scores + self.logit_shift(patches)) * (F.elu(self.logit_scale(patches)) + 1)
        if shown is not None:
            hidden = ~shown.bool()
            hidden = hidden.unsqueeze(-2) if hidden.dim() > 1 else hidden
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        return scores, vectors


def _of_length_one(vectors: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / (lengths + TINY)


class OwlViTForObjectDetection(OwlViTPreTrainedModel):
    """Finds in images what texts name, or what other images show."""

    base_model_prefix = "owlvit"
    body = "model"
    input_embeddings = "model.text_model.embed_tokens"
    pair_class: ClassVar[type[OwlViTModel]] = OwlViTModel

    def __init__(self, config: OwlViTConfig) -> None:
        super().__init__(config)
        size, query_size = config.vision_config.hidden_size, config.text_config.hidden_size
        self.model = self.pair_class(config)
        # Detection does not read what compares whole images with texts.
        self.model.visual_projection.requires_grad_(False)
        self.model.logit_scale.requires_grad_(False)
        self.class_head = ClassHead(size, query_size)
        self.box_head = PatchHead(size, layers.linear(size, 4))
        self.layer_norm = layers.layer_norm(size, eps=config.vision_config.layer_norm_eps)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return detector_names(cls.base_model_prefix)

    def init_module(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            modeling.init_normal(module, self.config.initializer_factor)

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> OwlViTObjectDetectionOutput:
        """Look in images for texts ``(images * queries, length)``, as many in each image.

        A text that begins with the id 0 is absent: it fills up the queries of an image.
        """
        if input_ids is None:
            raise InputError(
                "give input_ids, the texts to look for; image_guided_detection looks for what "
                "another image shows"
            )
        projected, compared = self.config.projection_dim, self.config.text_config.hidden_size
        if projected != compared:
            raise ConfigurationError(
                f"projection_dim={projected} is not the hidden_size={compared} of the text_config: "
                "patches are compared with texts in the space of these, and with other images only"
            )
        texts, feature_map, outputs = self.image_text_embedder(
            input_ids, pixel_values, attention_mask, interpolate_pos_encoding, **options
        )
        images = feature_map.shape[0]
        if not layers.in_trace() and texts.shape[0] % images:
            raise InputError(
                f"{texts.shape[0]} texts cannot be shared out to {images} images: give as many for "
                "each; those that begin with the id 0 are absent"
            )
        queries = texts.unflatten(0, (images, -1))
        shown = input_ids[:, 0].unflatten(0, (images, -1)) > 0
        patches = feature_map.flatten(1, 2)
        scores, vectors = self.class_predictor(patches, queries, shown)
        return OwlViTObjectDetectionOutput(
            logits=scores,
            objectness_logits=self.objectness(patches),
            pred_boxes=self.box_predictor(patches, feature_map),
            text_embeds=queries,
            image_embeds=feature_map,
            class_embeds=vectors,
            text_model_output=outputs.text_model_output,
            vision_model_output=outputs.vision_model_output,
        )

    @modeling.model_call
    def image_guided_detection(
        self,
        pixel_values: Tensor | None = None,
        query_pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> OwlViTImageGuidedObjectDetectionOutput:
        """Look in each image for what is seen in the query image of the same row."""
        query_map, _ = self.image_embedder(query_pixel_values, interpolate_pos_encoding)
        feature_map, seen = self.image_embedder(pixel_values, interpolate_pos_encoding, **options)
        queries, _, query_boxes = self.embed_image_query(query_map.flatten(1, 2), query_map)
        patches = feature_map.flatten(1, 2)
        scores, vectors = self.class_predictor(patches, queries)
        return OwlViTImageGuidedObjectDetectionOutput(
            logits=scores,
            image_embeds=feature_map,
            query_image_embeds=query_map,
            target_pred_boxes=self.box_predictor(patches, feature_map),
            query_pred_boxes=query_boxes,
            class_embeds=vectors,
            vision_model_output=seen,
        )

    # ---- the steps of both ----

    def image_text_embedder(
        self,
        input_ids: Tensor | None,
        pixel_values: Tensor | None,
        attention_mask: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> tuple[Tensor, Tensor, modeling.ImageTextOutput]:
        """Return the vectors of texts, a map as `image_embedder` does, and what the towers say."""
        options["return_dict"] = True
        outputs: modeling.ImageTextOutput = self.model(
            input_ids,
            pixel_values,
            attention_mask,
            interpolate_pos_encoding=interpolate_pos_encoding,
            **options,
        )
        states = outputs.vision_model_output.last_hidden_state
        return outputs.text_embeds, self._map(states, pixel_values), outputs

    def image_embedder(
        self,
        pixel_values: Tensor | None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> tuple[Tensor, modeling.BaseModelOutput]:
        """Return a map ``(batch, rows, columns, hidden_size)``, and what the tower says."""
        options["return_dict"] = True
        seen: modeling.BaseModelOutput = self.model.vision_model(
            pixel_values,
            interpolate_pos_encoding=interpolate_pos_encoding,
            **options,
        )
        return self._map(seen.last_hidden_state, pixel_values), seen

    def _map(self, states: Tensor, pixel_values: Any) -> Tensor:
        """Return the patches as a map, each times the state of the token before them."""
        tower: Any = self.model.vision_model
        states = tower.norm(states)
        patches = self.layer_norm(states[:, 1:] * states[:, :1])
        grid = layers.patch_grid(pixel_values.shape[-2:], tower.embed.patch_size)
        feature_map: Tensor = patches.unflatten(1, grid)
        return feature_map

    def class_predictor(
        self,
        image_feats: Tensor,
        query_embeds: Tensor | None = None,
        query_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Score patches ``(batch, patches, hidden_size)``, and return the vectors compared."""
        scores, vectors = self.class_head(image_feats, query_embeds, query_mask)
        return scores, vectors

    def box_predictor(
        self,
        image_feats: Tensor,
        feature_map: Tensor,
        interpolate_pos_encoding: bool | None = None,
    ) -> Tensor:
        """Return a box for each patch, as its head moves it from where the patch lies.

        Where that is, the map says, whether positions were interpolated or not.
        """
        moved: Tensor = self.box_head(image_feats)
        rows, columns = feature_map.shape[1:3]
        bias = self.compute_box_bias(rows, columns, moved.device)
        return (moved + bias.to(moved.dtype)).sigmoid()

    @staticmethod
    def compute_box_bias(
        num_patches_height: int,
        num_patches_width: int,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Return the log-odds ``(patches, 4)`` of each patch's lower right corner and its size."""
        grid = num_patches_height, num_patches_width
        rows, columns = (torch.arange(1, n + 1, device=device) / n for n in grid)
        corners = [columns.expand(grid), rows[:, None].expand(grid)]
        sizes = [torch.full(grid, 1 / n, device=device) for n in reversed(grid)]
        places = torch.stack([*corners, *sizes], dim=-1).flatten(0, 1)
        return (places + EDGE).log() - (EDGE - places).log1p()

    def objectness(self, patches: Tensor) -> Tensor | None:
        """Return how likely each patch shows any object, if the architecture says so."""
        return None

    def embed_image_query(
        self,
        query_image_features: Tensor,
        query_feature_map: Tensor,
        interpolate_pos_encoding: bool | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what each query image shows: a vector ``(batch, 1, size)``, its patch, all boxes.

        Query images are given as patches, and as their map.
        """
        _, vectors = self.class_predictor(query_image_features)
        boxes = self.box_predictor(query_image_features, query_feature_map)
        chosen = self.choose_patch(query_image_features, vectors, boxes)
        return vectors.take_along_dim(chosen[..., None], dim=1), chosen, boxes

    def choose_patch(self, patches: Tensor, vectors: Tensor, boxes: Tensor) -> Tensor:
        """Return the patch ``(batch, 1)`` that stands for each query image.

        Of those whose boxes cover the image about best, it is the one that is least like all.
        """
        whole = boxes.new_tensor([WHOLE_IMAGE])
        covered = box_iou(whole, center_to_corners(boxes).flatten(0, 1))[0].view(boxes.shape[:2])
        near = covered >= NEAR_BEST * covered.amax(dim=-1, keepdim=True)
        likeness = (vectors @ vectors.mean(dim=1)[..., None])[..., 0]
        return likeness.masked_fill(~near, float("inf")).argmin(dim=-1, keepdim=True)


class Owlv2ForObjectDetection(OwlViTForObjectDetection):
    """The same, and how likely each patch shows any object at all, whatever is looked for."""

    config_class = Owlv2Config
    base_model_prefix = "owlv2"
    pair_class = Owlv2Model

    def __init__(self, config: Owlv2Config) -> None:
        super().__init__(config)
        size = config.vision_config.hidden_size
        self.objectness_head = PatchHead(size, Score(size))
        self.post_init()

    def objectness_predictor(self, image_features: Tensor) -> Tensor:
        """Return ``(batch, patches)`` for patches, which learn nothing from it."""
        scores: Tensor = self.objectness_head(image_features.detach())
        return scores[..., 0]

    def objectness(self, patches: Tensor) -> Tensor | None:
        return self.objectness_predictor(patches)

    def choose_patch(self, patches: Tensor, vectors: Tensor, boxes: Tensor) -> Tensor:
        """Return the patch ``(batch, 1)`` of each query image that most likely is an object."""
        return self.objectness_predictor(patches).argmax(dim=-1, keepdim=True)


Owlv2ObjectDetectionOutput = OwlViTObjectDetectionOutput
Owlv2ImageGuidedObjectDetectionOutput = OwlViTImageGuidedObjectDetectionOutput
