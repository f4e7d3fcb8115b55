"""What packages of others add: tasks with their Auto classes, and heads for others' configs."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

import pytest

import automodel_core
from automodel_core.errors import PluginBrokenError, PluginConflictError, PluginNotInstalledError
from support.tiny_plugin import SIZES, Site

EXTENSION = """
from automodel_core import Head, Task, hookimpl

AUTO_CLASSES = (
    ("sums", "AutoModelForSums"), ("means", "AutoModelForMeans"), ("odds", "AutoOdds")
)


@hookimpl
def automodel_tasks():
    return [
        Task(name="counting", auto_class="AutoModelForCounting", description="Counts."),
        *(
            Task(name=name, auto_class=f"tiny_counting.auto:{auto_class}", description="")
            for name, auto_class in AUTO_CLASSES
        ),
    ]


@hookimpl
def automodel_heads():
    return [
        Head(model_type="tiny-gpt", task="counting", model="tiny_counting.model:TinyGptForCounting")
    ]
"""
AUTO = """
from automodel_core.auto import AutoModelBase


class AutoModelForSums(AutoModelBase["AnyModel"], task="sums"):
    pass


class AutoModelForMeans(AutoModelForSums):
    pass


AutoOdds = "odds"
"""
MODEL = """
from automodel_tiny_gpt.modeling import TinyGptModel


class TinyGptForCounting(TinyGptModel):
    pass
"""


@pytest.fixture(scope="module")
def extended(tiny_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a site that holds the plugin and an extension of it."""
    site = Site(tmp_path_factory.mktemp("extended"))
    package = site.folder / "tiny_counting"
    package.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / "plugin.py").write_text(EXTENSION, "utf-8")
    (package / "auto.py").write_text(AUTO, "utf-8")
    (package / "model.py").write_text(MODEL, "utf-8")
    site.metadata("tiny-counting", "automodel.extensions", {"counting": "tiny_counting.plugin"})
    for info in tiny_site.folder.glob("*.dist-info"):
        (site.folder / info.name).symlink_to(info)
    return site


@pytest.fixture
def counting(extended: Site, tiny_gpt: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    extended.use(monkeypatch)
    monkeypatch.syspath_prepend(str(extended.folder))
    importlib.invalidate_caches()
    return automodel_core.AutoModelForCounting


def test_the_auto_class_of_a_task_is_imported_like_any_other(counting: Any) -> None:
    assert counting.__name__ == "AutoModelForCounting"
    assert counting.__doc__ == "Counts."
    assert automodel_core.AutoModelForCounting is counting
    assert pickle.loads(pickle.dumps(counting)) is counting
    with pytest.raises(OSError, match=r"AutoModelForCounting.from_config"):
        counting()
    with pytest.raises(AttributeError, match=r"AutoModelForJuggling"):
        _ = automodel_core.AutoModelForJuggling


def test_a_package_may_state_its_auto_class(counting: Any) -> None:
    stated = automodel_core.AutoModelForSums
    assert stated is importlib.import_module("tiny_counting.auto").AutoModelForSums
    assert stated.task == "sums"
    assert pickle.loads(pickle.dumps(stated)) is stated
    for wrong in ("AutoModelForMeans", "AutoOdds"):
        with pytest.raises(PluginBrokenError, match=rf"class {wrong}\(AutoModelBase, task='\w+'\)"):
            getattr(automodel_core, wrong)


def test_a_head_for_the_config_of_another_plugin(
    counting: Any, tiny_gpt: Any, checkpoint: Path
) -> None:
    model = counting.from_pretrained(checkpoint)
    assert type(model).__name__ == "TinyGptForCounting"
    assert type(model.config) is tiny_gpt.TinyGptConfig
    plan = counting.plan(checkpoint)
    assert (plan.distribution, plan.model_class) == (
        "tiny-counting",
        "tiny_counting.model:TinyGptForCounting",
    )
    assert type(counting.from_config(tiny_gpt.TinyGptConfig(**SIZES))) is type(model)


def test_two_providers_of_a_model_type(
    tiny_site: Site, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    for info in tiny_site.folder.glob("*.dist-info"):
        (site.folder / info.name).symlink_to(info)
    site.metadata("rival", "automodel.architectures", {"tiny-gpt": "automodel_tiny_gpt.plugin"})
    site.use(monkeypatch)
    load = automodel_core.AutoModel.from_pretrained
    with pytest.raises(PluginConflictError, match=r"rival"):
        load(checkpoint)
    assert load(checkpoint, plugin="automodel-tiny-gpt")
    assert automodel_core.AutoModel.plan(checkpoint, plugin="automodel-tiny-gpt").missing == ()
    with pytest.raises(PluginNotInstalledError, match=r"nobody"):
        load(checkpoint, plugin="nobody")
    site.use(monkeypatch, AUTOMODEL_PREFER="tiny-gpt=rival")
    assert load(checkpoint)
