"""JSON files: read with limits, written whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from automodel_core.checkpoint.places.json_files import parse_json, read_json, write_json
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, SerializationError


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1', "line 1, column 8"),
        (b"", "line 1, column 1"),
        (b"[1, 2]", "holds list"),
        (b'"text"', "holds str"),
        (b"\xff\xfe{}", "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not a valid JSON file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "git-lfs pointer"),
    ],
)
def test_what_is_not_a_json_object_is_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(data)
    with pytest.raises(CheckpointFormatError, match=reason) as raised:
        read_json(path)
    assert "config.json" in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match="no file"):
        read_json(tmp_path / "gone.json")
    with pytest.raises(CheckpointFormatError, match="folder"):
        read_json(tmp_path)
    (tmp_path / "big.json").write_text('{"a": 1}')
    with pytest.raises(CheckpointFormatError, match="8 bytes"):
        read_json(tmp_path / "big.json", max_bytes=4)
    if os.path.exists("/dev/zero"):
        with pytest.raises(CheckpointFormatError, match="regular file"):
            read_json("/dev/zero")


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "x.json") == {"a": 1}


def test_keys_may_have_to_be_unique() -> None:
    assert parse_json(b'{"a": 1, "a": 2}', "x") == {"a": 2}
    with pytest.raises(CheckpointFormatError, match="'a' occurs twice"):
        parse_json(b'{"b": {"a": 1, "a": 2}}', "x", unique_keys=True)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    values = {"b": "é\u4e2d", "a": [1, 2.5, None, True], "lone": "\ud800"}
    write_json(tmp_path / "x.json", values)
    assert read_json(tmp_path / "x.json") == values
    write_json(tmp_path / "x.json", {"b": "é", "a": 1})
    text = (tmp_path / "x.json").read_text("utf-8")
    assert text == '{\n  "a": 1,\n  "b": "é"\n}\n'


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(SerializationError, match="key 'a' holds <object"):
        write_json(tmp_path / "x.json", {"a": object()})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_new_file_has_usual_permissions(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {})
    (tmp_path / "y").touch()
    assert (tmp_path / "x.json").stat().st_mode == (tmp_path / "y").stat().st_mode
