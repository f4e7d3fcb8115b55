"""Workers of other libraries see the same plugins as the process that starts them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from automodel_core import registry
from automodel_core.registry.registry import Registry
from support.tiny_plugin import Site
from support.worlds import Descriptions, described


def assert_same(told: str, here: str) -> None:
    """Compare what two processes know."""
    theirs, ours = json.loads(told), json.loads(here)
    assert theirs.pop("pid") != ours.pop("pid")
    assert theirs == ours


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a plugin where this process and those it starts look, and return what is known."""
    site = Site(tmp_path)
    site.install("tiny-gpt")
    tests = str(Path(__file__).parents[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), tests]))
    monkeypatch.setattr(registry, "_registry", Registry(sys.path, os.environ, sys.meta_path))
    return described()


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_workers_of_a_data_loader(method: str, here: str) -> None:
    if method not in torch.multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {method}")
    loader = DataLoader(
        Descriptions(), batch_size=None, num_workers=1, multiprocessing_context=method
    )
    for told in loader:
        assert_same(told, here)


def test_workers_of_ray(here: str) -> None:
    ray = pytest.importorskip("ray", reason="starts a cluster on this machine")
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        told = ray.get(ray.remote(described).remote())
    finally:
        ray.shutdown()
    assert_same(told, here)
