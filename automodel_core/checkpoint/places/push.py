"""A saved folder onto the hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypedDict

from automodel_core.errors import AutomodelError, InputError, shown

__all__ = ["PushError", "PushOptions", "push_folder"]


class PushOptions(TypedDict, total=False):
    """The keyword arguments of `push_folder`."""

    commit_message: str | None
    commit_description: str | None
    private: bool | None
    token: str | bool | None
    revision: str | None
    create_pr: bool
    ignore_patterns: list[str] | None


class PushError(AutomodelError, OSError):
    """The hub did not take the files."""


def push_folder(
    folder: str | os.PathLike[str],
    repo_id: str | None = None,
    *,
    commit_message: str | None = None,
    commit_description: str | None = None,
    private: bool | None = None,
    token: str | bool | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    ignore_patterns: list[str] | None = None,
) -> str:
    """Upload a folder as one commit and return its address.

    The repository is made if needed; its name is the folder's if none is given. Raises
    ``PushError`` with what the hub answered.
    """
    from huggingface_hub import HfApi

    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {shown(str(folder))} to upload")
    api = HfApi(token=token, library_name="automodel-core")
    name = repo_id or folder.resolve().name
    try:
        repository = api.create_repo(name, private=private, exist_ok=True)
        if revision is not None and not create_pr:
            api.create_branch(repository.repo_id, branch=revision, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository.repo_id,
            folder_path=folder,
            commit_message=commit_message or "Upload model",
            commit_description=commit_description,
            revision=revision,
            create_pr=create_pr,
            ignore_patterns=[".*", "*.tmp", *(ignore_patterns or [])],
        )
    except Exception as error:
        raise PushError(
            f"folder {shown(str(folder))} cannot be uploaded to {shown(name)}: "
            f"{type(error).__name__}: {shown(str(error))}"
        ) from error
    return str(commit.pr_url if create_pr and commit.pr_url else commit.commit_url)
