"""One plugin is imported at a time, and what is wrong with it harms nobody else."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import (
    MissingExtraError,
    PluginBrokenError,
    PluginIncompatibleError,
    UnknownModelTypeError,
)
from automodel_core.registry.imports import resolve
from automodel_core.registry.installed.state import PluginState
from automodel_core.registry.manifest_base import PLUGIN_API

HOOK = "from automodel_core import Architecture, hookimpl\n"


def states(registry: Any) -> dict[str, PluginState]:
    return {name: record.state for record in registry.plugins.records() for name in record.names}


def test_only_the_plugin_that_is_asked_for_is_imported(site: Any) -> None:
    first, second = (site.architecture(f"fake-{name}", name) for name in ("first", "second"))
    registry = site.registry()
    assert registry.architectures.model_types() == ("first", "second")
    assert first not in sys.modules
    assert states(registry) == {"first": PluginState.DISCOVERED, "second": PluginState.DISCOVERED}
    assert registry.architectures.get("first").config == f"{first}.classes:Config"
    assert f"{first}.classes" not in sys.modules
    assert second not in sys.modules
    assert states(registry) == {"first": PluginState.LOADED, "second": PluginState.DISCOVERED}


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("import a_module_that_is_absent", "a_module_that_is_absent"),
        ("raise ImportError('no luck')", "ImportError: no luck"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("class Panic(BaseException): pass\nraise Panic('rust')", "Panic: rust"),
        (HOOK + "@hookimpl\ndef automodel_architectures(): raise KeyError('x')", "KeyError"),
        (HOOK + "@hookimpl\ndef automodel_architectures(): return 3", "int 3"),
        (HOOK + "@hookimpl\ndef automodel_architectures(): return 'ab'", "str 'ab'"),
        (HOOK + "@hookimpl\ndef automodel_architectures(): return [{}]", "dict {}"),
        (HOOK + "@hookimpl\ndef automodel_architectures(): yield 1 / 0", "ZeroDivisionError"),
        (HOOK + "@hookimpl\ndef automodel_architectures(extra): return []", "extra"),
        (HOOK + "@hookimpl\ndef automodel_architecture(): return []", "automodel_architecture"),
        (HOOK + "def automodel_architectures(): return []", "not marked"),
        (HOOK + "@hookimpl\ndef automodel_architectures(): return []", "no architecture"),
        (HOOK + "@hookimpl\ndef automodel_architectures(): return None", "no architecture"),
        (
            HOOK + "@hookimpl\ndef automodel_architectures():\n"
            "    return [Architecture(model_type='other', config='a:B', models={})]",
            "'other'",
        ),
        (
            HOOK + "@hookimpl\ndef automodel_architectures():\n"
            "    return [Architecture(model_type='bad', config='a.B', models={})]",
            r"Architecture\.config",
        ),
        (
            HOOK + "@hookimpl\ndef automodel_architectures():\n"
            "    return [Architecture(model_type='bad', config='a:B', models={})] * 2",
            "is declared twice",
        ),
        (
            HOOK + "@hookimpl\ndef automodel_architectures(): return []\n"
            "@hookimpl\ndef automodel_heads(): return []",
            r"automodel\.extensions",
        ),
        (
            "from automodel_core import registry\nregistry.get('bad')",
            "UnknownModelTypeError|PluginNotInstalledError|which no installed plugin provides",
        ),
    ],
)
def test_a_broken_plugin_harms_only_its_own_model_type(site: Any, body: str, cause: str) -> None:
    site.architecture("bad-plugin", "bad", body=body)
    site.architecture("good-plugin", "good")
    registry = site.registry()
    assert registry.architectures.get("good").model_type == "good"
    for _ in range(2):
        with pytest.raises(PluginBrokenError, match=cause) as caught:
            registry.architectures.get("bad")
        assert "bad-plugin 1.0" in str(caught.value)
    assert registry.architectures.get("good").model_type == "good"


def test_the_real_cause_is_chained(site: Any) -> None:
    site.architecture("bad-plugin", "bad", body="raise ImportError('no luck')")
    registry = site.registry()
    with pytest.raises(PluginBrokenError) as caught:
        registry.architectures.get("bad")
    assert isinstance(caught.value.__cause__, ImportError)
    assert str(caught.value.__cause__) == "no luck"
    (record,) = registry.plugins.records()
    assert record.state is PluginState.BROKEN
    assert "no luck" in record.cause
    assert "AUTOMODEL_DISABLED_PLUGINS=bad-plugin" in record.fix


def test_an_interrupt_is_not_swallowed(site: Any) -> None:
    site.architecture("bad-plugin", "bad", body="raise KeyboardInterrupt")
    registry = site.registry()
    with pytest.raises(KeyboardInterrupt):
        registry.architectures.get("bad")
    assert states(registry) == {"bad": PluginState.DISCOVERED}


@pytest.mark.parametrize("built_for", [(1, PLUGIN_API[1] + 1), (2, 0), (0, 9)])
def test_a_plugin_for_another_api_is_refused(site: Any, built_for: tuple[int, int]) -> None:
    site.architecture("new-plugin", "new", arguments=f"plugin_api={built_for},")
    registry = site.registry()
    needs, has = (r"\.".join(map(str, api)) for api in (built_for, PLUGIN_API))
    with pytest.raises(PluginIncompatibleError, match=rf"API {needs}.*has {has}.*pip install -U"):
        registry.architectures.get("new")
    assert states(registry) == {"new": PluginState.INCOMPATIBLE}


def test_a_newer_api_is_told_from_a_hook_that_this_core_lacks(site: Any) -> None:
    body = (
        HOOK + "@hookimpl\ndef automodel_architectures():\n"
        "    return [Architecture(model_type='new', config='a:B', models={}, plugin_api=(1, 7))]\n"
        "@hookimpl\ndef automodel_hook_of_tomorrow(): return []"
    )
    site.architecture("new-plugin", "new", body=body)
    with pytest.raises(PluginIncompatibleError):
        site.registry().architectures.get("new")


def test_a_field_of_a_newer_api_says_what_to_upgrade(site: Any) -> None:
    site.architecture("new-plugin", "new", arguments="plugin_api=(1, 9), speed='high',")
    registry = site.registry()
    with pytest.raises(
        PluginIncompatibleError, match=r"Architecture\.speed needs plugin API 1\.9.*pip install -U"
    ):
        registry.architectures.get("new")
    assert states(registry) == {"new": PluginState.INCOMPATIBLE}


def test_a_misspelt_field_of_this_api_is_no_question_of_versions(site: Any) -> None:
    site.architecture("bad-plugin", "bad", arguments="plugin_api=(1, 0), tokeniser='a:B',")
    with pytest.raises(PluginBrokenError, match="tokeniser"):
        site.registry().architectures.get("bad")


def test_a_name_that_this_core_lacks_says_what_to_upgrade(site: Any) -> None:
    site.architecture("new-plugin", "new", body="from automodel_core import Clairvoyance")
    registry = site.registry()
    with pytest.raises(PluginBrokenError, match="pip install -U automodel-core new-plugin"):
        registry.architectures.get("new")


def test_an_entry_point_and_its_manifest_must_agree(site: Any) -> None:
    site.architecture("two-minds", "right")
    folder = next(site.folder.glob("two_minds*.dist-info"))
    text = folder.joinpath("entry_points.txt").read_text("utf-8")
    folder.joinpath("entry_points.txt").write_text(f"{text}\nwrong = two_minds.plugin\n", "utf-8")
    registry = site.registry()
    told = r"entry point for model type 'wrong' and returns 'right'"
    with pytest.raises(PluginBrokenError, match=told):
        registry.architectures.get("wrong")
    registry.plugins.load_all()
    assert states(registry) == {"right": PluginState.LOADED, "wrong": PluginState.BROKEN}
    assert registry.architectures.get("right").model_type == "right"


def test_each_side_of_a_conflict_names_its_own_way_out(site: Any) -> None:
    for name in ("one", "two"):
        site.architecture(name, "same")
    records = site.registry().plugins.records()
    assert [record.state for record in records] == [PluginState.CONFLICT] * 2
    for record, other in zip(records, reversed(records), strict=True):
        assert f"plugin={record.distribution!r}" in record.fix
        assert f"AUTOMODEL_PREFER=same={record.distribution}" in record.fix
        assert record.fix.endswith(f"pip uninstall {other.distribution}")


def test_a_record_knows_what_an_extension_adds_and_where_its_code_is(site: Any) -> None:
    site.extension(
        "more",
        """
        @hookimpl
        def automodel_heads():
            return [Head(model_type="bert", task="causal-lm", model="a:B")]

        @hookimpl
        def automodel_decoding_strategies():
            return [DecodingStrategy(name="cautious", function="a:b")]
        """,
    )
    registry = site.registry()
    (before,) = registry.plugins.records()
    assert before.adds == ()
    assert Path(before.code) == site.folder / "more"
    registry.plugins.load_extensions()
    (after,) = registry.plugins.records()
    assert after.adds == ("head bert/causal-lm", "decoding strategy cautious")


def test_what_a_failing_plugin_registered_is_taken_back(site: Any) -> None:
    site.module(
        "registering",
        """
        registries = []

        class Config:
            model_type = "half"
        """,
    )
    site.architecture(
        "bad-plugin",
        "bad",
        body="""
        import registering
        registering.registries[0].architectures.register_config(
            "half", registering.Config, exist_ok=False
        )
        registering.registries[0].architectures.register_config(
            "kept", type("Other", (), {"model_type": "kept"}), exist_ok=True
        )
        raise ImportError("half way")
        """,
    )
    import registering  # type: ignore[import-not-found]

    registry = site.registry()
    kept = type("Kept", (), {"model_type": "kept"})
    registry.architectures.register_config("kept", kept, exist_ok=False)
    registering.registries.append(registry)
    with pytest.raises(PluginBrokenError, match="half way"):
        registry.architectures.get("bad")
    with pytest.raises(UnknownModelTypeError):
        registry.architectures.config_class("half")
    assert registry.architectures.config_class("kept") is kept


def test_a_plugin_that_asks_for_itself_is_told(site: Any) -> None:
    site.module("shared", "registries = []")
    site.architecture(
        "bad-plugin",
        "bad",
        body="import shared\nshared.registries[0].architectures.get('bad')",
    )
    import shared  # type: ignore[import-not-found]

    registry = site.registry()
    shared.registries.append(registry)
    with pytest.raises(PluginBrokenError, match="while it is being imported"):
        registry.architectures.get("bad")


def test_threads_see_one_plugin(site: Any) -> None:
    package = site.architecture("slow-plugin", "slow")
    plugin = site.folder / package / "plugin.py"
    plugin.write_text("import time\ntime.sleep(0.05)\n" + plugin.read_text("utf-8"), "utf-8")
    registry = site.registry()
    start = threading.Barrier(8)
    found: list[object] = []

    def look_up() -> None:
        start.wait()
        found.append(registry.architectures.get("slow"))

    threads = [threading.Thread(target=look_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert len({id(item) for item in found}) == 1


def test_a_thread_that_imports_the_plugin_itself_cannot_lock_the_others_out(site: Any) -> None:
    site.module("meeting", "import threading\nregistries = []\ninside = threading.Event()")
    package = site.architecture("slow-plugin", "slow")
    plugin = site.folder / package / "plugin.py"
    register = (
        "import meeting, time\n"
        "meeting.inside.set()\n"
        "time.sleep(0.1)\n"
        "meeting.registries[0].architectures.register_config(\n"
        "    'extra', type('Extra', (), {'model_type': 'extra'}), exist_ok=True)\n"
    )
    plugin.write_text(register + plugin.read_text("utf-8"), "utf-8")
    import meeting  # type: ignore[import-not-found]

    registry = site.registry()
    meeting.registries.append(registry)
    importer = threading.Thread(target=__import__, args=(f"{package}.plugin",), daemon=True)
    importer.start()
    assert meeting.inside.wait(10)
    looker = threading.Thread(target=registry.architectures.get, args=("slow",), daemon=True)
    looker.start()
    importer.join(10)
    looker.join(10)
    assert not importer.is_alive()
    assert not looker.is_alive()


def test_every_plugin_can_be_loaded_for_a_diagnosis(site: Any) -> None:
    site.architecture("bad-plugin", "bad", body="raise ImportError('no luck')")
    site.architecture("good-plugin", "good")
    registry = site.registry()
    registry.plugins.load_all()
    assert states(registry) == {"bad": PluginState.BROKEN, "good": PluginState.LOADED}


def test_a_reference_says_what_is_missing(site: Any) -> None:
    site.module("partial.part", "import a_module_that_is_absent")
    site.module("partial.other", "value = 1")
    with pytest.raises(MissingExtraError, match=r"'a_module_that_is_absent'.*not installed"):
        resolve("partial.part:Thing")
    with pytest.raises(PluginBrokenError, match=r"no attribute 'Thing'"):
        resolve("partial.other:Thing")
    with pytest.raises(PluginBrokenError, match=r"partial\.absent"):
        resolve("partial.absent:Thing")
    with pytest.raises(ValueError, match="not a reference"):
        resolve("partial.other")
    assert resolve("partial.other:value") == 1


def test_a_failure_of_a_reference_is_not_remembered(site: Any) -> None:
    with pytest.raises(PluginBrokenError):
        resolve("later_module:Thing")
    site.module("later_module", "class Thing: pass")
    assert isinstance(resolve("later_module:Thing"), type)
