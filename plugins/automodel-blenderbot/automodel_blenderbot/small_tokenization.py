"""Blenderbot-small's tokenizer: lower-cased words, cut by merges of characters.

Within a word a piece ends in ``@@`` (``hel@@ lo``). The merges mark a word's end instead
(``lo</w>``), so Rust cuts words into pieces of its own, and each gets its name and id in
``vocab.json`` afterwards.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from tokenizers import (
    AddedToken,
    Encoding,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)

from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    TokenizationError,
    shown,
)
from automodel_core.families.fairseq import read_vocabulary, vocabulary_backend, vocabulary_json
from automodel_core.text import (
    Backend,
    BatchEncoding,
    EncodeRequest,
    PreTrainedTokenizer,
    Text,
    TokenLike,
    added_token,
    rust_errors,
)

END = "</w>"
"""Suffix of the merges' pieces that end a word."""
JOINER = "@@"
"""Suffix of the vocabulary's pieces that do not end a word."""
UNKNOWN = "\U000f0000"
"""The Rust pipeline's token for a character that no merge knows."""

CASED = r"[\p{Cased}&&\P{Case_Ignorable}]"
PASSED_OVER = r"[\p{Case_Ignorable}&&[^.,!?()'\s]]"
FINAL_SIGMA = rf"{CASED}{PASSED_OVER}*\KΣ(?!{PASSED_OVER}*{CASED})"
"""A capital sigma at a word's end, which alone is lowercased to another letter.

It is the Final_Sigma of the Unicode Standard, section 3.13, as Python's ``str.lower`` reads it in
each word by itself; signs that part words end it.
"""

Merge = tuple[str, str]


class BlenderbotSmallTokenizer(PreTrainedTokenizer):
    """Cuts texts by ``merges.txt``; ``vocab.json`` holds the ids of the pieces.

    A line's end right after a word is the word ``__newln__``; other white space separates words.
    Texts get no special tokens.
    """

    encodes_by_backend = False
    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "vocab.json",
        "merges_file": "merges.txt",
    }
    model_input_names = ("input_ids", "attention_mask")

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        merges_file: str | os.PathLike[str] | None = None,
        bos_token: TokenLike = "__start__",  # noqa: S107
        eos_token: TokenLike = "__end__",  # noqa: S107
        unk_token: TokenLike = "__unk__",  # noqa: S107
        pad_token: TokenLike = "__null__",  # noqa: S107
        **settings: Any,
    ) -> None:
        if vocab_file is None or merges_file is None:
            raise CheckpointNotFoundError(
                "BlenderbotSmallTokenizer needs vocab_file= and merges_file=, the files vocab.json "
                "and merges.txt"
            )
        vocabulary = read_vocabulary(vocab_file)
        self._merges = _read_merges(Path(merges_file))
        self._segmenter = Backend(_segmenter(vocabulary, self._merges))
        pieces = self._segmenter.rust.get_vocab(with_added_tokens=False)
        self._names = [_name(piece) for piece in sorted(pieces, key=pieces.__getitem__)]
        self._added: dict[int, str] = {}
        self._ids = [vocabulary.get(name) for name in self._names]
        super().__init__(
            tokenizer_object=vocabulary_backend(vocabulary, str(unk_token)),
            bos_token=bos_token,
            eos_token=eos_token,
            unk_token=unk_token,
            pad_token=pad_token,
            **settings,
        )

    def add_tokens(
        self, new_tokens: TokenLike | Sequence[TokenLike], special_tokens: bool = False
    ) -> int:
        """Add tokens that the vocabulary lacks, and return how many there were."""
        count = super().add_tokens(new_tokens, special_tokens)
        given = [new_tokens] if isinstance(new_tokens, str | AddedToken) else list(new_tokens)
        with self._segmenter.exclusive() as rust, rust_errors("adding tokens"):
            rust.add_tokens([_as_written(added_token(t, special=special_tokens)) for t in given])
            self._added = {
                index: token.content for index, token in rust.get_added_tokens_decoder().items()
            }
        with self._backend.exclusive() as rust:
            rust.decoder = _decoder(self._separate_tokens())
        return count

    def _separate_tokens(self) -> list[str]:
        """Return the tokens that no piece is joined to: those beyond the vocabulary."""
        size, named = self.vocab_size, set(self.special_tokens_map.values())
        added = self.added_tokens_encoder.items()
        return [token for token, index in added if index >= size and token not in named]

    def update_post_processor(self) -> None:
        super().update_post_processor()
        with self._segmenter.exclusive() as rust:
            rust.post_processor = self._backend.rust.post_processor

    def _encode(self, text: Text, text_pair: Text | None, request: EncodeRequest) -> BatchEncoding:
        return self._encode_with(self._segmenter, text, text_pair, request, self._renamed)

    def _renamed(self, encoding: Encoding, text: Any) -> Encoding:
        """Return ``encoding`` of ``text`` with the vocabulary's tokens and ids."""
        state = json.loads(encoding.__getstate__())
        for part in [state, *state["overflowing"]]:
            self._rename(part, text, pair=encoding.n_sequences == 2)
        renamed = Encoding()
        renamed.__setstate__(json.dumps(state).encode())
        return renamed

    def _rename(self, state: dict[str, Any], text: Any, *, pair: bool) -> None:
        ids, tokens, words, offsets = (state[k] for k in ("ids", "tokens", "words", "offsets"))
        whole, unknown = {"0": {"start": 0, "end": len(ids)}}, self.unk_token_id
        for sequence, span in (state["sequence_ranges"] or whole).items():
            source = text[int(sequence)] if pair else text
            for place in range(span["start"], span["end"]):
                index, following = ids[place], place + 1
                last = following == span["end"] or words[following] != words[place]
                if index in self._added and (last or index >= len(self._ids)):
                    tokens[place] = self._added[index]
                    ids[place] = self._backend.rust.token_to_id(tokens[place])
                    continue
                name = self._names[index]
                if name == UNKNOWN + JOINER:
                    part = source if isinstance(source, str) else source[words[place]]
                    name = self._lowered(part, *offsets[place]) + ("" if last else JOINER)
                known = self._ids[index]
                ids[place] = unknown if known is None else known
                tokens[place] = name

    def _lowered(self, text: str, start: int, end: int) -> str:
        """Return a part of ``text`` as the segmenter reads it, which looks around a sigma."""
        if text[start:end] != "Σ":
            return text[start:end].lower()
        read: str = self._segmenter.rust.normalizer.normalize_str(text)
        sigmas: list[str] = [letter for letter in read if letter in "σς"]
        return sigmas[sum(letter in "Σσς" for letter in text[:start])]

    def _id_to_token(self, index: int) -> str | None:
        token = super()._id_to_token(index)
        return self.unk_token if token is None else token

    def train_new_from_iterator(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refuse: the library trains no vocabulary of such pieces."""
        raise TokenizationError(
            "BlenderbotSmallTokenizer cannot be trained: BlenderbotTokenizer, or another tokenizer "
            "that writes tokenizer.json, can"
        )

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return True

    @property
    def saved_class_name(self) -> str:
        return "BlenderbotSmallTokenizer"

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write ``vocab.json`` and ``merges.txt``, and return their paths."""
        lines = ["#version: 0.2", *(" ".join(merge) for merge in self._merges), ""]
        start = f"{filename_prefix}-" if filename_prefix else ""
        vocab, merges = (Path(save_directory, start + n) for n in self.vocab_files_names.values())
        vocab.write_bytes(vocabulary_json(self._backend))
        merges.write_bytes("\n".join(lines).encode())
        return str(vocab), str(merges)


def _read_merges(path: Path) -> list[Merge]:
    """Return the pairs of a ``merges.txt``, without its first line."""
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")[1:]
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(f"There is no vocabulary file {shown(str(path))}") from error
    except UnicodeDecodeError as error:
        raise CheckpointFormatError(f"{shown(str(path))} is not UTF-8: {error}") from error
    merges = []
    for number, line in enumerate(lines, start=2):
        pieces = line.split()
        if len(pieces) == 2:
            merges.append((pieces[0], pieces[1]))
        elif pieces:
            raise CheckpointFormatError(
                f"{shown(str(path))}, line {number}: a merge is two pieces, got {shown(line)}"
            )
    return merges


def _segmenter(vocabulary: Iterable[str], merges: Sequence[Merge]) -> Tokenizer:
    """Return the tokenizer that cuts text into the pieces of the merges."""
    pieces = dict.fromkeys(piece for merge in merges for piece in (*merge, "".join(merge)))
    for token in vocabulary:
        name = token.removesuffix(JOINER)
        if len(name) == 1:
            pieces[name + END if name == token else name] = None
    pieces[UNKNOWN] = None
    with rust_errors("building Blenderbot-small's tokenizer"):
        rust = Tokenizer(
            models.BPE(
                vocab={piece: index for index, piece in enumerate(pieces)},
                merges=list(merges),
                unk_token=UNKNOWN,
                end_of_word_suffix=END,
            )
        )
        rust.normalizer = normalizers.Sequence(
            [
                # An apostrophe has swallowed the line's end by the time that it is looked for.
                normalizers.Replace(Regex(r"(?<=[^\s'])\n"), " __newln__ "),
                normalizers.Replace(Regex(FINAL_SIGMA), "ς"),
                normalizers.Lowercase(),
            ]
        )
        # A word may begin with one of the signs that part words, but hold none.
        word = Regex(r"'|[.,!?()]?[^.,!?()'\s]+|[.,!?()]")
        rust.pre_tokenizer = pre_tokenizers.Split(word, "removed", invert=True)
    return rust


def _as_written(token: AddedToken) -> AddedToken:
    """Return a token that is matched before text is lowercased."""
    rules = {"single_word": token.single_word, "lstrip": token.lstrip, "rstrip": token.rstrip}
    return AddedToken(token.content, **rules, normalized=False, special=token.special)


def _name(piece: str) -> str:
    """Return the vocabulary's name of a piece of the merges."""
    return piece.removesuffix(END) if piece.endswith(END) else piece + JOINER


def _decoder(separate: Iterable[str]) -> decoders.Decoder:
    """Return the decoder, which joins pieces to text."""
    whole = "|".join(rf"{re.escape(token)}(?: |\z)" for token in separate)
    return decoders.Sequence(
        [
            decoders.WordPiece(prefix=UNKNOWN, cleanup=False),
            decoders.Fuse(),
            decoders.Replace(Regex(rf"{JOINER} (?!{whole or '(?!)'})"), ""),
        ]
    )


BlenderbotSmallTokenizerFast = BlenderbotSmallTokenizer
