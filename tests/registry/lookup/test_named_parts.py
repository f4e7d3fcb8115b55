"""Tasks, kernels, strategies, formats, sources and observers, of the core and of extensions."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pytest

from automodel_core.errors import (
    GenerationArgumentError,
    InputError,
    PluginBrokenError,
    PluginConflictError,
    PluginNotInstalledError,
    UnsupportedTaskError,
)
from automodel_core.registry import (
    AttentionImplementation,
    CheckpointFormat,
    DecodingStrategy,
    LoadContext,
    Quantizer,
    Source,
    Task,
)
from automodel_core.registry.installed.state import PluginState
from automodel_core.registry.task_table import TASK_TABLE

KERNEL = """
def kernel():
    return __name__

@hookimpl
def automodel_attention():
    return [AttentionImplementation(name="{name}", function="{package}.plugin:kernel")]
"""
CONTEXT = LoadContext(name_or_path="x", task="base", model_type="one", model_class="a:B")


def test_the_core_knows_38_tasks(site: Any) -> None:
    tasks = site.registry().parts.every(Task)
    assert len(TASK_TABLE) == len(tasks) == 38
    assert len({task.auto_class for task in tasks.values()}) == 38
    assert all(task.description.endswith(".") for task in tasks.values())


def test_names_of_the_core_need_no_extension(site: Any) -> None:
    site.extension("fake-kernel", "raise AssertionError('imported')")
    parts = site.registry().parts
    assert parts.get(Task, "ctc").auto_class == "AutoModelForCTC"
    assert parts.task_of_auto_class("AutoModelForCTC").name == "ctc"
    assert parts.function(AttentionImplementation, "eager").__name__ == "eager_attention"


def test_formats_and_sources_are_ordered_by_priority(site: Any) -> None:
    site.extension(
        "fake-mirror",
        """
        @hookimpl
        def automodel_sources():
            return [Source(name="mirror", opener="fake_mirror.plugin:open_mirror")]

        @hookimpl
        def automodel_checkpoint_formats():
            return [CheckpointFormat(
                name="zip", reader="fake_mirror.plugin:read", weight_file="model.zip",
                priority=50, safe=True,
            )]
        """,
    )
    parts = site.registry().parts
    assert [source.name for source in parts.by_priority(Source)] == ["folder", "mirror", "hub"]
    formats = parts.by_priority(CheckpointFormat)
    assert [item.name for item in formats] == ["safetensors", "zip", "pickle"]


def test_an_extension_adds_a_kernel(site: Any) -> None:
    site.extension("fake-kernel", KERNEL.format(name="flash", package="fake_kernel"))
    registry = site.registry()
    assert "fake_kernel" not in sys.modules
    assert registry.parts.function(AttentionImplementation, "flash")() == "fake_kernel.plugin"
    (record,) = registry.plugins.records()
    assert (record.state, record.is_architecture) == (PluginState.LOADED, False)


def test_an_extension_adds_a_task(site: Any) -> None:
    site.extension(
        "fake-task",
        """
        @hookimpl
        def automodel_tasks():
            return [Task(name="dreaming", auto_class="AutoModelForDreaming", description="Dreams.")]
        """,
    )
    parts = site.registry().parts
    assert parts.task_of_auto_class("AutoModelForDreaming").name == "dreaming"
    assert parts.task_of_auto_class("AutoModelForNothing") is None
    assert "dreaming" in parts.every(Task)


def test_an_extension_brings_a_quantizer(site: Any) -> None:
    site.extension(
        "fake-bits",
        """
        def quantise(model, settings):
            return __name__

        @hookimpl
        def automodel_quantizers():
            return [Quantizer(name="int3", function="fake_bits.plugin:quantise")]
        """,
    )
    assert site.registry().parts.function(Quantizer, "int3")(None, {}) == "fake_bits.plugin"


def test_what_is_not_installed_is_said(site: Any) -> None:
    parts = site.registry().parts
    with pytest.raises(InputError, match="'flash' is not installed; installed are eager, sdpa"):
        parts.function(AttentionImplementation, "flash")
    with pytest.raises(GenerationArgumentError, match=r"installed are .*beam_sample, .*greedy"):
        parts.function(DecodingStrategy, "dream")
    with pytest.raises(UnsupportedTaskError, match="'dreaming' is not known"):
        parts.get(Task, "dreaming")


def test_two_extensions_with_one_name_are_an_error_when_it_is_used(site: Any) -> None:
    for name in ("kernel-a", "kernel-b"):
        site.extension(name, KERNEL.format(name="flash", package=name.replace("-", "_")))
    parts = site.registry().parts
    with pytest.raises(PluginConflictError, match="AUTOMODEL_PREFER=flash=kernel-a"):
        parts.function(AttentionImplementation, "flash")
    with (
        pytest.warns(RuntimeWarning, match="claimed by kernel-a"),
        pytest.raises(InputError, match=r"installed are eager, sdpa$"),
    ):
        parts.function(AttentionImplementation, "other")
    preferring = site.registry(AUTOMODEL_PREFER="flash=kernel-b").parts
    assert preferring.function(AttentionImplementation, "flash")() == "kernel_b.plugin"
    absent = site.registry(AUTOMODEL_PREFER="flash=kernel-c").parts
    with pytest.raises(PluginNotInstalledError, match="kernel-c"):
        absent.function(AttentionImplementation, "flash")


def test_a_name_of_the_core_is_replaced_only_on_purpose(site: Any) -> None:
    site.extension("fake-kernel", KERNEL.format(name="sdpa", package="fake_kernel"))
    parts = site.registry().parts
    assert parts.function(AttentionImplementation, "sdpa").__name__ == "sdpa_attention"
    with (
        pytest.warns(RuntimeWarning, match="AUTOMODEL_PREFER=sdpa=fake-kernel"),
        pytest.raises(InputError),
    ):
        parts.function(AttentionImplementation, "other")
    preferring = site.registry(AUTOMODEL_PREFER="sdpa=fake-kernel").parts
    assert preferring.function(AttentionImplementation, "sdpa")() == "fake_kernel.plugin"


@pytest.mark.parametrize(
    "body",
    [
        "raise SystemExit",
        "",
        "@hookimpl\ndef automodel_attention(): return [Head]",
        "@hookimpl\ndef automodel_attention(): return []\n"
        "@hookimpl\ndef automodel_architectures():\n"
        "    return [Architecture(model_type='x', config='a:B', models={})]",
    ],
)
def test_a_broken_extension_is_left_out_with_one_warning(site: Any, body: str) -> None:
    site.extension("bad-kernel", body)
    site.extension("good-kernel", KERNEL.format(name="flash", package="good_kernel"))
    parts = site.registry().parts
    with pytest.warns(RuntimeWarning, match="extension left out: plugin bad-kernel") as caught:
        assert parts.function(AttentionImplementation, "flash")() == "good_kernel.plugin"
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parts.function(AttentionImplementation, "flash")() == "good_kernel.plugin"


def test_strict_raises_a_broken_extension(site: Any) -> None:
    site.extension("bad-kernel", "raise ImportError('no luck')")
    parts = site.registry(AUTOMODEL_STRICT_PLUGINS="yes").parts
    with pytest.raises(PluginBrokenError, match="no luck"):
        parts.by_priority(Source)


def test_a_disabled_extension_is_not_imported(site: Any) -> None:
    site.extension("bad-kernel", "raise AssertionError('imported')")
    assert site.registry(AUTOMODEL_PLUGINS="").parts.by_priority(Source)


def test_an_extension_that_asks_the_registry_while_it_is_imported_sees_the_others(
    site: Any,
) -> None:
    site.module("shared", "registries = []")
    site.extension(
        "asking",
        "import shared\nnames = [s.name for s in shared.registries[0].parts.by_priority(Source)]\n"
        + KERNEL.format(name="flash", package="asking"),
    )
    import shared  # type: ignore[import-not-found]

    registry = site.registry()
    shared.registries.append(registry)
    assert registry.parts.function(AttentionImplementation, "flash")() == "asking.plugin"
    assert sys.modules["asking.plugin"].names == ["folder", "hub"]


def test_observers_are_told_and_cannot_disturb(site: Any) -> None:
    site.extension(
        "observer-a",
        """
        seen = []

        @hookimpl
        def automodel_before_load(context):
            seen.append(context)
            raise SystemExit("stop")

        @hookimpl
        def automodel_after_load(context, model):
            seen.append(model)
            return "ignored"
        """,
    )
    site.extension(
        "observer-b",
        """
        seen = []

        @hookimpl
        def automodel_before_load(context):
            seen.append(context)
        """,
    )
    plugins = site.registry().plugins
    with pytest.warns(RuntimeWarning, match=r"observer-a.*automodel_before_load raised SystemExit"):
        plugins.notify("automodel_before_load", context=CONTEXT)
    model = object()
    plugins.notify("automodel_after_load", context=CONTEXT, model=model)
    assert sys.modules["observer_a.plugin"].seen == [CONTEXT, model]
    assert sys.modules["observer_b.plugin"].seen == [CONTEXT]
