"""Each Auto class loads a checkpoint of an architecture of ours as the reference's does.

The reference makes a tiny model with random weights; both sides load its files through the Auto
class, and answer the same inputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

import automodel_core
from automodel_core import registry
from automodel_core.registry.task_table import TASK_TABLE
from automodel_core.testing.case import Subject
from automodel_core.testing.tiny import tiny
from support.reference import assert_close, randomise

PAIR = {
    "encoder": {"model_type": "vit", **tiny("vit")},
    "decoder": {
        "model_type": "gpt2", **tiny("gpt2"), "is_decoder": True, "add_cross_attention": True,
    },
    "decoder_start_token_id": 2,
}  # fmt: skip

ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "base": ("distilbert", {}),
    "pretraining": ("bert", {}),
    "causal-lm": ("gpt2", {}),
    "masked-lm": ("roberta", {}),
    "seq2seq-lm": ("t5", {}),
    "sequence-classification": ("electra", {}),
    "multiple-choice": ("bert", {}),
    "next-sentence-prediction": ("bert", {}),
    "token-classification": ("mpnet", {}),
    "question-answering": ("albert", {}),
    "text-encoding": ("t5", {}),
    "image-classification": ("resnet", {}),
    "masked-image-modeling": ("vit", {}),
    "vision2seq": ("vision-encoder-decoder", PAIR),
    "image-text-to-text": ("vision-encoder-decoder", PAIR),
    "mask-generation": ("sam", {}),
    "depth-estimation": ("glpn", {}),
    "video-classification": ("videomae", {}),
    "keypoint-detection": ("superpoint", {"border_on_all_sides": False}),
    "object-detection": ("yolos", {}),
    "image-segmentation": ("detr", {}),
    "image-to-image": ("swin2sr", {}),
    "semantic-segmentation": ("segformer", {}),
    "instance-segmentation": ("maskformer", {}),
    "universal-segmentation": ("maskformer", {}),
    "zero-shot-image-classification": ("clip", {}),
    "zero-shot-object-detection": ("owlvit", {}),
    "audio-classification": ("wav2vec2", {}),
    "audio-frame-classification": ("wav2vec2", {}),
    "ctc": ("wav2vec2", {}),
    "speech-seq2seq": ("whisper", {}),
    "audio-xvector": ("wav2vec2", {}),
    "text-to-spectrogram": ("speecht5", {}),
    "text-to-waveform": ("vits", {"noise_scale": 0.0, "noise_scale_duration": 0.0}),
    "table-question-answering": ("tapas", {}),
    "document-question-answering": ("layoutlm", {}),
    "visual-question-answering": ("vilt", {}),
}
"""An architecture for each task, and keys of its configuration beside those that make it tiny."""
WITHOUT_EFFECT = ("decoder_inputs_embeds",)
"""What the reference's detectors take, and do not use."""
CLASSES = {task: name for task, name, _ in TASK_TABLE if task != "backbone"}
"""The Auto classes of transformers' page, by task."""


def auto_class(library: Any, name: str, fallback: str) -> Any:
    """Return an Auto class; of one that the newest reference dropped, the model's own class."""
    return getattr(library, name if name in dir(library) else fallback)


def test_every_class_has_an_architecture() -> None:
    assert list(ARCHITECTURES) == list(CLASSES)
    assert len(CLASSES) == 37


@pytest.mark.filterwarnings("ignore")  # the reference about its own past and future
@pytest.mark.parametrize(("task", "name"), CLASSES.items(), ids=CLASSES.values())
@torch.no_grad()
def test_an_auto_class(task: str, name: str, tmp_path: Path) -> None:
    model_type, more = ARCHITECTURES[task]
    if model_type not in registry.architectures.model_types():
        pytest.skip(f"{model_type} is not installed")
    subject = Subject(model_type, {**tiny(model_type), **more}, task=task)
    subject.config().save_pretrained(tmp_path / "config")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "config")
    theirs = auto_class(transformers, name, subject.model_class.__name__)
    made = theirs.from_config(config) if "from_config" in dir(theirs) else theirs(config)
    randomise(made, spread=0.1)
    made.save_pretrained(tmp_path / "model")
    reference = theirs.from_pretrained(str(tmp_path / "model"), attn_implementation="eager")
    model = getattr(automodel_core, name).from_pretrained(tmp_path / "model")
    assert type(model).__name__ == type(reference).__name__
    assert model.load_report.complete
    example = subject.example(model.config)
    given = {key: value for key, value in example.items() if key not in WITHOUT_EFFECT}
    found, expected = model(**given), reference(**given)
    compared = [key for key, value in expected.items() if isinstance(value, Tensor)]
    assert compared
    for key in compared:
        assert_close(found[key], expected[key], key)
