"""GPT-2's tokenizer: byte-level BPE without special tokens."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.text import ByteLevelTokenizer

END = "<|endoftext|>"


class GPT2Tokenizer(ByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``.

    There is no padding token until one is set. ``add_bos_token=True`` adds ``bos_token`` before
    each text.
    """

    default_tokens: ClassVar = {"unk_token": END, "bos_token": END, "eos_token": END}

    @property
    def saved_class_name(self) -> str:
        return "GPT2Tokenizer"


GPT2TokenizerFast = GPT2Tokenizer
