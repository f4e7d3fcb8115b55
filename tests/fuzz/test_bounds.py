"""Files that ask for much are refused within a second of computing and 100 MB, as `worker` limits.

A second by the clock of the process, so that a busy machine is no fault.
"""

from __future__ import annotations

import json
import re
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


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def table(block: bytes) -> Callable[[bytes], bytes]:
    """Return what writes an index of TensorFlow with this block of entries."""
    from automodel_tensorflow.checksums import checksum

    def sealed(block: bytes) -> bytes:
        whole = block + struct.pack("<II", 0, 1) + b"\0"
        return whole + struct.pack("<I", checksum(whole))

    def write(_: bytes) -> bytes:
        data = sealed(block)
        value = varint(0) + varint(len(data) - 5)
        index = sealed(bytes([0, 1, len(value)]) + b"z" + value)
        footer = b"\0\0" + varint(len(data)) + varint(len(index) - 5)
        return data + index + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")

    return write


def lying_h5(content: bytes) -> bytes:
    """Let every array of an HDF5 file have 2**40 bytes."""
    return re.sub(
        rb"(\x03\x01.{8}).{8}", rb"\1" + struct.pack("<Q", 2**40), content, flags=re.DOTALL
    )


def circular_h5(content: bytes) -> bytes:
    """Let every group of an HDF5 file have the members of the first one."""
    first, *others = (found.start() for found in re.finditer(b"TREE", content))
    for place in others:
        content = content.replace(struct.pack("<Q", place), struct.pack("<Q", first))
    return content


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
    "arrays of HDF5": ("keras/tf_model.h5", lying_h5),
    "circles of HDF5": ("keras/tf_model.h5", circular_h5),
    "an array of MessagePack": (
        "flax/flax_model.msgpack", lambda c: b"\x81\xa1a\xc9" + b"\xff" * 4 + b"\1" + c
    ),
    "nested MessagePack": ("flax/flax_model.msgpack", lambda c: b"\x81\xa1a" * 10**6 + b"\xc0"),
    "values of MessagePack": (
        "flax/flax_model.msgpack", lambda c: b"\xdf" + b"\xff" * 4 + b"\xa1a\xc0" * 3_000_000
    ),
    "tensors of an index": ("tf_bert/bert_model.ckpt.index", table(b"\0\1\0a" * 3_000_000)),
    "names of an index": (
        "tf_bert/bert_model.ckpt.index",
        table(b"".join(varint(length) + b"\1\0a" for length in range(2**18))),
    ),
    "shape in an index": (
        "tf_bert/bert_model.ckpt.index",
        table(b"\0\0\2\x08\1\0\1\x12a\x08\1\x12\x0c\x12\x0a\x08" + b"\x80" * 5 + b"\x01\x28\0"),
    ),
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
