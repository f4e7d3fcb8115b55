"""CLIP's tokenizer: ``<|startoftext|> X <|endoftext|>``, in lower case."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.text.subwords.word_end import WordEndTokenizer

__all__ = ["CLIPFamilyTokenizer"]

START, END = "<|startoftext|>", "<|endoftext|>"


class CLIPFamilyTokenizer(WordEndTokenizer):
    """BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``."""

    default_tokens: ClassVar = {
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
    }
    whole_words = (r"<\|startoftext\|>", r"<\|endoftext\|>")
