"""Tiny checkpoints in folders, written by the reference: random, and large enough to differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers

from parity.tasks.reading import (
    NAMES,
    NLI,
    bart,
    bert,
    byte_level,
    gpt2,
    t5,
    table_pieces,
    tapas,
    wordpiece,
)
from parity.tasks.seeing import (
    captioner,
    clip_pictures,
    detr,
    detr_pictures,
    donut,
    donut_processor,
    dpt,
    finder,
    glpn,
    layoutlm,
    segformer,
    sized,
    superpoint,
    towers,
    videomae,
    videos,
    vilt,
    vilt_pictures,
    vit,
)

__all__ = ["CHECKPOINTS", "write"]

CHECKPOINTS: dict[str, Any] = {
    "towers": lambda: (
        towers("CLIP", eos_token_id=3, max_position_embeddings=32),
        wordpiece(token_types=False),
        clip_pictures(),
    ),
    "pictures": lambda: (
        vit("ViTForImageClassification", num_labels=7),
        sized("ViTImageProcessor"),
    ),
    "picture-body": lambda: (vit("ViTModel"), sized("ViTImageProcessor")),
    "captions": lambda: (captioner(), byte_level(), sized("ViTImageProcessor")),
    "pixels": lambda: (
        segformer("SegformerForSemanticSegmentation"),
        sized("SegformerImageProcessor", 32),
    ),
    "judging-towers": lambda: (
        towers("Siglip", max_position_embeddings=64, projection_size=16),
        wordpiece(token_types=False),
        sized("SiglipImageProcessor"),
    ),
    "named-objects": lambda: (
        finder("OwlViT"),
        wordpiece(token_types=False),
        sized("OwlViTImageProcessor", 24),
    ),
    "objects": lambda: (detr("DetrForObjectDetection"), detr_pictures()),
    "panoptic-pixels": lambda: (detr("DetrForSegmentation"), detr_pictures()),
    "depths": lambda: (glpn(), transformers.GLPNImageProcessor()),
    "videos": lambda: (videomae(), videos()),
    "relative-depths": lambda: (
        dpt(),
        transformers.DPTImageProcessor(size={"height": 32, "width": 32}),
    ),
    "points": lambda: (
        superpoint(),
        transformers.SuperPointImageProcessor(size={"height": 48, "width": 64}),
    ),
    "questions": lambda: (vilt(), wordpiece(), vilt_pictures()),
    "read-pages": lambda: (donut(), donut_processor()),
    "pages": lambda: (layoutlm(), wordpiece()),
    "classes": lambda: (bert("BertForSequenceClassification", NLI), wordpiece()),
    "score": lambda: (bert("BertForSequenceClassification", ("much",)), wordpiece()),
    "numbers": lambda: (
        bert("BertForSequenceClassification", NLI, problem_type="regression"),
        wordpiece(),
    ),
    "decoder-classes": lambda: (
        gpt2("GPT2ForSequenceClassification", num_labels=3, pad_token_id=0),
        byte_level(),
    ),
    "pair-classes": lambda: (
        bart("BartForSequenceClassification", NLI),
        wordpiece(token_types=False),
    ),
    "pair-spans": lambda: (bart("BartForQuestionAnswering"), wordpiece(token_types=False)),
    "pair-body": lambda: (bart("BartModel"), wordpiece(token_types=False)),
    "cells": lambda: (tapas(), table_pieces()),
    "sums-of-cells": lambda: (
        tapas(
            num_aggregation_labels=4,
            aggregation_labels=dict(enumerate(("NONE", "SUM", "AVERAGE", "COUNT"))),
            no_aggregation_label_index=0,
        ),
        table_pieces(),
    ),
    "names": lambda: (bert("BertForTokenClassification", NAMES), wordpiece()),
    "bytes-names": lambda: (gpt2("GPT2ForTokenClassification", num_labels=3), byte_level()),
    "spans": lambda: (bert("BertForQuestionAnswering"), wordpiece()),
    "masks": lambda: (bert("BertForMaskedLM"), wordpiece()),
    "body": lambda: (bert("BertModel"), wordpiece()),
    "writer": lambda: (gpt2(), byte_level()),
    "pairs": lambda: (
        t5(
            task_specific_params={
                "summarization": {"max_new_tokens": 6, "num_beams": 2, "prefix": "summarize : "},
                "translation_en_to_fr": {
                    "max_new_tokens": 7,
                    "prefix": "translate english to french : ",
                },
            }
        ),
        wordpiece(),
    ),
}
"""Model and preprocessors of each checkpoint, by what it answers."""


def write(name: str, folder: Path) -> Path:
    """Write a checkpoint into a folder, and return the folder."""
    for part in CHECKPOINTS[name]():
        part.save_pretrained(folder)
    return folder
