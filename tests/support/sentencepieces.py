"""Small SentencePiece models of nasty text, for comparing tokenizers with the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sentencepiece

from automodel_core.families.fairseq.external_ids import ExternalIdTokenizer
from support.nasty_text import NASTY

__all__ = ["TEXTS", "is_plain", "train"]

# tokenizers normalises by grapheme: it loses a mark that follows one it has composed, or a space.
LOST = ("\u0323", "\u0363", "\u034f", "\u1112")
# Of the ways to cut a long word, several have the same score.
TEXTS = [
    text.replace("\0", "")
    for text in NASTY
    if len(text) < 99 and not any(mark in text for mark in LOST)
]


def train(path: Path, **options: Any) -> None:
    """Write a model with ``<unk> <s> </s>`` first, as the hub's models have."""
    lines = [line for text in NASTY for line in text.splitlines() if line.strip()]
    lines = [line.replace("\0", "") for line in lines if "<" not in line] * 3
    settings = {"vocab_size": 500, "hard_vocab_limit": False, "character_coverage": 0.98}
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=file,
            num_threads=1,
            minloglevel=2,
            **{**settings, **options},
        )


def is_plain(tokenizer: Any, text: str) -> bool:
    """Return whether normalising leaves ``text`` as it is."""
    rust = tokenizer.backend_tokenizer
    if isinstance(tokenizer, ExternalIdTokenizer):
        rust = tokenizer._models[0].segmenter.rust
    normalised: str = rust.normalizer.normalize_str(text)
    return normalised == text
