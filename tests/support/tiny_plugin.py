"""An installed plugin, ``tiny-gpt``: what ``automodel-core new`` writes, with metadata.

Import the fixtures into a ``conftest.py``. ``tiny_gpt`` gives the test a registry of its own that
sees this plugin only, so registrations of one test are gone in the next.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automodel_core import registry
from automodel_core.cli.scaffold.files import plugin_files
from automodel_core.cli.scaffold.new import write_files
from automodel_core.registry.registry import Registry

SIZES = {
    "vocab_size": 99,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}


class Site:
    """A folder of installed plugins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def metadata(self, distribution: str, group: str, points: dict[str, str]) -> None:
        """Write the metadata of a distribution."""
        info = self.folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", "utf-8"
        )
        lines = [f"[{group}]", *(f"{name} = {module}" for name, module in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")

    def install(self, name: str) -> None:
        """Install what ``automodel-core new`` writes."""
        source = self.folder / "source"
        write_files(plugin_files(name), source)
        package = f"automodel_{name.replace('-', '_')}"
        shutil.move(source / package, self.folder / package)
        shutil.rmtree(source)
        self.metadata(f"automodel-{name}", "automodel.architectures", {name: f"{package}.plugin"})

    def use(self, monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
        """Let the process see the plugins of this folder only."""
        monkeypatch.setattr(registry, "_registry", Registry([str(self.folder)], environment))


@pytest.fixture(scope="session")
def tiny_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install the plugin for the whole run: its classes must stay the same."""
    site = Site(tmp_path_factory.mktemp("tiny_site"))
    site.install("tiny-gpt")
    sys.path.insert(0, str(site.folder))
    importlib.invalidate_caches()
    yield site
    sys.path.remove(str(site.folder))


@pytest.fixture
def tiny_gpt(tiny_site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the plugin's package, whose model type is the only one installed."""
    tiny_site.use(monkeypatch)
    return importlib.import_module("automodel_tiny_gpt")


@pytest.fixture
def checkpoint(tiny_gpt: Any, tmp_path: Path) -> Path:
    """Return the folder of a saved ``tiny-gpt`` with a language-modelling head."""
    import torch

    torch.manual_seed(0)
    folder = tmp_path / "checkpoint"
    tiny_gpt.TinyGptForCausalLM(tiny_gpt.TinyGptConfig(**SIZES)).save_pretrained(folder)
    return folder
