"""Every head of ours that TensorFlow or Flax had computes what they compute, from their files.

``nox -s foreign`` runs this, in an environment with both frameworks and the last transformers that
had their classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import automodel_core
from automodel_core import registry
from foreign.cases import CASES, Case
from foreign.frameworks import build, inputs_of, outputs_of, save

TOLERANCE = 5e-6
FORMS: dict[str, dict[str, Any]] = {
    "whole": {},
    "shards": {"max_shard_size": "3KB"},
    "safetensors": {"safe_serialization": True},
}
COUNTED = ".num_batches_tracked"
"""What torch counts, and the frameworks do not."""
RUNS = [
    pytest.param(case, framework, id=f"{case.name}-{framework}")
    for case in CASES
    for framework in ("tf", "flax")
    if getattr(case, framework)
]


def ours(case: Case, folder: Path, **options: Any) -> Any:
    """Return our model of a checkpoint, and what became of its weights."""
    auto = getattr(automodel_core, f"AutoModel{f'For{case.head}' if case.head else ''}")
    return auto.from_pretrained(folder, output_loading_info=True, **options)


def compare(case: Case, model: Any, expected: dict[str, Any]) -> None:
    inputs = {key: torch.from_numpy(np.ascontiguousarray(v)) for key, v in inputs_of(case).items()}
    inputs = {k: v.long() if v.dtype == torch.int32 else v for k, v in inputs.items()}
    with torch.no_grad():
        found = model(**inputs)
    compared = 0
    for key, value in expected.items():
        if found.get(key) is not None:
            torch.testing.assert_close(
                found[key], torch.from_numpy(value.copy()), rtol=TOLERANCE, atol=TOLERANCE
            )
            compared += 1
    assert compared


@pytest.mark.parametrize(("case", "framework"), RUNS)
def test_logits_are_those_of_the_framework(case: Case, framework: str, tmp_path: Path) -> None:
    if case.model_type not in registry.model_types():
        pytest.skip(f"{case.model_type} is not installed")
    model = build(case, framework)
    expected = outputs_of(model, framework, inputs_of(case))
    for form, options in FORMS.items():
        save(model, tmp_path / form, **options)
        loaded, info = ours(case, tmp_path / form)
        assert not [key for key in info["missing_keys"] if not key.endswith(COUNTED)], form
        assert not info["mismatched_keys"], form
        assert not [key for key in info["unexpected_keys"] if ".pooler." not in key], form
        compare(case, loaded, expected)
