"""SentencePiece models with the ids of a vocabulary; `tests/parity` compares with the library."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from tokenizers import AddedToken

from automodel_core.errors import CheckpointFormatError, TokenizationError
from automodel_core.families.fairseq.external_ids import (
    ExternalIdModel,
    ExternalIdTokenizer,
    read_vocabulary,
    vocabulary_backend,
    vocabulary_json,
)
from automodel_core.text.subwords.sentencepiece import Piece, PieceType, SentencePieceModel

UNIGRAM, BPE = 1, 2
VOCABULARY = {
    "</s>": 0, "<unk>": 1, "b": 2, "▁a": 3, "ü": 4, ">>de<<": 5, "▁": 6, "▁t": 7, "<pad>": 8,
}  # fmt: skip
TARGETS = {"<pad>": 0, "▁t": 1, "b": 2, "</s>": 3, "<unk>": 4, "▁": 5}
CODE = r">>[^<]*<<"


def model(*pieces: tuple[str, float], model_type: int = UNIGRAM) -> SentencePieceModel:
    special = (
        Piece("<unk>", 0.0, PieceType.UNKNOWN),
        Piece("<s>", 0.0, PieceType.CONTROL),
        Piece("</s>", 0.0, PieceType.CONTROL),
    )
    normal = tuple(Piece(text, score, PieceType.NORMAL) for text, score in pieces)
    return SentencePieceModel((*special, *normal), model_type, content=b"model")


READ = (("▁a", -1.0), ("b", -2.0), ("▁", -3.0), ("rare", -1.0), ("<", -4.0), ("s", -4.0))
WRITTEN = (("▁t", -1.0), ("b", -2.0), ("▁", -3.0))
JOINED = (
    ("▁a", -1.0), ("ra", -2.0), ("re", -3.0), ("rare", -4.0),
    *((letter, -9.0) for letter in "▁abre"),
)  # fmt: skip


class Reading(ExternalIdTokenizer):
    """Ends each text."""

    model_input_names = ("input_ids", "attention_mask")

    def _prefix_and_suffix(self):
        return [], [str(self.eos_token)]

    def _files(self):
        source, target = self._models
        return {
            "vocab.json": vocabulary_json(source.vocabulary),
            "source.spm": source.model.content,
            "target.spm": target.model.content,
        }


NAMED = {"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "<pad>"}


@pytest.fixture
def tokenizer() -> Reading:
    vocabulary = vocabulary_backend(VOCABULARY, "<unk>")
    return Reading(
        source=ExternalIdModel(model(*READ), vocabulary, "<unk>", leading=CODE),
        target=ExternalIdModel(model(*WRITTEN), vocabulary, "<unk>"),
        **NAMED,
    )


@pytest.fixture
def separate() -> Reading:
    return Reading(
        source=ExternalIdModel(model(*READ), vocabulary_backend(VOCABULARY, "<unk>"), "<unk>"),
        target=ExternalIdModel(model(*WRITTEN), vocabulary_backend(TARGETS, "<unk>"), "<unk>"),
        **NAMED,
    )


def test_ids_are_those_of_the_vocabulary(tokenizer):
    encoded = tokenizer("ab a", return_offsets_mapping=True)
    assert encoded["input_ids"] == [3, 2, 3, 0]
    assert encoded["offset_mapping"] == [(0, 1), (1, 2), (2, 4), (0, 0)]
    assert tokenizer.convert_tokens_to_ids(["▁a", "nothing"]) == [3, 1]
    assert tokenizer.convert_ids_to_tokens([3, 99]) == ["▁a", "<unk>"]
    assert len(tokenizer) == tokenizer.vocab_size == len(VOCABULARY)
    assert tokenizer.get_vocab() == VOCABULARY


def test_what_the_vocabulary_lacks_is_unknown(tokenizer):
    encoded = tokenizer("ararex", return_offsets_mapping=True)
    assert encoded.tokens() == ["▁a", "rare", "x", "</s>"]
    assert encoded["input_ids"] == [3, 1, 1, 0]
    assert encoded["offset_mapping"] == [(0, 1), (1, 5), (5, 6), (0, 0)]
    assert encoded.char_to_token(4) == 1
    assert encoded["attention_mask"] == [1] * 4


def test_a_token_beyond_the_model_may_have_an_id(tokenizer):
    encoded = tokenizer(["aü", "aüx"])
    assert encoded.tokens(1) == ["▁a", "üx", "</s>"]
    assert encoded["input_ids"] == [[3, 4, 0], [3, 1, 0]]


def test_bpe():
    vocabulary = vocabulary_backend({**VOCABULARY, "rare": 9}, "<unk>")
    pieces = ExternalIdModel(model(*JOINED, model_type=BPE), vocabulary, "<unk>")
    tokenizer = Reading(source=pieces, **NAMED)
    encoded = tokenizer("araree aü aüx")
    assert encoded.tokens() == ["▁a", "rare", "e", "▁a", "ü", "▁a", "üx", "</s>"]
    assert encoded["input_ids"] == [3, 9, 1, 3, 4, 3, 1, 0]


def test_text_at_the_start_is_kept_whole_by_bpe_too():
    vocabulary = vocabulary_backend(VOCABULARY, "<unk>")
    pieces = ExternalIdModel(model(*JOINED, model_type=BPE), vocabulary, "<unk>", leading=CODE)
    tokenizer = Reading(source=pieces, **NAMED)
    encoded = tokenizer(">>de<< aa</s>>>de<<a", return_offsets_mapping=True)
    assert encoded.tokens() == [">>de<<", "▁a", "a", "</s>", ">>de<<", "▁a", "</s>"]
    assert encoded["input_ids"] == [5, 3, 1, 0, 5, 3, 0]
    assert encoded["offset_mapping"][:2] == [(0, 6), (6, 8)]


def test_literal_special_tokens(tokenizer):
    assert tokenizer("a</s>b<unk>").tokens() == ["▁a", "</s>", "▁", "b", "<unk>", "</s>"]
    assert tokenizer("a</s>b<unk>")["input_ids"] == [3, 0, 6, 2, 1, 0]
    split = tokenizer("a</s>", split_special_tokens=True)
    assert split.tokens() == ["▁a", "<", "/", "s", ">", "</s>"]
    assert split["input_ids"] == [3, 1, 1, 1, 1, 0]


def test_added_tokens_follow_the_vocabulary(tokenizer):
    assert tokenizer.add_tokens(["rare", AddedToken("<x>", lstrip=True)]) == 2
    assert len(tokenizer) == len(VOCABULARY) + 2
    for side in ("text", "text_target"):
        encoded = tokenizer(**{side: "b <x>rare"})
        assert encoded["input_ids"] == [6, 2, 10, 9, 0]
    assert tokenizer.decode([3, 9, 6, 10]) == "arare <x>"
    tokenizer.add_special_tokens({"mask_token": "<m>"})
    assert tokenizer("a<m>")["input_ids"] == [3, 11, 0]
    assert tokenizer.decode([3, 11], skip_special_tokens=True) == "a"


def test_pairs_words_and_batches(tokenizer):
    pair = tokenizer("ax", "rare b")
    assert pair["input_ids"] == [3, 1, 6, 1, 6, 2, 0]
    assert pair.sequence_ids() == [0, 0, 1, 1, 1, 1, None]
    words = tokenizer(["a", "rare"], is_split_into_words=True)
    assert words["input_ids"] == [3, 6, 1, 0]
    assert words.word_ids() == [0, 1, 1, None]
    assert tokenizer("", add_special_tokens=False)["input_ids"] == []
    padded = tokenizer(["a", "ax"], padding=True)
    assert padded["input_ids"] == [[3, 0, 8], [3, 1, 0]]


def test_overflowing_rows_get_the_ids_too(tokenizer):
    rows = tokenizer(
        "a rare a rare a",
        truncation=True,
        max_length=4,
        stride=1,
        return_overflowing_tokens=True,
    )
    assert rows["input_ids"] == [[3, 6, 1, 0], [1, 3, 6, 0], [6, 1, 3, 0]]
    assert rows.tokens(1) == ["rare", "▁a", "▁", "</s>"]


def test_text_at_the_start_is_kept_whole(tokenizer):
    encoded = tokenizer(">>de<< a", return_offsets_mapping=True)
    assert encoded.tokens() == [">>de<<", "▁a", "</s>"]
    assert encoded["input_ids"] == [5, 3, 0]
    assert encoded["offset_mapping"] == [(0, 6), (6, 8), (0, 0)]
    assert tokenizer(">>no<<a")["input_ids"] == [1, 3, 0]
    assert tokenizer(">>no<<a").tokens()[0] == ">>no<<"
    assert tokenizer("a</s>>>de<<")["input_ids"] == [3, 0, 5, 0]
    assert 5 not in tokenizer("a >>de<<")["input_ids"]
    pair = tokenizer(">>de<< a", ">>de<<")
    assert pair["input_ids"] == [5, 3, 5, 0]
    words = tokenizer([">>de<<", "a"], is_split_into_words=True)
    assert words["input_ids"] == [5, 3, 0]


def test_targets_have_a_model_of_their_own(tokenizer):
    both = tokenizer("t a", text_target="t a")
    assert both["input_ids"] == [6, 1, 3, 0]
    assert both["labels"] == [7, 6, 1, 0]
    assert tokenizer.decode([7, 3, 2]) == "t ab"


def test_targets_have_a_vocabulary_of_their_own(separate):
    both = separate("t", text_target="tb")
    assert both["input_ids"] == [6, 1, 0]
    assert both["labels"] == [1, 2, 3]
    assert separate.decode([1, 2, 3], skip_special_tokens=True) == "tb"
    assert separate.decode([3, 2, 0], use_source_tokenizer=True) == "ab</s>"
    assert separate.batch_decode([[3, 2]], use_source_tokenizer=True) == ["ab"]
    assert separate.eos_token_id == 0
    with separate.as_target_tokenizer():
        assert separate.eos_token_id == 3
        assert separate.suffix_tokens == [3]
    separate.add_tokens(["new"])
    both = separate("new", text_target="new")
    assert (both["input_ids"], both["labels"]) == ([9, 0], [6, 3])


def test_copies(tokenizer):
    tokenizer.add_tokens(["new"])
    text = ">>de<< a new rare"
    for again in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert again(text, text_target="t") == tokenizer(text, text_target="t")
        again.add_tokens(["newer"])
        assert again("newer")["input_ids"] == [10, 0]
        assert "newer" not in tokenizer.get_vocab()


def test_files(tokenizer, tmp_path):
    names = {path.rsplit("/", 1)[-1] for path in tokenizer.save_pretrained(tmp_path)}
    assert {"vocab.json", "source.spm", "target.spm"} < names
    assert "tokenizer.json" not in names
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["tokenizer_class"] == (
        "Reading"
    )
    assert (tmp_path / "source.spm").read_bytes() == b"model"
    assert read_vocabulary(tmp_path / "vocab.json") == VOCABULARY
    assert tokenizer.save_vocabulary(tmp_path, "x")[0] == str(tmp_path / "x-vocab.json")


def test_an_id_twice_is_warned_of_and_a_piece_twice_refused(tmp_path, caplog):
    path = tmp_path / "vocab.json"
    path.write_text('{"<unk>": 0, "a": 1, "b": 2, "c": 1}', encoding="utf-8")
    assert read_vocabulary(path)["c"] == 1
    assert "gives 1 pieces an id that a later one has, too" in caplog.text
    assert "'a'" in caplog.text
    path.write_text('{"<unk>": 0, "a": 1, "a": 2}', encoding="utf-8")
    with pytest.raises(CheckpointFormatError, match="'a'"):
        read_vocabulary(path)


@pytest.mark.parametrize("value", [-1, "1", True, None, 1.5])
def test_a_vocabulary_of_no_ids_is_refused(tmp_path, value):
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": value}))
    with pytest.raises(CheckpointFormatError, match=r"the id of 'b' must be an integer"):
        read_vocabulary(tmp_path / "vocab.json")


def test_what_cannot_be(tokenizer):
    with pytest.raises(TokenizationError, match="has no '<unk>'"):
        vocabulary_backend({"a": 0}, "<unk>")
    with pytest.raises(TokenizationError, match="does not train"):
        tokenizer.train_new_from_iterator(["a"], 10)
