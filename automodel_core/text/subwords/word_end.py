"""BPE of lower-cased words, split off by a rule, whose last pieces end in ``</w>``.

Its files are those of byte-level BPE, which it is within a word.
"""

from __future__ import annotations

from typing import ClassVar

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors

from automodel_core.text.subwords.byte_level import ByteLevelTokenizer, Merges, Pieces, bpe_model

__all__ = ["WordEndTokenizer"]

WORD_END = "</w>"
LETTERS = (r"'(?:[stmd]|re|ve|ll)", r"[\p{L}]+", r"[\p{N}]", r"[^\s\p{L}\p{N}]+")
"""What a word is: a contraction's end, letters, one digit, or other marks."""


class WordEndTokenizer(ByteLevelTokenizer):
    """BPE of lower-cased words between ``bos_token`` and ``eos_token``, of pairs with two ends.

    White space only separates: decoding puts one space behind each word.
    """

    whole_words: ClassVar[tuple[str, ...]] = ()
    """Further texts that are words, whatever is in them."""

    def __init__(self, *sources: object, **settings: object) -> None:
        super().__init__(*sources, **settings)  # type: ignore[arg-type]
        self.update_post_processor()

    @classmethod
    def pipeline(cls, vocab: Pieces, merges: Merges | None, unk_token: str) -> Tokenizer:
        rust = Tokenizer(
            bpe_model(
                vocab,
                merges,
                unk_token=unk_token,
                continuing_subword_prefix="",
                end_of_word_suffix=WORD_END,
            )
        )
        spaces = normalizers.Replace(Regex(r"\s+"), " ")
        rust.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
        words = Regex("|".join((*cls.whole_words, *LETTERS)))
        rust.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(words, behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        rust.decoder = decoders.ByteLevel()
        return rust

    def update_post_processor(self) -> None:
        """Add the special tokens to each text; all have type id 0."""
        end, start = self._special_token("eos_token"), self._special_token("bos_token")
        with self._backend.exclusive() as rust:
            rust.post_processor = processors.RobertaProcessing(
                end, start, trim_offsets=False, add_prefix_space=False
            )

    def written(self, text: str) -> str:
        return text.replace(WORD_END, " ").strip()

    @property
    def saved_class_name(self) -> str:
        return type(self).__name__
