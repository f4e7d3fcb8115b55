"""Saved files onto the hub, with a card that says what they are."""

from __future__ import annotations

import inspect
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from automodel_core.checkpoint.places.exchange import current_file
from automodel_core.checkpoint.places.file_names import expanded
from automodel_core.checkpoint.places.hub.model_card import (
    CARD_FILE,
    CardFacts,
    changed_card,
    new_card,
)
from automodel_core.errors import InputError, PushError, did_you_mean, shown, warn_caller

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = [
    "PushOptions",
    "push_files",
    "push_options",
    "push_saved",
    "repository_name",
    "saved_files",
    "source_on_hub",
]

WITHOUT_EFFECT = {
    "organization": "name it in repo_id, as 'organization/name'",
    "repo_path_or_name": "pass repo_id= instead",
    "repo_url": "pass repo_id= instead",
    "save_function": "tensors are written in the format that safe_serialization= chooses",
    "save_original_format": "files always have the hub's names",
    "save_peft_format": "adapters are saved by their own library",
    "use_auth_token": "pass token= instead",
}
"""Arguments of older or other savers, and what to do instead; they are accepted and ignored."""


class PushOptions(TypedDict, total=False):
    """How to upload files; the keyword arguments that every ``push_to_hub`` takes.

    ``tags`` are added to the card. ``use_temp_dir`` changes nothing: only files that were written
    are ever uploaded. ``ignore_patterns`` leaves some of them out, by patterns such as ``*.bin``.
    """

    commit_message: str | None
    commit_description: str | None
    private: bool | None
    token: str | bool | None
    revision: str | None
    create_pr: bool
    tags: str | list[str] | None
    use_temp_dir: bool | None
    ignore_patterns: str | list[str] | None


def push_options(call: Callable[..., Any], given: Mapping[str, Any]) -> PushOptions:
    """Return the options among the keyword arguments of a call that saves or uploads.

    Raises ``TypeError`` for an unknown one, with the name of the most similar argument.
    """
    known = PushOptions.__annotations__.keys()
    for key, value in given.items():
        if key in WITHOUT_EFFECT:
            if value is not None:
                warn_caller(f"{key}= has no effect: {WITHOUT_EFFECT[key]}", FutureWarning)
        elif key not in known:
            arguments = {*known, *inspect.signature(call).parameters} - {"kwargs"}
            raise TypeError(
                f"{call.__qualname__}() has no argument {shown(key)}{did_you_mean(key, arguments)}"
            )
    return cast("PushOptions", {key: value for key, value in given.items() if key in known})


def push_saved(
    save: Callable[[str], Iterable[str]], repo_id: str, facts: CardFacts, options: PushOptions
) -> str:
    """Upload the files that ``save`` writes into a folder, and whose paths it returns."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(path) for path in save(folder)]
        files = {path.relative_to(folder).as_posix(): path for path in paths}
        return push_files(files, repo_id, facts, options)


def push_files(
    files: Mapping[str, Path | bytes],
    repo_id: str,
    facts: CardFacts,
    options: PushOptions,
    replaces: re.Pattern[str] | None = None,
) -> str:
    """Upload files as one commit, under the names that they are given by, and return its address.

    The repository is made if needed. It gets a card if it has none; the text of its own one stays.
    Files in it whose names match ``replaces`` vanish with the commit, unless they are among the new
    ones. Raises `PushError` with what the hub answered.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    revision, create_pr = options.get("revision"), bool(options.get("create_pr"))
    ignored = options.get("ignore_patterns") or []
    patterns = [ignored] if isinstance(ignored, str) else ignored
    names = [n for n in files if not any(fnmatch(n, pattern) for pattern in patterns)]
    if not names:
        raise InputError(f"ignore_patterns= leaves none of the files to upload to {shown(repo_id)}")
    api = HfApi(token=options.get("token"), library_name="automodel-core")
    try:
        repository = api.create_repo(repo_id, private=options.get("private"), exist_ok=True).repo_id
        if revision is not None and not create_pr:
            api.create_branch(repository, branch=revision, exist_ok=True)
        present = _files_on_hub(api, repository, revision)
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(name, files[name]) for name in names
        ]
        operations += [
            CommitOperationDelete(name)
            for name in sorted(present.difference(names))
            if replaces is not None and replaces.fullmatch(name)
        ]
        card = _card(api, repository, CARD_FILE in present, facts, options)
        if card is not None:
            operations.append(CommitOperationAdd(CARD_FILE, card.encode("utf-8")))
        commit = api.create_commit(
            repository,
            operations,
            commit_message=options.get("commit_message") or f"Upload {facts.kind}",
            commit_description=options.get("commit_description"),
            revision=revision,
            create_pr=create_pr,
        )
    except Exception as error:
        raise PushError(
            f"{facts.class_name} cannot be uploaded to {shown(repo_id)}: "
            f"{type(error).__name__}: {shown(str(error))}"
        ) from error
    return str(commit.pr_url if create_pr and commit.pr_url else commit.commit_url)


def saved_files(folder: str | os.PathLike[str], names: Iterable[str]) -> dict[str, Path | bytes]:
    """Return the files of a save, by name, also if another save is moving them."""
    place = expanded(folder)
    return {name: current_file(place, name) or place / name for name in names}


def repository_name(repo_id: str | None, folder: str | os.PathLike[str]) -> str:
    """Return the repository to upload a folder to: by default one of the folder's name."""
    return repo_id or expanded(folder).resolve().name


def source_on_hub(name_or_path: str) -> str:
    """Return the repository that a checkpoint was loaded from; nothing if it was a folder."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name_or_path)
    except HFValidationError:
        return ""
    return "" if not name_or_path or os.path.exists(name_or_path) else name_or_path


def _files_on_hub(api: HfApi, repository: str, revision: str | None) -> set[str]:
    return {file.rfilename for file in api.model_info(repository, revision=revision).siblings or ()}


def _card(
    api: HfApi, repository: str, present: bool, facts: CardFacts, options: PushOptions
) -> str | None:
    """Return the card to upload; ``None`` if the present one needs no change."""
    given = options.get("tags") or []
    tags = [given] if isinstance(given, str) else given
    if present:
        content = _read_card(api, repository, options.get("revision"))
        return changed_card(content, facts, tags)
    base = None
    if facts.base_model and facts.base_model != repository:
        try:
            base = _read_card(api, facts.base_model, None)
        except Exception:  # noqa: BLE001 - it may be gone, private, or have none
            base = None
    return new_card(repository, facts, tags, base)


def _read_card(api: HfApi, repository: str, revision: str | None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = api.hf_hub_download(repository, CARD_FILE, revision=revision, cache_dir=folder)
        return Path(path).read_text(encoding="utf-8")
