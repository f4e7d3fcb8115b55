"""The parts of a tokenizer and the protocols between them."""

from __future__ import annotations

import pytest

from automodel_core.text import PreTrainedTokenizer, protocol


@pytest.mark.parametrize("name", protocol.__all__)
def test_every_member_of_a_protocol_is_provided_by_a_part(name: str) -> None:
    stated = getattr(protocol, name)
    members = [m for m in vars(stated) if callable(vars(stated)[m]) or not m.startswith("_")]
    for member in {*members} - {"__init__", "__subclasshook__"}:
        provider = next(cls for cls in PreTrainedTokenizer.__mro__ if member in vars(cls))
        assert provider.__module__ != protocol.__name__, member


def test_no_part_derives_from_another_one() -> None:
    parts = PreTrainedTokenizer.__bases__
    assert len(parts) == 6
    for part in parts:
        assert not set(part.__mro__[1:]) & set(parts)
