"""What is checked: an architecture, and inputs and labels for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.exporting.inputs import (
    BOXES,
    TYPES,
    drawn_boxes,
    drawn_types,
    has_several_types,
)
from automodel_core.layers.images.patches import edges, patch_grid
from automodel_core.modeling.bodies.backbone import BackboneMixin
from automodel_core.modeling.heads.text import TextModelForReplacedTokens
from automodel_core.testing.architecture import Inputs, TestedArchitecture
from automodel_core.testing.drawn.objects import (
    MASK_LABELS,
    QUERIES,
    drawn_masks,
    drawn_objects,
    drawn_queries,
)
from automodel_core.testing.drawn.prompts import POINTS, drawn_points, left_halves
from automodel_core.testing.drawn.sounds import (
    hears,
    sound_labels,
    sound_prompt,
    takes_sounds,
    without_labels,
)

__all__ = [
    "Subject",
    "backbone_paths",
    "outputs",
    "row_of",
    "tensors_of",
    "values_of",
]

BATCH, LENGTH, CHOICES = 2, 7, 3
TEXTS = 3
"""How many are looked for in each image."""
PATCHES = "bool_masked_pos"
"""The argument that says which patches are hidden."""
KEYPOINTS = "keypoints"
"""The output ``(batch, points, 2)`` of models that find points, padded where ``mask`` is 0."""
IN_TUPLES = ("feature_maps", "masks_queries_logits")
"""Outputs that are always tuples of tensors, one for each stage or layer."""
ANY_SIZE = 64
"""Of images, where a model takes them as large as they are."""
SPECIAL = ("pad_token_id", "bos_token_id", "eos_token_id")
DECODES_ITS_INPUT = ("question-answering", "sequence-classification")
"""Tasks for which an encoder-decoder makes the decoder's input from the encoder's."""


@dataclass(frozen=True)
class Subject(TestedArchitecture):
    """What is checked, and what its models read: inputs and labels for each task."""

    @property
    def reads_text(self) -> bool:
        """Whether the model's main input are token ids that `example` makes."""
        return self.inputs is None and self.model_class.main_input_name == "input_ids"

    @property
    def sees_images(self) -> bool:
        """Whether the model's main input are images that `example` makes."""
        return self.inputs is None and self.model_class.main_input_name == "pixel_values"

    @property
    def sees_images_beside_text(self) -> bool:
        """Whether the model reads texts and images that `example` makes, both at once."""
        return self.reads_text and "pixel_values" in self.accepted

    @property
    def compares(self) -> bool:
        """Whether the model scores each text with each image."""
        return self.sees_images_beside_text and "return_loss" in self.accepted

    @property
    def looks_for_texts(self) -> bool:
        """Whether the model looks in each image for what several texts name."""
        return self.sees_images_beside_text and self.task == "zero-shot-object-detection"

    @property
    def sees_videos(self) -> bool:
        """Whether the images are frames of videos, as the configuration counts them."""
        return self.sees_images and "num_frames" in vars(self.config())

    def hidden_tubelets(self, config: Any) -> Tensor:
        """Return a mask ``(batch, tubelets)`` of those of a video that are hidden."""
        height, width = patch_grid(config.image_size, config.patch_size)
        count: int = config.num_frames // config.tubelet_size * height * width
        order = torch.rand(BATCH, count, generator=torch.Generator().manual_seed(5)).argsort(dim=1)
        return order < count // 2

    def pixels(self, config: Any, rows: int = BATCH) -> Tensor:
        """Return images of the size that the configuration, or one of its parts, names if any."""
        parts = (config, *config.all_parts())
        seen = next((part for part in parts if "image_size" in vars(part)), config)
        frames = (seen.num_frames,) if "num_frames" in vars(seen) else ()
        channels, size = seen.get("num_channels", 3), edges(seen.get("image_size", ANY_SIZE))
        return torch.randn(
            rows, *frames, channels, *size, generator=torch.Generator().manual_seed(2)
        )

    def pixel_classes(self, config: Any) -> Tensor:
        """Return a class for each pixel of `pixels`, in stripes that a model can learn."""
        shape = self.pixels(config)[:, 0].shape
        columns: Tensor = torch.arange(shape[-1]) * config.num_labels // shape[-1]
        return columns.repeat(*shape[:-1], 1)

    def tokens(self, config: Any, rows: int = BATCH, length: int = LENGTH) -> Tensor:
        """Return token ids, none of them special, but for the end of a text where one is due."""
        text = config.get_text_config(decoder=True)
        owners = (config, text)
        special = {getattr(owner, name) for owner in owners for name in SPECIAL}
        end = next((o.eos_token_id for o in owners if isinstance(o.eos_token_id, int)), None)
        vocabulary = range(text.vocab_size)
        usual = torch.tensor([t for t in vocabulary if t not in special])
        drawn = torch.randint(
            len(usual), (rows, length), generator=torch.Generator().manual_seed(1)
        )
        tokens = usual[drawn]
        if end is not None and not self.generates_alone:
            tokens[:, -1] = end
        return tokens

    @property
    def reads_boxes(self) -> bool:
        """Whether each token of the model's text has a place on a page, a box."""
        return self.reads_text and BOXES in self.accepted

    @property
    def reads_tables(self) -> bool:
        """Whether each token has a column and a row, among types of several kinds."""
        return self.reads_text and TYPES in self.accepted and has_several_types(self.config())

    @property
    def selects_cells(self) -> bool:
        """Whether the model learns which cells of a table answer a question."""
        return self.reads_tables and self.task == "table-question-answering"

    @property
    def queries_images(self) -> bool:
        """Whether the model asks images for objects, by queries whose states may be given."""
        return self.sees_images and QUERIES in self.accepted and not self.generates

    @property
    def takes_prompts(self) -> bool:
        """Whether the model makes masks of what points, boxes and rough masks mean in images."""
        return self.sees_images and POINTS in self.accepted

    @property
    def learns_objects(self) -> bool:
        """Whether the labels of the model are objects in images."""
        finds = self.sees_images and self.task == "object-detection"
        return "labels" in self.accepted and (finds or self.queries_images)

    @property
    def learns_masks(self) -> bool:
        """Whether the labels of the model are masks in images, and their classes."""
        return self.sees_images and self.accepted.issuperset(MASK_LABELS)

    @property
    def generates(self) -> bool:
        """Whether the model writes text, after a text, an image or a sound."""
        senses = self.reads_text or self.sees_images or takes_sounds(self)
        return senses and self.model_class.can_generate()

    @property
    def generates_alone(self) -> bool:
        """Whether the model continues its own input, so that an end in it would be strange."""
        return self.model_class.can_generate() and not self.skeleton.config.is_encoder_decoder

    @property
    def continues_for_an_encoder(self) -> bool:
        """Whether the model is a decoder alone, which reads the states of another's encoder."""
        return self.reads_text and self.task == "causal-lm" and "encoder_outputs" in self.accepted

    def prompt(self, config: Any) -> Inputs:
        """Return the main input: images, or tokens and their mask, with images if both are read."""
        if self.inputs is not None:
            given = without_labels(self.inputs(self.task, config))
            return {name: value for name, value in given.items() if not name.startswith("decoder_")}
        if hears(self):
            return sound_prompt(self, config)
        images = self.sees_images or self.sees_images_beside_text
        prompt = {"pixel_values": self.pixels(config)} if images else {}
        if self.sees_images:
            return prompt
        tokens = self.tokens(config, BATCH * TEXTS if self.looks_for_texts else BATCH)
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), **prompt}

    def example(self, config: Any) -> Inputs:
        """Return arguments of ``forward`` without labels."""
        if self.inputs is not None:
            return without_labels(self.inputs(self.task, config))
        if not (self.reads_text or self.sees_images or hears(self)):
            raise InputError(
                f"{self.model_type} for {self.task} reads no text, images or sounds: give inputs="
            )
        if self.task == "multiple-choice":
            tokens = self.tokens(config, BATCH * CHOICES).view(BATCH, CHOICES, LENGTH)
            return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        example = self.prompt(config)
        if self.sees_videos and self.task == "pretraining":
            example[PATCHES] = self.hidden_tubelets(config)
        if self.reads_boxes:
            example[BOXES] = drawn_boxes(config, BATCH, LENGTH)
        if self.reads_tables:
            example[TYPES] = drawn_types(config, BATCH, LENGTH)
        if self.queries_images:
            example[QUERIES] = drawn_queries(config, BATCH)
        if self.takes_prompts:
            example |= drawn_points(example["pixel_values"])
        if self.continues_for_an_encoder:
            chance = torch.Generator().manual_seed(3)
            states = torch.randn(BATCH, LENGTH, config.hidden_size, generator=chance)
            example["encoder_outputs"] = states
        if "decoder_input_ids" in self.accepted and self.task not in DECODES_ITS_INPUT:
            example["decoder_input_ids"] = self.tokens(config, length=LENGTH - 2)
        return example

    def labels(self, config: Any) -> Inputs:
        """Return the arguments of ``forward`` that a loss is made from; empty without a loss."""
        if self.inputs is not None:
            everything = self.inputs(self.task, config)
            return {k: v for k, v in everything.items() if k not in without_labels(everything)}
        rows = torch.arange(BATCH)
        if self.compares:
            return {"return_loss": True}
        if "start_positions" in self.accepted:
            return {"start_positions": rows, "end_positions": rows + 1}
        if self.task == "semantic-segmentation" and "labels" in self.accepted:
            return {"labels": self.pixel_classes(config)}
        if self.task == "depth-estimation" and "labels" in self.accepted:
            return {"labels": 0.5 + self.pixels(config)[:, 0].abs()}
        if self.task == "image-to-image" and "labels" in self.accepted:
            with torch.random.fork_rng(devices=[]):  # as the model makes them, but brighter
                made = outputs(self.model(), self.prompt(config))["reconstruction"]
            return {"labels": made + 3.0}
        if self.task == "masked-image-modeling":
            # The loss is about the patches that are hidden.
            height, width = patch_grid(config.image_size, config.patch_size)
            return {PATCHES: torch.arange(BATCH * height * width).view(BATCH, -1) % 3 > 0}
        if self.learns_masks:
            return drawn_masks(config, self.pixels(config))
        if hears(self) and "decoder_input_ids" not in self.accepted:
            return sound_labels(self, config)
        if "labels" not in self.accepted:
            return {}
        if self.selects_cells:  # of the second column, in the rows behind the header
            types = drawn_types(config, BATCH, LENGTH)
            return {"labels": ((types[..., 1] == 2) & (types[..., 2] > 0)).long()}
        if self.takes_prompts:
            return {"labels": left_halves(self.pixels(config))}
        if self.learns_objects:
            return {"labels": drawn_objects(config, self.pixels(config))}
        if self.task in (
            "image-classification",
            "video-classification",
            "sequence-classification",
            "next-sentence-prediction",
        ):
            return {"labels": rows % 2}
        if self.task == "visual-question-answering":  # several answers may be right
            right = torch.arange(BATCH * config.num_labels) % 3 > 0
            return {"labels": right.float().view(BATCH, -1)}
        if self.task == "multiple-choice":
            return {"labels": rows % CHOICES}
        if issubclass(self.model_class, TextModelForReplacedTokens):
            return {"labels": self.tokens(config) % 2}
        if self.task == "token-classification":
            return {"labels": self.tokens(config) % config.num_labels}
        labels: Inputs = {"labels": self.tokens(config)}
        if "decoder_input_ids" in self.example(config):
            labels["labels"] = self.tokens(config, length=LENGTH - 2)
        labels |= {name: rows % 2 for name in self.accepted if name.endswith("_label")}
        return labels


def values_of(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a model's output by name, those of its parts' outputs too."""
    found: dict[str, Any] = {}
    for name, value in output.items():
        inside = values_of(value) if isinstance(value, Mapping) else {"": value}
        found |= {f"{name}.{key}" if key else name: part for key, part in inside.items()}
    return found


def row_of(value: Any) -> Any:
    """Return what belongs to the first row of a batch: of several texts for each, all of its."""
    if not isinstance(value, Tensor) or not value.dim() or len(value) % BATCH:
        return value
    return value[: len(value) // BATCH]


def tensors_of(output: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a model's output by name; of those in tuples, maps and masks only."""
    found = {}
    for name, value in values_of(output).items():
        if isinstance(value, Tensor):
            found[name] = value
        elif name.rpartition(".")[2] in IN_TUPLES:
            found |= {f"{name}[{index}]": each for index, each in enumerate(value)}
    return found


def backbone_paths(model: nn.Module) -> tuple[str, ...]:
    """Return where a model holds backbones, with a dot behind."""
    inside = model.named_modules()
    return tuple(f"{path}." for path, part in inside if path and isinstance(part, BackboneMixin))


def outputs(model: Any, inputs: Inputs, **more: Any) -> dict[str, Tensor]:
    """Return the tensors that the model makes of inputs."""
    with torch.no_grad():
        return tensors_of(model(**inputs, **more))
