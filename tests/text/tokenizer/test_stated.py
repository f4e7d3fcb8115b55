"""Settings of files have the types that the tokenizer's class takes, or are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from tokenizers import AddedToken

from automodel_core.errors import CheckpointFormatError
from automodel_core.fields import Range
from automodel_core.text import PreTrainedTokenizer
from automodel_core.text.tokenizer.stated import stated_in

if TYPE_CHECKING:
    from collections.abc import Sequence


class Base(PreTrainedTokenizer):
    def __init__(self, do_lower_case: bool = True, **settings: Any) -> None: ...


class Own(Base):
    def __init__(
        self,
        count: Annotated[int, Range(0, 9)] = 1,
        accents: bool | None = None,
        words: Sequence[str] | None = None,
        pipeline: PreTrainedTokenizer | str | None = None,
        **settings: Any,
    ) -> None: ...


def stated(folder: Path, **settings: Any) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(settings))
    return stated_in(path, Own)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("do_lower_case", "yes", "bool"),
        ("do_lower_case", 1, "bool"),
        ("accents", "no", "bool or None"),
        ("count", 10, "int >= 0 and <= 9"),
        ("padding_side", "up", "one of 'left', 'right'"),
        ("model_max_length", "x", "float"),
        ("clean_up_tokenization_spaces", "x", "bool"),
        ("pad_token", 3, "str or AddedToken"),
        ("pad_token", "\ud800", "text without lone surrogates"),
        ("additional_special_tokens", "x", "list of str or AddedToken or dict"),
        ("additional_special_tokens", [1], "list of str or AddedToken or dict"),
    ],
)
def test_wrong_types_are_named(key: str, value: object, expected: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointFormatError, match=rf"{key}=.*expected {expected}") as caught:
        stated(tmp_path, **{key: value})
    assert str(tmp_path / "tokenizer_config.json") in str(caught.value)


@pytest.mark.parametrize(
    "entry", [{"special": True}, {"content": 1}, {"content": "x", "lstrip": 2}]
)
def test_tokens_are_named(entry: object, tmp_path: Path) -> None:
    with pytest.raises(CheckpointFormatError, match=r"tokenizer_config\.json', unk_token: "):
        stated(tmp_path, unk_token=entry)
    with pytest.raises(CheckpointFormatError, match="added_tokens_decoder has the id 1 twice"):
        stated(tmp_path, added_tokens_decoder={"1": "a", "01": "b"})


def test_good_settings_are_taken(tmp_path: Path) -> None:
    given = {"count": 3, "accents": None, "pipeline": 5, "words": [], "own": {"x": 1}}
    assert stated(tmp_path, do_lower_case=None, **given) == given
    found = stated(tmp_path, pad_token={"content": "x"}, extra_special_tokens={"image": "<i>"})
    assert isinstance(found["pad_token"], AddedToken)
    assert found["extra_special_tokens"] == {"image": "<i>"}
