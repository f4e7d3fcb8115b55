"""BERT's tokenizer: WordPiece over lower-cased (or not) words, ``[CLS] A [SEP] B [SEP]``."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, shown
from automodel_core.text import PreTrainedTokenizer
from automodel_core.text.backend import Backend, rust_errors
from automodel_core.text.files import backend_from

__all__ = ["BertTokenizer", "BertTokenizerFast"]

logger = logging.getLogger(__name__)


class BertTokenizer(PreTrainedTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``.

    ``strip_accents=None`` means: as ``do_lower_case``. Words in ``never_split`` that the vocabulary
    holds are kept whole; BERT's own code did this for words between spaces only.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "vocab.txt",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names = ("input_ids", "token_type_ids", "attention_mask")

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Mapping[str, int] | None = None,
        do_lower_case: bool = True,
        unk_token: str | AddedToken = "[UNK]",  # noqa: S107
        sep_token: str | AddedToken = "[SEP]",  # noqa: S107
        pad_token: str | AddedToken = "[PAD]",  # noqa: S107
        cls_token: str | AddedToken = "[CLS]",  # noqa: S107
        mask_token: str | AddedToken = "[MASK]",  # noqa: S107
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        *,
        never_split: Sequence[str] | None = None,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | Backend | None = None,
        **settings: Any,
    ) -> None:
        normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            lowercase=do_lower_case,
        )
        source = vocab if vocab is not None else vocab_file
        backend = None if vocab is not None else backend_from(tokenizer_object, tokenizer_file)
        if backend is None:
            if source is None:
                defaults = (pad_token, unk_token, cls_token, sep_token, mask_token)
                source = {str(token): index for index, token in enumerate(defaults)}
            backend = Backend(_wordpiece(source, str(unk_token)))
            backend.rust.normalizer = normalizer
        elif _is_bert_normalizer(backend.rust):
            backend.rust.normalizer = normalizer
        super().__init__(
            tokenizer_object=backend,
            do_lower_case=do_lower_case,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            never_split=None if never_split is None else list(never_split),
            **settings,
        )
        self.do_lower_case = do_lower_case
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.strip_accents = strip_accents
        self._keep_whole(never_split or ())
        self._surround()

    def _keep_whole(self, words: Sequence[str]) -> None:
        if not words:
            return
        vocabulary = self.get_vocab()
        unknown = [word for word in words if word not in vocabulary]
        if unknown:
            logger.warning("never_split has words that the vocabulary lacks: %s", shown(unknown))
        self.add_tokens([AddedToken(w, normalized=False) for w in words if w in vocabulary])

    def _surround(self) -> None:
        """Put ``[CLS]`` before and ``[SEP]`` after each text; the second text has type id 1."""
        cls_token, sep_token = str(self.cls_token), str(self.sep_token)
        special = [(cls_token, self.cls_token_id), (sep_token, self.sep_token_id)]
        with self._backend.exclusive() as rust, rust_errors("setting BERT's template"):
            rust.post_processor = TemplateProcessing(
                single=[cls_token, "$A", sep_token],
                pair=[cls_token, "$A", sep_token, "$B:1", f"{sep_token}:1"],
                special_tokens=special,
            )

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return type(self.backend_tokenizer.model).__name__ == "WordPiece"

    @property
    def saved_class_name(self) -> str:
        return "BertTokenizer"


def _is_bert_normalizer(rust: Tokenizer) -> bool:
    if rust.normalizer is None:
        return False
    return bool(json.loads(rust.normalizer.__getstate__())["type"] == "BertNormalizer")


def _wordpiece(source: str | os.PathLike[str] | Mapping[str, int], unk_token: str) -> Tokenizer:
    vocabulary = dict(source) if isinstance(source, Mapping) else _read_vocabulary(Path(source))
    with rust_errors("building BERT's tokenizer"):
        rust = Tokenizer(models.WordPiece(vocabulary, unk_token=unk_token))
        rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        rust.decoder = decoders.WordPiece(prefix="##")
    return rust


def _read_vocabulary(path: Path) -> dict[str, int]:
    """Return the ids of a ``vocab.txt``: a token's id is the number of its line, from 0."""
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(f"There is no vocabulary file {shown(str(path))}") from error
    except UnicodeDecodeError as error:
        raise CheckpointFormatError(f"{shown(str(path))} is not UTF-8: {error}") from error
    if lines[-1] == "":
        lines.pop()
    return {line.removesuffix("\r"): index for index, line in enumerate(lines)}


BertTokenizerFast = BertTokenizer
