"""The registry is a function of metadata and environment: every process sees the same one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from automodel_core.registry.installed.metadata import discover

ROOT = Path(__file__).parents[2]
DESCRIBE = """
import json, sys
from automodel_core import registry
print(json.dumps({
    "model_types": registry.model_types(),
    "states": sorted((r.distribution, str(r.state), *r.names) for r in registry.plugins.records()),
    "imported": sorted(
        set(sys.modules) & {"torch", "huggingface_hub", "pluggy", "numpy", "tokenizers",
                            "importlib_metadata"}
        | {name for name in sys.modules if name.startswith("fake_")}
    ),
}))
"""


def interpreter(
    site: Any, arguments: list[str], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter that sees the fake distributions."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AUTOMODEL_")}
    path = os.pathsep.join([str(site.folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, "PYTHONPATH": path, **environment},
        timeout=120,
    )


def run(site: Any, code: str, **environment: str) -> str:
    """Return what a piece of code prints in a fresh interpreter."""
    result = interpreter(site, ["-W", "error::RuntimeWarning", "-c", code], **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_discovery_imports_nothing_of_a_plugin_and_nothing_heavy(site: Any) -> None:
    site.architecture("fake-one", "fake-type", body="raise AssertionError('imported')")
    site.extension("fake-two", "raise AssertionError('imported')")
    seen = json.loads(run(site, DESCRIBE))
    assert "fake-type" in seen["model_types"]
    assert ["fake-one", "discovered", "fake-type"] in seen["states"]
    assert seen["imported"] == []


@pytest.mark.parametrize(
    "line",
    [
        "import automodel_core",
        "from automodel_core import hookimpl, Architecture, Head, Task",
        "from automodel_core import AutoModelForSeq2SeqLM, AutoConfig, AutoTokenizer",
        "from automodel_core import registry; registry.parts.every(registry.Task)",
        "from automodel_core import registry; registry.parts.by_priority(registry.Source)",
    ],
)
def test_torch_and_the_hub_client_are_not_imported(site: Any, line: str) -> None:
    code = f"{line}\nimport sys\nprint(sorted({{'torch', 'huggingface_hub'}} & set(sys.modules)))"
    assert run(site, code).strip() == "[]"


def test_loading_a_plugin_imports_neither_torch_nor_its_models(site: Any) -> None:
    site.architecture("fake-one", "fake-type")
    code = (
        "import sys\nfrom automodel_core import registry\nregistry.get('fake-type')\n"
        "print('fake_one.plugin' in sys.modules, 'fake_one.classes' in sys.modules,"
        " 'torch' in sys.modules)"
    )
    assert run(site, code).split() == ["True", "False", "False"]


def test_the_variables_reach_every_process(site: Any) -> None:
    site.architecture("fake-one", "fake-type", body="raise AssertionError('imported')")
    site.architecture("fake-two", "fake-other")
    seen = json.loads(run(site, DESCRIBE, AUTOMODEL_DISABLED_PLUGINS="fake-one"))
    assert "fake-type" not in seen["model_types"]
    assert ["fake-one", "disabled", "fake-type"] in seen["states"]
    seen = json.loads(run(site, DESCRIBE, AUTOMODEL_PLUGINS="fake-two"))
    assert seen["model_types"] == ["fake-other"]
    assert json.loads(run(site, DESCRIBE, AUTOMODEL_PLUGINS=""))["model_types"] == []


def test_strict_stops_the_import(site: Any) -> None:
    site.architecture("fake-one", "fake-type")
    site.architecture("fake-two", "fake-type")
    code = """
try:
    import automodel_core
except RuntimeError as error:
    print(error)
"""
    said = run(site, code, AUTOMODEL_STRICT_PLUGINS="1")
    assert "fake-one 1.0 and fake-two 1.0" in said
    assert run(site, code, AUTOMODEL_STRICT_PLUGINS="0").strip() == ""


SPAWNED = """
import multiprocessing, sys
from automodel_core import registry

def describe(model_type):
    states = [(r.distribution, str(r.state), r.path, r.names) for r in registry.plugins.records()]
    tasks = sorted(registry.parts.every(registry.Task))
    return registry.model_types(), states, registry.get(model_type), tasks

if __name__ == "__main__":
    here = describe("fake-type")
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(1) as pool:
            there = pool.apply(describe, ("fake-type",))
        assert method == "fork" or there == here, (method, there, here)
        assert there[0] == here[0] and there[2] == here[2], method
    print("same")
"""


def test_spawned_and_forked_processes_see_the_same_registry(site: Any, tmp_path: Path) -> None:
    site.architecture("fake-one", "fake-type")
    script = tmp_path / "script.py"
    script.write_text(SPAWNED, "utf-8")
    result = interpreter(site, [str(script)])
    assert result.stdout.strip() == "same", result.stderr


def test_200_plugins_cost_less_than_a_tenth_of_a_millisecond_each(site: Any) -> None:
    empty = site.folder / "empty"
    empty.mkdir()
    full = site.folder / "full"
    full.mkdir()
    site.folder = full
    for number in range(200):
        name = f"fake-{number:03}"
        where = site.metadata(name, {"automodel.architectures": {name: f"{name}.plugin"}})
        with (where / "METADATA").open("a", encoding="utf-8") as file:
            file.write("A long description. " * 2000)
    assert len(discover([str(full)])) == 200

    def seconds(folder: Path) -> float:
        taken = []
        for _ in range(15):
            start = time.perf_counter()
            discover([str(folder)])
            taken.append(time.perf_counter() - start)
        return min(taken)

    each = (seconds(full) - seconds(empty)) / 200
    assert each < 0.0001, f"{each * 1000:.3f} ms for each distribution"
