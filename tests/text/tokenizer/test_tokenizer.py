"""Calling a tokenizer: lengths, pairs, targets, tensors, and what bad input gets."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings, strategies as st
from tokenizers import AddedToken, Tokenizer

from automodel_core.errors import TokenizationError
from automodel_core.text import BatchEncoding, PaddingStrategy, PreTrainedTokenizer


def test_a_text_a_batch_and_a_pair(tokenizer):
    one = tokenizer("Hello, world!")
    assert list(one) == ["input_ids", "token_type_ids", "attention_mask"]
    assert one.tokens()[0] == "[CLS]"
    assert one.tokens()[-1] == "[SEP]"
    batch = tokenizer(["Hello, world!", "a"])
    assert batch["input_ids"][0] == one["input_ids"]
    pair = tokenizer("a", "b")
    assert pair["token_type_ids"] == [0, 0, 0, 1, 1]
    assert tokenizer([("a", "b")])["input_ids"] == [pair["input_ids"]]
    assert tokenizer([])["input_ids"] == []


def test_padding(tokenizer):
    rows = ["a", "a b c"]
    longest = tokenizer(rows, padding=True)
    assert [len(row) for row in longest["input_ids"]] == [5, 5]
    assert longest["attention_mask"][0] == [1, 1, 1, 0, 0]
    left = tokenizer(rows, padding="longest", padding_side="left")
    assert left["attention_mask"][0] == [0, 0, 1, 1, 1]
    fixed = tokenizer(rows, padding=PaddingStrategy.MAX_LENGTH, max_length=8)
    assert [len(row) for row in fixed["input_ids"]] == [8, 8]
    multiple = tokenizer(rows, padding=True, pad_to_multiple_of=4)
    assert [len(row) for row in multiple["input_ids"]] == [8, 8]
    with pytest.warns(UserWarning, match="max_length has no effect"):
        tokenizer(rows, padding=True, max_length=3)


def test_truncation_and_overflow(tokenizer):
    text = "a b c d e f"
    assert len(tokenizer(text, truncation=True, max_length=5)["input_ids"]) == 5
    assert (
        tokenizer(text, max_length=5)["input_ids"]
        == tokenizer(text, truncation="longest_first", max_length=5)["input_ids"]
    )
    rows = tokenizer(
        [text, "a"], truncation=True, max_length=5, stride=1, return_overflowing_tokens=True
    )
    assert rows["overflow_to_sample_mapping"] == [0, 0, 0, 1]
    second = tokenizer("a b", text, truncation="only_second", max_length=7)
    assert second.sequence_ids().count(0) == 2
    # Without a limit of its own, truncation asks the model's.
    assert len(tokenizer(text, truncation=True)["input_ids"]) == 8
    tokenizer.model_max_length = 4
    assert len(tokenizer(text, truncation=True)["input_ids"]) == 4


def test_targets_become_labels(tokenizer):
    both = tokenizer("a b", text_target="c", max_target_length=3, truncation=True)
    assert both["labels"] == tokenizer("c")["input_ids"]
    assert tokenizer(text_target="c") == tokenizer("c")


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        ({"text": None}, "nothing to encode"),
        ({"text": 3}, "got int 3"),
        ({"text": ["a", None]}, "Input 1 holds NoneType"),
        ({"text": "\ud800"}, "lone surrogate at character 0"),
        ({"text": ["a"], "text_pair": "b"}, "text_pair is one str"),
        ({"text": ["a"], "text_pair": ["b", "c"]}, "text_pair is 2 texts"),
        ({"text": "a", "padding": "most"}, "padding='most' is not known"),
        ({"text": "a", "truncation": "some"}, "truncation='some' is not known"),
        ({"text": "a", "truncation": True, "max_length": 1}, "no room for the 2 special tokens"),
        ({"text": "a b c d", "max_length": 5, "stride": 3, "truncation": True}, "stride=3 must be"),
        ({"text": "a", "max_length": -1}, "max_length must be"),
        ({"text": "a", "padding_side": "top"}, "padding_side must be"),
        ({"text": "a", "padding": True, "pad_to_multiple_of": 0}, "pad_to_multiple_of must be"),
        (
            {
                "text": "a",
                "padding": True,
                "truncation": True,
                "max_length": 9,
                "pad_to_multiple_of": 8,
            },
            "is not a multiple of",
        ),
        ({"text": "a", "return_tensors": "tf"}, "return_tensors='tf' is not known"),
        ({"text": ["a", "b c"], "return_tensors": "pt"}, "Unable to create a tensor"),
    ],
    ids=str,
)
def test_bad_calls_say_what_is_wrong(tokenizer, arguments, phrase):
    if arguments.get("return_tensors") == "pt":
        pytest.importorskip("torch")
    with pytest.raises(TokenizationError, match=phrase):
        tokenizer(**arguments)


def test_unknown_keywords_are_refused_with_a_suggestion(tokenizer):
    with pytest.raises(TypeError, match="did you mean 'return_tensors'"):
        tokenizer("a", return_tensor="pt")


def test_panics_become_errors(tokenizer):
    # The library panics on this pair: the stride fits the call, and not the part of the first text.
    with pytest.raises(TokenizationError):
        tokenizer(
            "a b c d e f g h",
            "a b c d e f g h",
            truncation="longest_first",
            max_length=9,
            stride=5,
        )
    assert tokenizer("a")["input_ids"]


def test_padding_needs_a_token(pipeline):
    tokenizer = PreTrainedTokenizer(tokenizer_object=Tokenizer.from_str(pipeline))
    with pytest.raises(TokenizationError, match="does not have a padding token"):
        tokenizer("a", padding=True)


def test_tensors(tokenizer):
    torch = pytest.importorskip("torch")
    rows = tokenizer(["a", "b c"], padding=True, return_tensors="pt")
    assert rows["input_ids"].dtype == torch.int64
    assert rows.to("cpu").input_ids.shape == (2, 4)
    assert tokenizer("", add_special_tokens=False, return_tensors="pt")["input_ids"].shape == (1, 0)
    assert tokenizer.decode(rows["input_ids"][0]) == "[CLS] a [SEP] [PAD]"
    padded = tokenizer.pad({"input_ids": [torch.tensor([1, 2]), torch.tensor([3])]})
    assert padded["input_ids"].tolist() == [[1, 2], [3, 0]]


def test_numpy(tokenizer):
    numpy = pytest.importorskip("numpy")
    rows = tokenizer(["a", "b"], return_tensors="np")
    assert isinstance(rows["input_ids"], numpy.ndarray)
    assert tokenizer.batch_decode(rows["input_ids"], skip_special_tokens=True) == ["a", "b"]


def test_pad(tokenizer):
    rows = [tokenizer("a"), tokenizer("a b c")]
    assert tokenizer.pad(rows)["attention_mask"] == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    left = tokenizer.pad({"input_ids": [[5], [6, 7]]}, padding_side="left", pad_to_multiple_of=4)
    assert left["input_ids"] == [[0, 0, 0, 5], [0, 0, 6, 7]]
    assert tokenizer.pad({"input_ids": [5]}, padding="max_length", max_length=3)["input_ids"] == [
        5,
        0,
        0,
    ]
    with pytest.raises(TokenizationError, match="needs 'input_ids'"):
        tokenizer.pad({"labels": [1]})
    with pytest.raises(TokenizationError, match="'labels' has not one entry"):
        tokenizer.pad({"input_ids": [[1], [2]], "labels": [1]})


def test_decoding(tokenizer):
    ids = tokenizer("Hello , world !")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
    assert tokenizer.decode([ids, ids]) == [tokenizer.decode(ids)] * 2
    assert tokenizer.decode(2) == "[CLS]"
    assert tokenizer.decode({"input_ids": [2]}) == "[CLS]"
    assert tokenizer.clean_up_tokenization("it 's here .") == "it's here."
    with pytest.raises(TokenizationError, match="-100 marks positions"):
        tokenizer.decode([2, -100])
    with pytest.raises(TokenizationError, match=r"Cannot decode 1\.5"):
        tokenizer.decode([1.5])


def test_special_tokens(tokenizer):
    assert tokenizer.pad_token_id == 0
    assert tokenizer.all_special_ids == [1, 3, 0, 2, 4]
    assert tokenizer.eos_token is None
    tokenizer.eos_token = "[SEP]"
    assert tokenizer.eos_token_id == 3
    tokenizer.eos_token_id = 2
    assert tokenizer.eos_token == "[CLS]"
    assert (
        tokenizer.add_special_tokens({"bos_token": "<s>", "additional_special_tokens": ["<x>"]})
        == 2
    )
    assert tokenizer.additional_special_tokens == tokenizer.extra_special_tokens == ["<x>"]
    assert tokenizer.convert_ids_to_tokens(tokenizer.additional_special_tokens_ids) == ["<x>"]
    assert tokenizer("<s>", add_special_tokens=False)["input_ids"] == [tokenizer.bos_token_id]
    assert tokenizer.decode([tokenizer.bos_token_id], skip_special_tokens=True) == ""
    with pytest.raises(TokenizationError, match="must be a str"):
        tokenizer.pad_token = 3
    with pytest.raises(TokenizationError, match="not the name of a special token"):
        tokenizer.add_special_tokens({"pad": "x"})
    with pytest.raises(AttributeError, match="no attribute 'image_token'"):
        _ = tokenizer.image_token


def test_a_models_own_token_is_an_attribute(pipeline):
    tokenizer = PreTrainedTokenizer(
        tokenizer_object=Tokenizer.from_str(pipeline), image_token="<image>"
    )
    assert tokenizer.image_token == "<image>"
    assert tokenizer.image_token_id == len(tokenizer) - 1
    tokenizer.image_token = "[MASK]"
    assert tokenizer.image_token_id == 4


def test_added_tokens(tokenizer):
    size = tokenizer.vocab_size
    assert tokenizer.add_tokens(["newone", AddedToken("newtwo", single_word=True)]) == 2
    assert (tokenizer.vocab_size, len(tokenizer)) == (size, size + 2)
    assert tokenizer.get_added_vocab()["newone"] == size
    assert tokenizer.convert_ids_to_tokens(size + 1) == "newtwo"
    assert tokenizer.convert_tokens_to_ids(["newone", "never seen"]) == [size, 1]
    with pytest.raises(TokenizationError, match="at least 0, got -1"):
        tokenizer.convert_ids_to_tokens(-1)


def test_special_tokens_around_ids(tokenizer):
    assert tokenizer.build_inputs_with_special_tokens([7], [8]) == [2, 7, 3, 8, 3]
    assert tokenizer.create_token_type_ids_from_sequences([7], [8]) == [0, 0, 0, 1, 1]
    assert tokenizer.get_special_tokens_mask([7], [8]) == [1, 0, 1, 0, 1]
    assert tokenizer.get_special_tokens_mask([2, 7, 3], already_has_special_tokens=True) == [
        1,
        0,
        1,
    ]
    assert tokenizer.num_special_tokens_to_add(pair=True) == 3


def test_older_calls(tokenizer):
    assert tokenizer.encode_plus("a", "b") == tokenizer("a", "b")
    assert tokenizer.batch_encode_plus(["a", "b"]) == tokenizer(["a", "b"])
    batch = tokenizer.prepare_seq2seq_batch(["a b"], ["c"], max_length=8, return_tensors=None)
    assert batch["labels"] == tokenizer(["c"])["input_ids"]
    with tokenizer.as_target_tokenizer():
        assert tokenizer("a") == tokenizer("a")
    prepared = tokenizer.prepare_for_model([7, 8, 9], [10], truncation=True, max_length=6)
    assert prepared["input_ids"] == [2, 7, 8, 3, 10, 3]
    assert tokenizer.truncate_sequences([1, 2, 3], None, 1, stride=1) == ([1, 2], None, [2, 3])
    with pytest.raises(TokenizationError, match="too short or absent"):
        tokenizer.truncate_sequences([1], None, 1, "only_second")


def test_copies_and_pickles_are_equal_and_independent(tokenizer, nasty):
    for twin in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert twin(nasty) == tokenizer(nasty)
        assert twin.special_tokens_map == tokenizer.special_tokens_map
        twin.add_tokens(["onlyhere"])
        assert len(twin) == len(tokenizer) + 1
    encoding = pickle.loads(pickle.dumps(tokenizer(["a b"])))
    assert isinstance(encoding, BatchEncoding)
    assert encoding.tokens() == ["[CLS]", "a", "b", "[SEP]"]
    assert copy.deepcopy(encoding).word_ids() == [None, 0, 1, None]


def test_threads_with_different_lengths_do_not_disturb_each_other(tokenizer):
    text = "a b c d e f g h"
    wrong: list[object] = []

    def work(length: int) -> None:
        for _ in range(60):
            side = "left" if length % 2 else "right"
            row = tokenizer(
                [text, "a"],
                truncation=True,
                max_length=length,
                padding="max_length",
                padding_side=side,
            )
            if {len(ids) for ids in row["input_ids"]} != {length}:
                wrong.append((length, row["input_ids"]))
            if len(tokenizer(text)["input_ids"]) != 10:
                wrong.append("truncated by another thread")

    threads = [threading.Thread(target=work, args=(length,)) for length in range(3, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_encodes(pipeline, tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text(pipeline, encoding="utf-8")
    code = (
        "import os, sys\n"
        "from automodel_core.text import PreTrainedTokenizer\n"
        f"t = PreTrainedTokenizer(tokenizer_file={str(file)!r})\n"
        "t._backend._gate.acquire()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    t('a b', max_length=3); os._exit(0)\n"
        "sys.exit(os.waitpid(pid, 0)[1])\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_nothing_heavy_is_imported(pipeline, tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text(pipeline, encoding="utf-8")
    code = (
        "import sys\n"
        "from automodel_core.text import PreTrainedTokenizer\n"
        f"t = PreTrainedTokenizer(tokenizer_file={str(file)!r}, pad_token='[PAD]')\n"
        "t.pad([t('a b'), t('a')])\n"
        "bad = {'torch', 'numpy', 'jinja2', 'sentencepiece'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(max_size=40), min_size=1, max_size=4),
    length=st.integers(3, 20),
    side=st.sampled_from(["left", "right"]),
)
def test_rows_have_the_length_that_was_asked_for(pipeline_tokenizer, texts, length, side):
    tokenizer = pipeline_tokenizer
    rows = tokenizer(
        texts,
        padding="max_length",
        truncation=True,
        max_length=length,
        padding_side=side,
        return_offsets_mapping=True,
    )
    for row, text in enumerate(texts):
        ids, mask = rows["input_ids"][row], rows["attention_mask"][row]
        assert len(ids) == len(mask) == length
        assert sum(mask) == length - ids.count(0)
        for start, end in rows["offset_mapping"][row]:
            assert 0 <= start <= end <= len(text)
    again = tokenizer.pad(tokenizer(texts), padding="longest")
    assert again["input_ids"] == tokenizer(texts, padding=True)["input_ids"]


@pytest.fixture(scope="module")
def pipeline_tokenizer(pipeline):
    return PreTrainedTokenizer(tokenizer_object=Tokenizer.from_str(pipeline), pad_token="[PAD]")
