"""Blenderbot's tokenizer: byte-level BPE of texts that begin with a space, ``X </s>``."""

from __future__ import annotations

from typing import Any, ClassVar

from tokenizers import AddedToken
from tokenizers.processors import TemplateProcessing

from automodel_core.errors import TokenizationError
from automodel_core.text import ByteLevelTokenizer, rust_errors


class BlenderbotTokenizer(ByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``.

    Blenderbot reads one text, in which two spaces separate the turns; a pair of texts is
    concatenated.
    """

    default_tokens: ClassVar = {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        # A mask swallows the space before it, as a word does.
        "mask_token": AddedToken("<mask>", lstrip=True, normalized=False, special=True),
        "sep_token": "</s>",
        "cls_token": "<s>",
    }
    default_prefix_space = True

    def __init__(self, *sources: Any, **settings: Any) -> None:
        super().__init__(*sources, **settings)
        # Some writers leave the end out of tokenizer.json.
        self.update_post_processor()

    def update_post_processor(self) -> None:
        """Add ``eos_token`` after each text."""
        end, index = self.eos_token, self.eos_token_id
        if end is None or index is None:
            raise TokenizationError("BlenderbotTokenizer needs an eos_token, which ends each text")
        with self._backend.exclusive() as rust, rust_errors("setting Blenderbot's template"):
            rust.post_processor = TemplateProcessing(
                single=["$A", end], pair=["$A", "$B:1"], special_tokens=[(end, index)]
            )

    @property
    def saved_class_name(self) -> str:
        return "BlenderbotTokenizer"


BlenderbotTokenizerFast = BlenderbotTokenizer
