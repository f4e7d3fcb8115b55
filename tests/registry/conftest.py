"""A folder of real ``dist-info`` metadata and importable modules, and registries that see it."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from automodel_core.registry.registry import Registry

ARCHITECTURES = "automodel.architectures"
EXTENSIONS = "automodel.extensions"


class Site:
    """Write fake distributions into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def metadata(
        self,
        distribution: str,
        entry_points: Mapping[str, Mapping[str, str]],
        *,
        version: str = "1.0",
        folder: str | None = None,
        named: bool = True,
        file: str = "METADATA",
    ) -> Path:
        """Write a metadata folder only."""
        escaped = distribution.replace("-", "_")
        where = self.folder / (folder or f"{escaped}-{version}.dist-info")
        where.mkdir(parents=True)
        lines = []
        for group, points in entry_points.items():
            lines.append(f"[{group}]")
            lines += [f"{name} = {value}" for name, value in points.items()]
            lines.append("")
        (where / "entry_points.txt").write_text("\n".join(lines), "utf-8")
        if named:
            head = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
            (where / file).write_text(head + "\nName: not a header\n", "utf-8")
        return where

    def module(self, name: str, source: str) -> None:
        """Write an importable module."""
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.relative_to(self.folder).parents:
            package = self.folder / parent / "__init__.py"
            if parent != Path() and not package.exists():
                package.write_text("", "utf-8")
        path.write_text(textwrap.dedent(source), "utf-8")
        importlib.invalidate_caches()

    def architecture(
        self,
        distribution: str,
        model_type: str,
        *,
        body: str | None = None,
        arguments: str = "",
        version: str = "1.0",
    ) -> str:
        """Write a distribution with one model type; returns its package.

        ``body`` replaces the plugin module, ``arguments`` are added to its manifest.
        """
        package = distribution.replace("-", "_")
        self.metadata(
            distribution, {ARCHITECTURES: {model_type: f"{package}.plugin"}}, version=version
        )
        self.module(
            f"{package}.classes",
            f"""
            class Config:
                model_type = {model_type!r}

            class Model:
                config_class = Config

            class LanguageModel:
                config_class = Config

            class Tokenizer:
                pass
            """,
        )
        default = f"""
            from automodel_core import Architecture, hookimpl

            @hookimpl
            def automodel_architectures():
                return [
                    Architecture(
                        model_type={model_type!r},
                        config="{package}.classes:Config",
                        models={{
                            "base": "{package}.classes:Model",
                            "causal-lm": "{package}.classes:LanguageModel",
                        }},
                        tokenizer="{package}.classes:Tokenizer",
                        {arguments}
                    )
                ]
            """
        self.module(f"{package}.plugin", default if body is None else body)
        return package

    def extension(self, distribution: str, body: str) -> str:
        """Write a distribution with one extension; returns its package."""
        package = distribution.replace("-", "_")
        self.metadata(distribution, {EXTENSIONS: {distribution: f"{package}.plugin"}})
        header = (
            "from automodel_core import hookimpl\nfrom automodel_core.registry.manifest import *\n"
        )
        self.module(f"{package}.plugin", header + textwrap.dedent(body))
        return package

    def registry(self, **environment: str) -> Registry:
        """Return a registry that sees this folder only."""
        return Registry([str(self.folder)], environment)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        file = sys.modules[name].__dict__.get("__file__") or ""
        if str(file).startswith(str(folder)):
            del sys.modules[name]
    from automodel_core.registry import imports

    for ref in [ref for ref in imports._resolved if ref.partition(":")[0] not in sys.modules]:
        del imports._resolved[ref]
