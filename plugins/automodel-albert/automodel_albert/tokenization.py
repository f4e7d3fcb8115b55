"""ALBERT's tokenizer: pieces of lower-cased text without accents, ``[CLS] A [SEP] B [SEP]``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from tokenizers import AddedToken, Regex, normalizers, pre_tokenizers

from automodel_core.families.bert import BertFamilyPieces
from automodel_core.text import SPACE, Piece, SentencePieceModel, TokenLike

PENALTY = 100.0


class AlbertTokenizer(BertFamilyPieces):
    """Unigram from ``spiece.model`` or ``tokenizer.json``.

    Without ``do_lower_case`` and ``keep_accents`` the tokenizer does as its ``tokenizer.json``
    says, and else lowers and strips. No piece ends with a digit and a comma, so that a number is
    cut alike wherever it stands.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "spiece.model",
        "tokenizer_file": "tokenizer.json",
    }
    default_tokens: ClassVar[dict[str, TokenLike]] = {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        # A mask swallows the space before it, as a word does.
        "mask_token": AddedToken("[MASK]", lstrip=True, normalized=False, special=True),
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
    }

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Sequence[tuple[str, float]] | None = None,
        do_lower_case: bool | None = None,
        keep_accents: bool | None = None,
        *,
        remove_space: bool = True,
        add_prefix_space: bool = True,
        **settings: Any,
    ) -> None:
        self.do_lower_case = do_lower_case is not False
        self.keep_accents = keep_accents is True
        self.remove_space = remove_space
        self.add_prefix_space = add_prefix_space
        steps = {
            "Lowercase": do_lower_case,
            "StripAccents": None if keep_accents is None else not keep_accents,
        }
        stated: dict[str, Any] = {"do_lower_case": do_lower_case, "keep_accents": keep_accents}
        super().__init__(
            vocab,
            steps=steps,
            remove_space=remove_space,
            add_prefix_space=add_prefix_space,
            **{key: value for key, value in stated.items() if value is not None},
            **settings,
        )

    def adapted(self, model: SentencePieceModel) -> SentencePieceModel:
        return replace(model, pieces=tuple(map(_unless_a_number_ends, model.pieces)))

    def normalizer(self, charsmap: bytes) -> normalizers.Normalizer:
        steps: list[normalizers.Normalizer] = [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
        ]
        if not self.keep_accents:
            steps += [normalizers.NFKD(), normalizers.StripAccents()]
        if self.do_lower_case:
            steps.append(normalizers.Lowercase())
        if charsmap:
            steps.append(normalizers.Precompiled(charsmap))
        return normalizers.Sequence([*steps, normalizers.Replace(Regex(" {2,}"), " ")])

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        scheme = "always" if self.add_prefix_space else "never"
        words = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
        return pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), words])


def _unless_a_number_ends(piece: Piece) -> Piece:
    """Return a piece that is never the best where a digit and a comma end it."""
    ends = len(piece.text) > 1 and piece.text[-1] == "," and piece.text[-2].isdigit()
    return piece._replace(score=piece.score - PENALTY) if ends else piece


AlbertTokenizerFast = AlbertTokenizer
