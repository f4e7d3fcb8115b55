"""Videos are classified as the reference's parts do; its pipeline itself needs PyAV."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

import automodel_core
from parity.tasks.comparing import Call, Pipelines, assert_same
from parity.tasks.pictures import drawn

FRAMES = [drawn(24, 20, seed=seed) for seed in range(10)]


@pytest.mark.parametrize(
    ("options", "seen", "function"),
    [
        ({}, [0, 1, 2, 3], "softmax"),
        ({"frame_sampling_rate": 2, "top_k": 3}, [0, 2, 4, 7], "softmax"),
        ({"function_to_apply": "sigmoid", "top_k": 9}, [0, 1, 2, 3], "sigmoid"),
    ],
)
def test_results_are_the_reference_s(
    pipelines: Pipelines, options: Any, seen: list[int], function: str
) -> None:
    ours = pipelines.of(automodel_core, Call("video-classification", "videos"))
    folder = ours.model.name_or_path
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForVideoClassification.from_pretrained(folder)
    inputs = processor([FRAMES[index] for index in seen], return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits[0]
    scores = logits.sigmoid() if function == "sigmoid" else logits.softmax(-1)
    values, places = scores.topk(min(options.get("top_k", 5), 6))
    expected = [
        {"score": value, "label": model.config.id2label[place]}
        for value, place in zip(values.tolist(), places.tolist(), strict=True)
    ]
    assert_same(ours(FRAMES, **options), expected)
    assert_same(ours([FRAMES, FRAMES[::-1]], **options)[0], expected)
