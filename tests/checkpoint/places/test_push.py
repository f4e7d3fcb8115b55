"""Files onto the hub: those that were written, with a card, as one commit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from automodel_core import __version__
from automodel_core.checkpoint.places.hub.model_card import CardFacts
from automodel_core.checkpoint.places.hub.push import (
    PushOptions,
    push_files,
    push_options,
    source_on_hub,
)
from automodel_core.errors import InputError, PushError
from support.hub import FakeHub

FACTS = CardFacts("model", "TinyModel", "AutoModel", "automodel-bert", "tiny", "org/base")
FILES: dict[str, Path | bytes] = {"config.json": b"{}", "model.safetensors": b"weights"}
BASE_CARD = "---\nlicense: cc-by-4.0\nlicense_link: here\nlanguage: de\n---\nAbout the base.\n"


def push(files: dict[str, Path | bytes] = FILES, **options: Any) -> str:
    return push_files(files, "org/new", FACTS, {"token": "hf_x", **options})  # type: ignore[typeddict-item]


def files_of(hub: FakeHub, branch: str = "main") -> dict[str, bytes]:
    repository = hub.repositories["org/new"]
    return repository.commits[repository.refs[branch]]


def card_of(hub: FakeHub) -> ModelCard:
    return ModelCard(files_of(hub)["README.md"].decode())


def test_files_are_one_commit(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    (tmp_path / "secret.txt").write_text("mine")
    files = {"config.json": b"{}", "model.safetensors": tmp_path / "weights"}
    url = push(files, commit_message="First", commit_description="why", private=True)
    repository = hub.repositories["org/new"]
    assert url.endswith(repository.refs["main"])
    assert {k: v for k, v in files_of(hub).items() if k != "README.md"} == FILES
    assert [push["summary"] for push in repository.pushes] == ["First"]
    push(revision="dev")
    assert "dev" in repository.refs
    assert repository.pushes[1]["summary"] == "Upload model"
    assert "discussions" in push(create_pr=True)


def test_a_new_repository_gets_a_card(hub: FakeHub) -> None:
    hub.add("org/base", {"README.md": BASE_CARD.encode()})
    push(tags=["music", "tiny"])
    card = card_of(hub)
    assert card.data.library_name == "automodel"
    assert card.data.base_model == "org/base"
    assert card.data.tags == ["tiny", "music"]
    assert card.data.license == "cc-by-4.0"
    assert card.data.license_link == "here"
    assert card.data.language is None
    assert f"automodel-core {__version__} and automodel-bert" in card.text
    assert 'AutoModel.from_pretrained("org/new")' in card.text
    assert "pip install automodel-bert" in card.text


@pytest.mark.parametrize("base", [None, {}, {"README.md": b"---\n- a\n---\n"}])
def test_a_base_model_without_a_readable_card(base: dict[str, bytes] | None, hub: FakeHub) -> None:
    if base is not None:
        hub.add("org/base", base)
    push()
    assert card_of(hub).data.license is None


def test_the_text_and_licence_of_a_card_stay(hub: FakeHub) -> None:
    text = "\n# Mine\n\nBy hand.\r\nWith  spaces \n"
    hub.add("org/new", {"README.md": f"---\nlicense: mit\ntags: [a]\n---\n{text}".encode()})
    push(tags="b")
    card = card_of(hub)
    assert card.text == text.replace("\r\n", "\n") or card.text == text
    assert (card.data.license, card.data.tags) == ("mit", ["a", "b"])
    assert (card.data.library_name, card.data.base_model) == ("automodel", "org/base")
    before = files_of(hub)["README.md"]
    commits = len(hub.repositories["org/new"].pushes)
    push(tags="b")
    assert files_of(hub)["README.md"] == before
    assert len(hub.repositories["org/new"].pushes) == commits + 1


def test_another_librarys_card_keeps_its_name(hub: FakeHub) -> None:
    hub.add("org/new", {"README.md": b"---\nlibrary_name: other\nbase_model: a/b\n---\nText"})
    push()
    assert files_of(hub)["README.md"] == b"---\nlibrary_name: other\nbase_model: a/b\n---\nText"


def test_files_that_are_replaced_vanish(hub: FakeHub) -> None:
    old = {"model-00001-of-00002.safetensors": b"1", "model.safetensors": b"2", "x.txt": b"3"}
    hub.add("org/new", old)
    push_files(FILES, "org/new", FACTS, {"token": "x"}, re.compile(r"model.*\.safetensors"))
    assert files_of(hub).keys() == {*FILES, "x.txt", "README.md"}
    assert files_of(hub)["model.safetensors"] == b"weights"


def test_patterns_leave_files_out(hub: FakeHub) -> None:
    push(ignore_patterns=["*.json"])
    assert files_of(hub).keys() == {"model.safetensors", "README.md"}
    with pytest.raises(InputError, match="leaves none"):
        push(ignore_patterns="*")


def test_a_refusal_is_explained(hub: FakeHub) -> None:
    hub.status = 403
    with pytest.raises(PushError, match="TinyModel cannot be uploaded to 'org/new': HfHubHTTP"):
        push()


def save_pretrained(save_directory: str, max_shard_size: int = 1, **kwargs: Any) -> None:
    raise AssertionError


def test_a_misspelt_argument_names_the_right_one() -> None:
    good: PushOptions = {"tags": ["a"], "private": True, "use_temp_dir": True}
    assert push_options(save_pretrained, good) == good
    for wrong, right in (
        ("max_shard_sise", "max_shard_size"),
        ("comit_message", "commit_message"),
        ("tag", "tags"),
    ):
        with pytest.raises(TypeError, match=rf"has no argument '{wrong}' \(did you mean '{right}'"):
            push_options(save_pretrained, {wrong: 1})
    with pytest.raises(TypeError, match=r"has no argument 'zzz'$"):
        push_options(save_pretrained, {"zzz": None})
    with pytest.warns(FutureWarning, match="use_auth_token= has no effect: pass token="):
        assert push_options(save_pretrained, {"use_auth_token": "x", "save_function": None}) == {}


def test_where_a_model_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert source_on_hub("org/model") == "org/model"
    assert source_on_hub(str(tmp_path)) == source_on_hub("") == source_on_hub("a//b") == ""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    assert source_on_hub("model") == ""
