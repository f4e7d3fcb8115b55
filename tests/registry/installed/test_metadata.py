"""What is found in metadata, whatever state the metadata is in."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from automodel_core.registry.installed.metadata import Candidate, discover
from automodel_core.registry.installed.state import PluginState

ARCHITECTURES = "automodel.architectures"
EXTENSIONS = "automodel.extensions"


def found(*folders: Path, finders: Iterable[object] = ()) -> tuple[Candidate, ...]:
    return discover([str(folder) for folder in folders], finders)


def test_entry_points_of_both_groups_are_found_without_an_import(site: Any) -> None:
    site.metadata(
        "some-plugin",
        {
            "console_scripts": {"x": "y:z"},
            ARCHITECTURES: {"two": "some.plugin", "one": "some.plugin [extra]"},
            EXTENSIONS: {"kernel": "some.kernels"},
        },
        version="2.5",
    )
    candidates = found(site.folder)
    assert [(item.group, item.name, item.module) for item in candidates] == [
        (EXTENSIONS, "kernel", "some.kernels"),
        (ARCHITECTURES, "one", "some.plugin"),
        (ARCHITECTURES, "two", "some.plugin"),
    ]
    assert {(item.distribution, item.version) for item in candidates} == {("some-plugin", "2.5")}
    assert "some" not in sys.modules


def test_the_standard_library_finds_the_same(site: Any) -> None:
    site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin", "two": "some.plugin"}})
    site.metadata("other", {EXTENSIONS: {"three": "other"}})
    expected = {
        (point.group, point.name, point.value)
        for distribution in importlib.metadata.distributions(path=[str(site.folder)])
        for point in distribution.entry_points
    }
    assert {(item.group, item.name, item.module) for item in found(site.folder)} == expected


def test_the_order_does_not_depend_on_installation(site: Any) -> None:
    for name in ("zeta", "alpha", "mid"):
        site.metadata(name, {ARCHITECTURES: {f"type-{name}": name}})
    assert [item.distribution for item in found(site.folder)] == ["alpha", "mid", "zeta"]


def test_an_editable_twin_is_shadowed_by_what_comes_first(site: Any, tmp_path: Path) -> None:
    installed = site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    source = tmp_path / "source"
    site.folder = source
    twin = site.metadata(
        "Some.Plugin",
        {ARCHITECTURES: {"one": "some.plugin"}},
        folder="some_plugin.egg-info",
        file="PKG-INFO",
    )
    states = {item.path: item.obstacle for item in found(installed.parent, source)}
    assert states[str(installed)] is None
    shadowed = states[str(twin)]
    assert shadowed is not None
    assert shadowed.state is PluginState.SHADOWED
    assert str(installed) in shadowed.cause


def test_the_same_folder_twice_on_the_path_is_one_folder(site: Any, tmp_path: Path) -> None:
    site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    link = tmp_path / "link"
    link.symlink_to(site.folder)
    assert len(found(site.folder, link, site.folder)) == 1


def test_of_two_versions_in_one_folder_the_newer_counts(site: Any) -> None:
    for version in ("0.9", "0.10"):
        site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}}, version=version)
    states = {item.version: item.obstacle for item in found(site.folder)}
    assert states["0.10"] is None
    assert states["0.9"] is not None


def test_metadata_without_a_name_is_broken_and_says_where_it_lies(site: Any) -> None:
    where = site.metadata("leftover", {ARCHITECTURES: {"one": "some.plugin"}}, named=False)
    site.metadata("healthy", {ARCHITECTURES: {"two": "some.plugin"}})
    leftover, healthy = found(site.folder)
    assert healthy.obstacle is None
    assert leftover.obstacle is not None
    assert leftover.obstacle.state is PluginState.BROKEN
    assert str(where) in leftover.obstacle.fix


def test_a_half_removed_distribution_is_passed_over(site: Any) -> None:
    site.metadata("some-plugin", {ARCHITECTURES: {"one": "x"}}, folder="~ome_plugin-1.0.dist-info")
    assert found(site.folder) == ()


@pytest.mark.parametrize("value", ["", "some.plugin:attribute", "some plugin", "../some"])
def test_an_entry_point_that_names_no_module_is_broken(site: Any, value: str) -> None:
    site.metadata("some-plugin", {ARCHITECTURES: {"one": value, "two": "some.plugin"}})
    one, two = found(site.folder)
    assert one.obstacle is not None
    assert one.obstacle.state is PluginState.BROKEN
    assert two.obstacle is None


def test_a_name_that_is_listed_twice_is_broken(site: Any) -> None:
    where = site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    file = where / "entry_points.txt"
    file.write_text(file.read_text("utf-8") + "one = some.other\n", "utf-8")
    assert [item.obstacle is not None for item in found(site.folder)] == [True, True]


def test_bytes_that_are_no_text_stay_with_their_distribution(site: Any) -> None:
    where = site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    (where / "entry_points.txt").write_bytes(b"[automodel.architectures]\n\xff\xfe = some.plugin\n")
    site.metadata("healthy", {ARCHITECTURES: {"two": "some.plugin"}})
    states = {item.distribution: item.obstacle for item in found(site.folder)}
    assert states["healthy"] is None
    assert states["some-plugin"] is not None


def test_strange_folders_do_not_disturb(site: Any, tmp_path: Path) -> None:
    (site.folder / "empty-1.0.dist-info").mkdir()
    (site.folder / "file-1.0.egg-info").write_text("Name: file\n", "utf-8")
    directory = site.folder / "directory-1.0.dist-info" / "entry_points.txt"
    directory.mkdir(parents=True)
    site.metadata("healthy", {ARCHITECTURES: {"one": "some.plugin"}})
    plain_file = tmp_path / "plain"
    plain_file.write_text("", "utf-8")
    assert len(found(tmp_path / "absent", plain_file, site.folder)) == 1


def test_an_egg_holds_its_metadata_inside(site: Any, tmp_path: Path) -> None:
    egg = tmp_path / "some_plugin-1.0.egg"
    site.folder = egg
    site.metadata(
        "some-plugin", {ARCHITECTURES: {"one": "some.plugin"}}, folder="EGG-INFO", file="PKG-INFO"
    )
    assert [item.distribution for item in found(egg)] == ["some-plugin"]


def test_the_empty_path_entry_is_the_current_folder(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    monkeypatch.chdir(site.folder)
    assert len(discover([""])) == 1


def test_a_zip_file_on_the_path_is_read(site: Any, tmp_path: Path) -> None:
    where = site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    archive = tmp_path / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in where.iterdir():
            file.write(path, f"{where.name}/{path.name}")
    (item,) = found(archive)
    assert (item.distribution, item.version, item.obstacle) == ("some-plugin", "1.0", None)


class Frozen:
    """A finder of a frozen application, with one distribution that raises."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_distributions(self, context: object) -> list[object]:
        return [object(), importlib.metadata.PathDistribution(self.folder)]


def test_a_finder_of_its_own_kind_is_asked(site: Any) -> None:
    where = site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    (item,) = found(finders=[*sys.meta_path, Frozen(where)])
    assert item.distribution == "some-plugin"


def test_a_finder_that_raises_does_not_disturb(site: Any) -> None:
    class Raising:
        def find_distributions(self, context: object) -> object:
            raise SystemError("nothing here")

    site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    assert len(found(site.folder, finders=[Raising()])) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_passed_over(site: Any) -> None:
    where = site.metadata("some-plugin", {ARCHITECTURES: {"one": "some.plugin"}})
    where.chmod(0)
    try:
        assert found(site.folder) == ()
    finally:
        where.chmod(0o755)
