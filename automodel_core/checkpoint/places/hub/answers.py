"""What a hub answers in place of what was asked for: later, which is asked again, or no."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from automodel_core.errors import CheckpointNotFoundError, shown

__all__ = ["Patience", "explained"]

T = TypeVar("T")

BUSY = frozenset({429, 500, 502, 503, 504})
"""Statuses that say that the same request may do later."""
TRIES = 5
LONGEST_WAIT = 60.0
"""Seconds to wait for one answer, all tries together."""

logger = logging.getLogger("automodel_core")


class Patience:
    """Asks a hub again that is busy, as often and as late as it wants, within bounds."""

    def __init__(self) -> None:
        self._told = False

    def ask(self, question: Callable[[], T]) -> T:
        """Return the answer; after too many tries, or too long a wait, raise the last error."""
        waited = 0.0
        for attempt in range(TRIES):
            try:
                return question()
            except Exception as error:
                response = _response(error)
                if response is None or response.status_code not in BUSY or attempt == TRIES - 1:
                    raise
                pause = _retry_after(response)
                wait = float(2**attempt) if pause is None else pause
                if waited + wait > LONGEST_WAIT:
                    raise
                self._tell(response, wait)
            time.sleep(wait)
            waited += wait
        raise AssertionError("unreachable")

    def _tell(self, response: Any, wait: float) -> None:
        if not self._told:
            logger.warning(
                "the hub answered %s to %s; it is asked again in %.0f s, and up to %d times in all",
                response.status_code,
                response.request.url,
                wait,
                TRIES,
            )
        self._told = True


def _response(error: BaseException | None) -> Any:
    """Return the hub's answer that an error of the client, or a cause of it, is about."""
    from huggingface_hub.errors import HfHubHTTPError

    while error is not None:
        if isinstance(error, HfHubHTTPError) and error.response is not None:
            return error.response
        error = error.__cause__
    return None


def _retry_after(response: Any) -> float | None:
    """Return the seconds that the header Retry-After tells, as a number or as a date."""
    value = str(response.headers.get("Retry-After") or "").strip()
    if value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())


def explained(
    error: Exception, repo_id: str, revision: str, filename: str | None = None
) -> CheckpointNotFoundError:
    """Return the error that says what was asked of the hub, what it answered, and what to do."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, CheckpointNotFoundError):
        return error
    what = f"{shown(repo_id)} at revision {shown(revision)}"
    if filename is not None:
        what = f"file {shown(filename)} of {what}"
    log_in = "log in with 'hf auth login' or pass token="
    if isinstance(error, GatedRepoError):
        reason = (
            f"access to {what} is gated: ask for it at {constants.ENDPOINT}/{repo_id} and {log_in}"
        )
    elif isinstance(error, RepositoryNotFoundError):
        reason = (
            f"{shown(repo_id)} is not a local folder and not a repository on {constants.ENDPOINT}; "
            f"check the name, or, if the repository is private, {log_in}"
        )
    elif isinstance(error, RevisionNotFoundError):
        reason = f"hub repository {shown(repo_id)} has no revision {shown(revision)}"
    elif isinstance(error, LocalTokenNotFoundError):
        reason = f"token=True was given and nobody is logged in: {log_in}"
    elif isinstance(error, OfflineModeIsEnabled):
        reason = f"{what} is not in the cache, and offline mode is on"
    elif (response := _response(error)) is not None:
        pause = _retry_after(response)
        later = "" if pause is None else f"; it asks to wait {pause:.0f} s"
        reason = f"the hub answered {response.status_code} for {what}: {shown(str(error))}{later}"
    elif isinstance(error, EntryNotFoundError) and filename is not None:
        reason = f"{what} cannot be fetched and is not in the cache: {shown(str(error))}"
    else:
        reason = (
            f"{what} cannot be fetched ({type(error).__name__}: {shown(str(error))}); "
            "check the connection, or use local_files_only=True with a filled cache"
        )
    return CheckpointNotFoundError(reason)
