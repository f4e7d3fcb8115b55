"""Files that ask for much are refused within a second of computing and 100 MB, as `worker` limits.

A second by the clock of the process, so that a busy machine is no fault.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fuzz.running import report, run_corpus
from fuzz.subjects import build, field


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the bombs are made of."""
    root = tmp_path_factory.mktemp("good") / "files"
    build(root)
    return root


def changed(content: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(content), **changes}).encode()


def nested(content: bytes) -> bytes:
    return changed(content, x="here").replace(b'"here"', b"[" * 200_000 + b"]" * 200_000)


def lists(content: bytes) -> bytes:
    return changed(content, x="x").replace(b'"x"}', b"[" + b"[]," * 3_000_000 + b"1]}")


def lying(content: bytes) -> bytes:
    """Let a SentencePiece model say that its table of characters has 4 GB."""
    return content + field(3, field(2, struct.pack("<I", 2**32 - 4) + b"trie"))


def normalizer(*steps: tuple[str, str]) -> Callable[[bytes], bytes]:
    """Return a change that lets ``tokenizer.json`` replace texts by others, step by step."""
    replace = [{"type": "Replace", "pattern": {"String": a}, "content": b} for a, b in steps]
    return lambda content: changed(content, normalizer={"type": "Sequence", "normalizers": replace})


def config(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda content: changed(content, **changes)


HUGE_ID = b'"hous":4000000000'
DOUBLING = (
    b"{% set n = namespace(x='xx') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
)
BOMBS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "layers": ("bert/config.json", config(num_hidden_layers=10**9)),
    "layers of T5": ("t5/config.json", config(num_layers=10**9)),
    "wide": ("t5/config.json", config(d_model=2**64 + 1)),
    "wide layers": ("bert/config.json", config(hidden_size=2**40, intermediate_size=2**40)),
    "sines": ("marian/config.json", config(max_position_embeddings=10**8)),
    "labels": ("bert/config.json", config(num_labels=10**9)),
    "heads": ("bert/config.json", config(num_attention_heads=10**9)),
    "vocabulary": ("gpt2/config.json", config(vocab_size=2**62)),
    "patches": ("vit/config.json", config(image_size=10**9)),
    "nested configuration": ("bert/config.json", nested),
    "nested tokenizer": ("fast/tokenizer.json", nested),
    "nested settings": ("fast/tokenizer_config.json", nested),
    "nested index": ("gpt2/model.safetensors.index.json", nested),
    "digits": ("bert/config.json", lambda c: c.replace(b": 2,", b": 2" + b"0" * 10**6 + b",")),
    "long file": ("bert/config.json", lambda c: c + b" " * 20_000_000),
    "many lists": ("bert/config.json", lists),
    "ids": ("marian/vocab.json", lambda c: changed(c, the=4 * 10**9)),
    "ids of a tokenizer": ("fast/tokenizer.json", lambda c: c.replace(b'"hous":7', HUGE_ID)),
    "added ids": ("bert/added_tokens.json", lambda c: changed(c, more=4 * 10**9)),
    "extra ids": ("t5/tokenizer_config.json", config(extra_ids=10**9)),
    "table of characters": ("t5/spiece.model", lying),
    "growth": ("fast/tokenizer.json", normalizer(*[("x", "xx")] * 40)),
    "growth in turns": ("fast/tokenizer.json", normalizer(*[("a", "bb"), ("b", "aa")] * 20)),
    "nothing replaced": ("fast/tokenizer.json", normalizer(("", "x"))),
    "size": ("vit/preprocessor_config.json", config(size={"height": 10**6, "width": 10**6})),
    "edge": ("vit/preprocessor_config.json", config(size={"shortest_edge": 10**6})),
    "header": ("bert/model.safetensors", lambda c: struct.pack("<Q", 10**8) + b"{" * 1000),
    "loops": (
        "gpt2/chat_template.jinja",
        lambda c: b"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    ),
    "doubled text": (
        "gpt2/chat_template.jinja",
        lambda c: DOUBLING,
    ),
    "calls": (
        "gpt2/chat_template.jinja",
        lambda c: b"{% macro f(n) %}{{ f(n + 1) }}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    ),
}  # fmt: skip


def test_bombs(good: Path, tmp_path: Path) -> None:
    for name, (file, bomb) in BOMBS.items():
        (tmp_path / file).mkdir(parents=True, exist_ok=True)
        (tmp_path / file / name).write_bytes(bomb((good / file).read_bytes()))
    faults = run_corpus(tmp_path, refused=True)
    assert not faults, report(len(BOMBS), faults)
