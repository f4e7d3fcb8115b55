"""A tokenizer copied, shared between threads and processes, and imported."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading

import pytest
from tokenizers import Tokenizer

from automodel_core.errors import TokenizationError
from automodel_core.text import BatchEncoding, PreTrainedTokenizer


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


def test_a_pickle_is_the_same_after_calls(tokenizer):
    """Caches of data find by it what a tokenizer has made."""
    tokenizer.model_max_length = 2
    before = pickle.dumps(tokenizer)
    tokenizer(["a b c", "d"], padding=True)  # warns of the length, once
    tokenizer(["a b c", "d"], truncation=True, max_length=3, padding="max_length")
    tokenizer("a b", split_special_tokens=True)
    assert pickle.dumps(tokenizer) == before
    assert pickle.loads(before)("a b c", truncation=False).input_ids == tokenizer("a b c").input_ids


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


def test_a_setting_may_not_replace_a_method(pipeline):
    with pytest.raises(TokenizationError, match="has a method get_vocab"):
        PreTrainedTokenizer(tokenizer_object=Tokenizer.from_str(pipeline), get_vocab=True)
