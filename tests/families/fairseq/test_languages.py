"""Tokenizers of many languages: which code stands around what, in calls, modes and threads."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from typing import ClassVar

import pytest

from automodel_core.errors import CheckpointNotFoundError, TokenizationError
from automodel_core.families.fairseq.vocabulary import FairseqTokenizer, fairseq_order
from automodel_core.text.subwords.sentencepiece import Piece, PieceType, SentencePieceModel

PIECES = [
    ("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0),
    ("▁a", -1.0), ("▁b", -1.5), ("▁", -2.0),
    ("aa", 0.0), ("bb", 0.0), ("cc", 0.0), ("<mask>", 0.0),
]  # fmt: skip
A, B, SPACE, AA, BB, CC = range(4, 10)
EOS = 2


class Translating(FairseqTokenizer):
    """The code of the language before a text, its end after it."""

    default_languages = ("aa", "bb")
    language_codes: ClassVar[tuple[str, ...]] = ("aa", "bb", "cc")

    def _prefix_and_suffix_of(self, language: str) -> tuple[list[str], list[str]]:
        return [language], [str(self.eos_token)]


@pytest.fixture
def tokenizer() -> Translating:
    return Translating(PIECES, tgt_lang="bb")


def test_each_side_has_its_language(tokenizer):
    both = tokenizer("a b", text_target="b")
    assert both["input_ids"] == [AA, A, B, EOS]
    assert both["labels"] == [BB, B, EOS]
    assert tokenizer("a", "b")["input_ids"] == [AA, A, B, EOS]
    assert tokenizer(text_target="a")["input_ids"] == [BB, A, EOS]
    assert tokenizer("a", add_special_tokens=False)["input_ids"] == [A]
    assert tokenizer("a").tokens() == ["aa", "▁a", "</s>"]


def test_languages_of_a_tokenizer(tokenizer):
    assert (tokenizer.src_lang, tokenizer.tgt_lang) == ("aa", "bb")
    tokenizer.src_lang = "cc"
    assert tokenizer("a", text_target="b")["input_ids"] == [CC, A, EOS]
    assert json.loads(tokenizer._backend.to_json())["post_processor"]["single"][0] == {
        "SpecialToken": {"id": "cc", "type_id": 0}
    }
    tokenizer.tgt_lang = None
    assert tokenizer(text_target="b")["input_ids"] == [CC, B, EOS]
    assert tokenizer.lang_code_to_id == {"aa": AA, "bb": BB, "cc": CC}
    assert tokenizer.id_to_lang_code[BB] == "bb"
    assert tokenizer.additional_special_tokens == ["aa", "bb", "cc"]


def test_languages_of_one_call(tokenizer):
    both = tokenizer("a", text_target="b", src_lang="cc", tgt_lang="aa")
    assert (both["input_ids"], both["labels"]) == ([CC, A, EOS], [AA, B, EOS])
    assert tokenizer("a", src_lang="bb")["input_ids"] == [BB, A, EOS]
    assert tokenizer.encode("a", src_lang="bb") == [BB, A, EOS]
    assert (tokenizer.src_lang, tokenizer.tgt_lang) == ("aa", "bb")
    assert tokenizer("a")["input_ids"] == [AA, A, EOS]


@pytest.mark.parametrize("wrong", ["dd", "a", "</S>", ""])
def test_unknown_languages_are_named(tokenizer, wrong):
    for attempt in (
        lambda: tokenizer("a", src_lang=wrong),
        lambda: tokenizer("a", tgt_lang=wrong),
        lambda: setattr(tokenizer, "src_lang", wrong),
        lambda: setattr(tokenizer, "tgt_lang", wrong),
        lambda: tokenizer.set_tgt_lang_special_tokens(wrong),
        lambda: Translating(PIECES, src_lang=wrong),
    ):
        with pytest.raises(
            TokenizationError, match=r"is not a language of this Translating; .* aa"
        ):
            attempt()
    assert tokenizer("a")["input_ids"] == [AA, A, EOS]


def test_a_language_that_was_added(tokenizer):
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["new"]}, replace_extra_special_tokens=False
    )
    index = tokenizer.convert_tokens_to_ids("new")
    tokenizer.src_lang = "new"
    assert index == len(PIECES)
    assert tokenizer("a")["input_ids"] == [index, A, EOS]


def test_older_ways_to_encode_targets(tokenizer):
    with tokenizer.as_target_tokenizer():
        assert tokenizer("a")["input_ids"] == [BB, A, EOS]
        assert tokenizer.prefix_tokens == [BB]
        assert tokenizer.cur_lang_code == tokenizer.cur_lang_code_id == BB
        assert tokenizer.build_inputs_with_special_tokens([A], [B]) == [BB, A, B, EOS]
        assert tokenizer.get_special_tokens_mask([A]) == [1, 0, 1]
    assert tokenizer("a")["input_ids"] == [AA, A, EOS]
    tokenizer._switch_to_target_mode()
    assert tokenizer("a")["input_ids"] == [BB, A, EOS]
    tokenizer._switch_to_input_mode()
    assert (tokenizer.prefix_tokens, tokenizer.suffix_tokens) == ([AA], [EOS])
    tokenizer.set_tgt_lang_special_tokens("cc")
    assert tokenizer("a")["input_ids"] == [CC, A, EOS]
    tokenizer.set_src_lang_special_tokens("bb")
    assert tokenizer("a")["input_ids"] == [BB, A, EOS]
    tokenizer.src_lang = "aa"
    assert tokenizer("a")["input_ids"] == [AA, A, EOS]


def test_a_failure_within_leaves_the_target_side(tokenizer):
    with pytest.raises(TokenizationError), tokenizer.as_target_tokenizer():
        tokenizer(3)
    with pytest.raises(TokenizationError):
        tokenizer(text_target=3)
    assert tokenizer("a")["input_ids"] == [AA, A, EOS]


def test_prepare_seq2seq_batch_takes_on_the_languages():
    tokenizer = Translating(PIECES)
    batch = tokenizer.prepare_seq2seq_batch(["a"], tgt_texts=["b", ], max_length=8)  # fmt: skip
    assert (batch["input_ids"], batch["labels"]) == ([[AA, A, EOS]], [[BB, B, EOS]])
    batch = tokenizer.prepare_seq2seq_batch(["a"], "cc", ["b"], "aa", max_length=8)
    assert (batch["input_ids"], batch["labels"]) == ([[CC, A, EOS]], [[AA, B, EOS]])
    assert (tokenizer.src_lang, tokenizer.tgt_lang) == ("cc", "aa")
    batch = tokenizer.prepare_seq2seq_batch(["a b", "a"], max_length=3)
    assert batch["input_ids"] == [[CC, A, EOS], [CC, A, EOS]]


def test_inputs_of_a_translation(tokenizer):
    inputs = tokenizer._build_translation_inputs(["a"], src_lang="bb", tgt_lang="cc")
    assert inputs["forced_bos_token_id"] == CC
    assert inputs["input_ids"] == [[BB, A, EOS]]
    assert tokenizer.src_lang == "aa"
    with pytest.raises(TokenizationError, match="needs a src_lang and a tgt_lang"):
        tokenizer._build_translation_inputs("a", tgt_lang="cc")


def test_lengths_count_the_codes(tokenizer):
    assert tokenizer.num_special_tokens_to_add() == tokenizer.num_special_tokens_to_add(True) == 2
    cut = tokenizer("a b a b", text_target="b b b b", truncation=True, max_length=4)
    assert cut["input_ids"] == [AA, A, B, EOS]
    assert cut["labels"] == [BB, B, B, EOS]
    with pytest.raises(TokenizationError, match="no room for the 2 special tokens"):
        tokenizer("a", truncation=True, max_length=1)


def test_threads_have_sides_and_languages_of_their_own(tokenizer):
    wrong: list[object] = []
    ready = threading.Barrier(4)

    def work(call, expected: list[int]) -> None:
        ready.wait()
        for _ in range(200):
            ids = call()
            if ids != expected:
                wrong.append(ids)

    def as_target() -> list[int]:
        with tokenizer.as_target_tokenizer():
            return tokenizer("a")["input_ids"]

    calls = [
        (lambda: tokenizer("a")["input_ids"], [AA, A, EOS]),
        (lambda: tokenizer("a", text_target="b")["labels"], [BB, B, EOS]),
        (lambda: tokenizer("a", src_lang="cc")["input_ids"], [CC, A, EOS]),
        (as_target, [BB, A, EOS]),
    ]
    threads = [threading.Thread(target=work, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_tasks_have_sides_of_their_own(tokenizer):
    async def target() -> list[int]:
        with tokenizer.as_target_tokenizer():
            await asyncio.sleep(0.01)
            return tokenizer("a")["input_ids"]

    async def source() -> list[int]:
        await asyncio.sleep(0.005)
        return tokenizer("a")["input_ids"]

    async def both() -> list[list[int]]:
        return await asyncio.gather(target(), source())

    assert asyncio.run(both()) == [[BB, A, EOS], [AA, A, EOS]]


def test_copies_and_files(tokenizer, tmp_path):
    tokenizer.src_lang = "cc"
    tokenizer.save_pretrained(tmp_path)
    for again in (
        copy.deepcopy(tokenizer),
        pickle.loads(pickle.dumps(tokenizer)),
        Translating.from_pretrained(tmp_path),
    ):
        assert (again.src_lang, again.tgt_lang) == ("cc", "bb")
        assert again("a", text_target="b") == tokenizer("a", text_target="b")
        with again.as_target_tokenizer():
            assert tokenizer("a")["input_ids"] == [CC, A, EOS]
    assert Translating.from_pretrained(tmp_path, src_lang="bb", tgt_lang="aa").tgt_lang == "aa"
    with pytest.raises(CheckpointNotFoundError, match=r"was not made from a sentencepiece\.bpe"):
        tokenizer.save_vocabulary(tmp_path)


def test_fairseq_puts_four_tokens_first():
    kinds = [PieceType.UNKNOWN, PieceType.CONTROL, PieceType.CONTROL, PieceType.NORMAL]
    texts = ["<unk>", "<s>", "</s>", ","]
    model = SentencePieceModel(
        tuple(Piece(t, 0.0, k) for t, k in zip(texts, kinds, strict=True)), charsmap=b"x"
    )
    ordered = fairseq_order(model)
    assert [piece.text for piece in ordered.pieces] == ["<s>", "<pad>", "</s>", "<unk>", ","]
    assert (ordered.unk_id, ordered.charsmap) == (3, b"x")


def test_no_vocabulary_and_one_by_id():
    smallest = Translating()
    assert smallest.convert_tokens_to_ids(["<s>", "<unk>", "▁", "aa", "<mask>"]) == [0, 3, 4, 5, 8]
    assert smallest("x")["input_ids"] == [5, 4, 3, 2]
    more = Translating(PIECES, additional_special_tokens=["bb", "<x>"], mask_token="<mask>")
    assert more.additional_special_tokens == ["aa", "bb", "cc", "<x>"]
    assert more("a  <mask>")["input_ids"] == [AA, A, 10, EOS]
    again = Translating(PIECES, extra_special_tokens=["<x>", "aa"])
    assert again.get_vocab() == more.get_vocab()


def test_cuts_drawn_by_chance_are_refused():
    assert Translating(PIECES, sp_model_kwargs={"enable_sampling": False})("a")["input_ids"]
    with pytest.raises(TokenizationError, match="drawn by chance"):
        Translating(PIECES, sp_model_kwargs={"enable_sampling": True, "alpha": 0.1})
