"""Checks of models that hear sounds: padding, lengths, symbols, and what prepares sounds."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from torch import nn

from automodel_core import AutoFeatureExtractor, registry
from automodel_core.errors import InputError
from automodel_core.modeling.heads.audio import AudioModelForCTC, AudioModelHead
from automodel_core.testing.architectures.properties.building import normalises_over_time
from automodel_core.testing.case import BATCH, Subject, outputs
from automodel_core.testing.check import Rule, require, require_close
from automodel_core.testing.drawn.sounds import HIDDEN_FRAMES, hears_samples

__all__ = ["SOUND_CHECKS"]

WHOLE = ("ctc", "audio-classification", "audio-xvector")
"""Tasks whose labels are of whole recordings, so that padding moves none of them."""


def hears_masked_samples(subject: Subject) -> bool:
    """Return whether the model hears samples with a mask, and no norm reaches across it."""
    accepted = subject.accepted
    # Frames that are hidden are as many as there are, so that padding changes which.
    plain = "attention_mask" in accepted and HIDDEN_FRAMES not in subject.example(subject.config())
    return hears_samples(subject) and plain and not normalises_over_time(subject)


def padded_samples_change_nothing(subject: Subject) -> None:
    """Masked samples at the end change nothing in the frames before them, nor the loss."""
    model = subject.model()
    example = subject.example(model.config)
    if subject.task in WHOLE:
        example |= subject.labels(model.config)
    before = outputs(model, example)
    sound = example["input_values"]
    noise = torch.randn(BATCH, sound.shape[1] // 2, generator=torch.Generator().manual_seed(4))
    padded = {
        **example,
        "input_values": torch.cat([sound, noise], dim=1),
        "attention_mask": nn.functional.pad(example["attention_mask"], (0, noise.shape[1])),
    }
    for name, value in outputs(model, padded).items():
        expected = before[name]
        is_longer = expected.dim() > 1 and value.shape[1] > expected.shape[1]
        require_close(value[:, : expected.shape[1]] if is_longer else value, expected, name)


def has_sound_head(subject: Subject) -> bool:
    """Return whether the model is a head of the core on a body that hears samples."""
    return hears_samples(subject) and issubclass(subject.model_class, AudioModelHead)


def frames_are_counted(subject: Subject) -> None:
    """A mask over samples leaves as many frames as these samples alone give."""
    model: Any = subject.model()
    example = subject.example(model.config)
    sound = example["input_values"]
    with torch.no_grad():
        frames = model.base_model(sound).last_hidden_state.shape[1]
        for cut in (1, 3, sound.shape[1] // 7, sound.shape[1] // 4):
            kept = sound[:, : sound.shape[1] - cut]
            mask = torch.zeros(sound.shape, dtype=torch.long)
            mask[:, : kept.shape[1]] = 1
            alone = model.base_model(kept).last_hidden_state.shape[1]
            counted = model.base_model.heard_frames(frames, mask).sum(-1).tolist()
            require(
                counted == [alone] * BATCH,
                f"{kept.shape[1]} samples give {alone} frames, and {counted} are counted",
            )


def scores_symbols(subject: Subject) -> bool:
    """Return whether the model is a CTC head of the core."""
    return hears_samples(subject) and issubclass(subject.model_class, AudioModelForCTC)


def padded_labels_do_not_count(subject: Subject) -> None:
    """The loss of labels that are padded is that of each row with its own."""
    model: Any = subject.model()
    example = subject.example(model.config)
    labels = subject.labels(model.config)["labels"].clone()
    labels[0, -1] = -100
    found = outputs(model, {**example, "labels": labels})["loss"]
    rows = [
        outputs(
            model,
            {
                **{name: value[row : row + 1] for name, value in example.items()},
                "labels": labels[row : row + 1][labels[row : row + 1] >= 0].unsqueeze(0),
            },
        )["loss"]
        for row in range(BATCH)
    ]
    total = torch.stack(rows)
    expected = total.mean() if model.config.ctc_loss_reduction == "mean" else total.sum()
    require_close(found, expected, "the loss of padded labels")


def the_blank_is_the_padding(subject: Subject) -> None:
    """Frames that score the padding token highest say nothing: the loss of no labels is 0."""
    model: Any = subject.model()
    example = subject.example(model.config)
    blank = model.config.pad_token_id
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.bias.zero_()
        model.lm_head.bias[blank] = 100.0
    nothing = torch.full((BATCH, 1), -100)
    loss = outputs(model, {**example, "labels": nothing})["loss"]
    require(float(loss) < 1e-3, f"silence costs {float(loss):.3f} where pad_token_id is certain")


def has_feature_extractor(subject: Subject) -> bool:
    """Return whether samples are the input, and the architecture prepares them itself."""
    return hears_samples(subject) and bool(subject.architecture.component("feature_extractor"))


def feature_extractor_serves_the_model(subject: Subject) -> None:
    """The feature extractor survives its file, makes what the model takes, and minds the rate."""
    model: Any = subject.model()
    kind: Any = registry.resolve(str(subject.architecture.component("feature_extractor")))
    extractor = kind(return_attention_mask=True)
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        extractor.save_pretrained(folder)
        again = AutoFeatureExtractor.from_pretrained(folder)
    require(type(again) is type(extractor), f"AutoFeatureExtractor makes a {type(again).__name__}")
    require(again.to_dict() == extractor.to_dict(), "saving and loading changes its settings")
    whole = subject.example(model.config)["input_values"][0] + 0.5
    sounds, rate = [whole, whole[: len(whole) * 3 // 4]], again.sampling_rate
    batch = again(sounds, sampling_rate=rate, padding=True, return_tensors="pt")
    counts = batch["attention_mask"].sum(-1).tolist()
    require(counts == [len(one) for one in sounds], f"the masks count {counts} samples")
    for row, sound in enumerate(sounds):
        alone = again(sound, sampling_rate=rate, return_tensors="pt")["input_values"][0]
        require_close(batch["input_values"][row, : len(sound)], alone, "a sound in a batch")
    outputs(model, {**subject.example(model.config), **batch})
    try:
        again(whole, sampling_rate=rate + 1)
    except InputError as error:
        both = str(rate) in str(error) and str(rate + 1) in str(error)
        require(both, f"the error of another rate does not name both: {error}")
    else:
        require(False, f"a sound of {rate + 1} samples a second is taken without a word")


SOUND_CHECKS = (
    Rule(padded_samples_change_nothing, hears_masked_samples),
    Rule(frames_are_counted, has_sound_head),
    Rule(padded_labels_do_not_count, scores_symbols),
    Rule(the_blank_is_the_padding, scores_symbols),
    Rule(feature_extractor_serves_the_model, has_feature_extractor),
)
