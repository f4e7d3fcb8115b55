"""Checks of what prepares inputs: tokenizers, image processors, and images of other sizes."""

from __future__ import annotations

import math
import tempfile
from typing import Any

import torch

from automodel_core import AutoImageProcessor, AutoTokenizer, registry
from automodel_core.errors import InputError
from automodel_core.testing.architectures.properties.building import (
    empty_tokenizer,
    makes_a_tokenizer,
)
from automodel_core.testing.architectures.properties.reading import interpolates, sees_images
from automodel_core.testing.case import BATCH, Subject, outputs
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["IMAGE_CHECKS", "TOKENIZER_CHECKS"]

TEXTS = ("the cat sat on the mat, and the dog did not.", "a second line, by the same author.")
VOCABULARY = 400
OTHER_SETTINGS = {"model_max_length": 17, "padding_side": "left", "truncation_side": "left"}


def trained_tokenizer(subject: Subject) -> Any:
    """Return the architecture's tokenizer with a small vocabulary learnt from a few texts."""
    return empty_tokenizer(subject).train_new_from_iterator(TEXTS * 9, vocab_size=VOCABULARY)


def tokenizer_survives_its_files(subject: Subject) -> None:
    """``AutoTokenizer`` loads what was saved: same class, ids, special tokens and settings."""
    tokenizer = trained_tokenizer(subject)
    for name, value in OTHER_SETTINGS.items():
        setattr(tokenizer, name, value)
    with tempfile.TemporaryDirectory() as folder:
        subject.config().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        again: Any = AutoTokenizer.from_pretrained(folder)
    require(type(again) is type(tokenizer), f"AutoTokenizer makes a {type(again).__name__}")
    for text in TEXTS:
        ids, found = tokenizer(text)["input_ids"], again(text)["input_ids"]
        require(found == ids, f"{text!r} is {found} after loading, and was {ids}")
    for name in (*OTHER_SETTINGS, "special_tokens_map"):
        before, after = getattr(tokenizer, name), getattr(again, name)
        require(after == before, f"{name} is {after} after loading, and was {before}")


def tokenizer_reads_and_writes_texts(subject: Subject) -> None:
    """Ids decode to their text, and special tokens stand around it where there are any."""
    tokenizer = trained_tokenizer(subject)
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        written = tokenizer.decode(ids, skip_special_tokens=True).strip()
        # Some put a space between any two words.
        closed = tokenizer.clean_up_tokenization(written)
        require(text in (written, closed), f"{text!r} comes back as {written!r}")
        bare = tokenizer(text, add_special_tokens=False)["input_ids"]
        require(
            not set(bare) & set(tokenizer.all_special_ids), "add_special_tokens=False adds some"
        )
        due = tokenizer.sep_token_id
        require(due is None or due in ids, f"no {tokenizer.sep_token} ends a text")


def positions_fit_other_sizes(subject: Subject) -> None:
    """Images of another size are refused unless positions are interpolated, or need none."""
    model: Any = subject.model()
    usual = subject.example(model.config)
    expected = outputs(model, usual)
    for name, value in outputs(model, usual, interpolate_pos_encoding=True).items():
        require_close(value, expected[name], f"{name} at the usual size")
    higher = {**usual, "pixel_values": torch.cat([usual["pixel_values"]] * 2, dim=2)}
    interpolated = outputs(model, higher, interpolate_pos_encoding=True)
    for name, value in interpolated.items():
        require(torch.isfinite(value).all(), f"{name} is not finite for higher images")
    try:
        found = outputs(model, higher)
    except InputError:
        return
    for name, value in found.items():
        require_close(value, interpolated[name], f"{name} of higher images, not interpolated")


def image_processor_serves_the_model(subject: Subject) -> None:
    """The architecture's image processor survives its file, and makes what the model takes."""
    model: Any = subject.model()
    kind: Any = registry.resolve(str(subject.architecture.component("image_processor")))
    processor = kind()
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        processor.save_pretrained(folder)
        again = AutoImageProcessor.from_pretrained(folder)
    require(type(again) is type(processor), f"AutoImageProcessor makes a {type(again).__name__}")
    require(again.to_dict() == processor.to_dict(), "saving and loading changes its settings")
    expected = subject.pixels(model.config)
    height, width = expected.shape[-2:]
    # Without a size of its own, a processor keeps about that of the image.
    edges = (12, 15) if processor.size else (height, width)
    whole = {"height": height, "width": width}
    size = {name: whole for name in ("size", "pad_size") if vars(processor)[name]}
    shape = (*expected.shape[1:-2], *edges)
    picture = torch.arange(math.prod(shape)).view(shape).to(torch.uint8)
    prepared = again([picture] * BATCH, **size, do_center_crop=False, return_tensors="pt")
    found = prepared["pixel_values"].shape
    # Without a size, what is padded may be larger than the image.
    fits = processor.size or found[-2] < height or found[-1] < width
    require(
        found == expected.shape if fits else found[:-2] == expected.shape[:-2],
        f"pixel_values are {tuple(found)}, not {tuple(expected.shape)}",
    )
    outputs(model, {**subject.example(model.config), **prepared})


def has_image_processor(subject: Subject) -> bool:
    """Return whether images are the input, and the architecture prepares them itself."""
    return sees_images(subject) and subject.architecture.component("image_processor") is not None


TOKENIZER_CHECKS = (
    Rule(tokenizer_survives_its_files, makes_a_tokenizer),
    Rule(tokenizer_reads_and_writes_texts, makes_a_tokenizer),
)
IMAGE_CHECKS = (
    Rule(positions_fit_other_sizes, interpolates),
    Rule(image_processor_serves_the_model, has_image_processor),
)
