"""CTranslate2: models converted from a checkpoint, and how they write so many tokens."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch

__all__ = ["generator", "translator"]

Words = list[list[str]]


def generator(
    checkpoint: Path, words: Words, beams: int, tokens: int, compute_type: str
) -> Callable[[], None]:
    """Return a way of continuing words with a decoder."""
    writer = loaded("Generator", checkpoint, compute_type)

    def run() -> None:
        found = writer.generate_batch(
            words,
            beam_size=beams,
            min_length=tokens,
            max_length=tokens,
            include_prompt_in_result=False,
        )
        check(tokens, [result.sequences[0] for result in found])

    return run


def translator(
    checkpoint: Path, words: Words, beams: int, tokens: int, compute_type: str
) -> Callable[[], None]:
    """Return a way of answering words with an encoder and a decoder."""
    reader = loaded("Translator", checkpoint, compute_type)

    def run() -> None:
        found = reader.translate_batch(
            words,
            beam_size=beams,
            min_decoding_length=tokens,
            max_decoding_length=tokens,
            max_input_length=0,
        )
        check(tokens, [result.hypotheses[0] for result in found])

    return run


def loaded(kind: str, checkpoint: Path, compute_type: str) -> Any:
    """Return a model, which is converted first unless it is there."""
    import ctranslate2  # only who compares with it needs it

    target = checkpoint / "ctranslate2"
    if not target.exists():
        ctranslate2.converters.TransformersConverter(str(checkpoint)).convert(str(target))
    return attrgetter(kind)(ctranslate2)(
        str(target),
        device="cpu",
        intra_threads=torch.get_num_threads(),
        compute_type=compute_type,
    )


def check(tokens: int, written: Words) -> None:
    """Raise unless every text is as long as it was to be."""
    produced = {len(text) for text in written}
    if produced != {tokens}:
        raise RuntimeError(f"CTranslate2 made {produced} tokens instead of {tokens}")
