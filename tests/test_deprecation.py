"""What was renamed works on, and says the new name; nothing outlives the version it goes in."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import pytest

import automodel_core
from automodel_core.configuration import PreTrainedConfig
from automodel_core.deprecation import Renamed, renamed_arguments
from automodel_core.errors import InputError
from automodel_core.exports import lazy_exports

CORE = Path(automodel_core.__file__).parent
WIDER = Renamed("width", since="0.2", removed_in="1.0")


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_a_name_of_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("renaming")
    monkeypatch.setitem(sys.modules, "renaming", package)
    renamed = {"old_join": Renamed("join", since="0.2", removed_in="1.0")}
    names, get, _ = lazy_exports("renaming", {"x": []}, renamed=renamed)
    package.join = "|".join  # type: ignore[attr-defined]
    told = "renaming.old_join is called 'join' since version 0.2; the old name goes in 1.0"
    with pytest.warns(FutureWarning, match=told) as caught:
        assert get("old_join")("ab") == "a|b"
    assert caught[0].filename == __file__
    assert "old_join" not in names


@renamed_arguments(size=WIDER)
def box(width: int = 1, height: int = 1) -> tuple[int, int]:
    """Return both."""
    return width, height


def test_an_argument() -> None:
    assert box(2, height=3) == (2, 3)
    with pytest.warns(FutureWarning, match="box: the argument 'size' is called 'width'"):
        assert box(size=5) == (5, 1)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="size= is the old name of width="):
        box(size=5, width=5)  # type: ignore[call-arg]
    assert box.__doc__ == "Return both."


class RenamedConfig(PreTrainedConfig):
    model_type = "renamed-keys"
    renamed_keys: ClassVar = {"size": WIDER}
    width: int = 1


def test_a_key_of_a_configuration(recwarn: pytest.WarningsRecorder) -> None:
    config = RenamedConfig.from_dict({"size": 4})
    assert config.width == 4
    assert "size" not in config.to_dict()
    assert not recwarn.list  # files of any age are read
    with pytest.warns(FutureWarning, match="RenamedConfig: the key 'size' is called 'width'"):
        assert RenamedConfig(size=5).width == 5
    with pytest.warns(FutureWarning, match="'width'"):
        config.size = 6
    with pytest.warns(FutureWarning, match="'width'"):
        assert config.size == 6


STATED = re.compile(r'Renamed\([^)]*since="([\d.]+)",\s*removed_in="([\d.]+)"')


@pytest.mark.parametrize("now", [automodel_core.__version__])
def test_nothing_outlives_its_time(now: str) -> None:
    late: list[Any] = []
    for module in CORE.rglob("*.py"):
        for since, removed_in in STATED.findall(module.read_text(encoding="utf-8")):
            major = version(since)[0] if version(since)[0] else version(since)[:2]
            promised = version(removed_in)[0] if version(since)[0] else version(removed_in)[:2]
            if version(removed_in) <= version(now) or promised <= major:  # type: ignore[operator]
                late.append((module.name, since, removed_in))
    assert not late
