"""Content from the web, within limits."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from automodel_core.errors import InputError, shown

__all__ = ["MOST_BYTES", "fetch", "is_address"]

SCHEMES = ("http", "https")
MOST_BYTES = 64 * 2**20
MOST_REDIRECTS = 5
MOST_SECONDS = 30.0
PIECE = 2**16
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def is_address(text: str) -> bool:
    """Return whether a text is the address of something on the web."""
    return text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, and none that leaves the web."""

    max_redirections = MOST_REDIRECTS
    max_repeats = 1

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if urlsplit(newurl).scheme not in SCHEMES:
            raise urllib.error.URLError(f"it leads to {shown(newurl)}, which is not on the web")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(address: str, *, timeout: float | None = None) -> bytes:
    """Return what is at an address; ``timeout`` bounds the seconds that it may take, usually 30.

    Raises `InputError` for what cannot be reached, takes too long or has more than 64 MiB, and
    where the environment says that the network is not to be used.
    """
    switched = [
        name for name in OFFLINE if os.environ.get(name, "").lower() in ("1", "true", "yes")
    ]
    if switched:
        raise InputError(f"{shown(address)} is not fetched, because {switched[0]} is set")
    seconds = MOST_SECONDS if timeout is None else timeout
    end = time.monotonic() + seconds
    opener = urllib.request.build_opener(_Redirects)
    request = urllib.request.Request(address, headers={"User-Agent": "automodel-core"})  # noqa: S310 - of the web, as the caller has checked
    content = bytearray()
    try:
        with opener.open(request, timeout=seconds) as answer:
            while piece := answer.read1(PIECE):
                content += piece
                if len(content) > MOST_BYTES:
                    raise InputError(f"{shown(address)} has more than {MOST_BYTES} bytes")
                if time.monotonic() > end:
                    raise InputError(f"{shown(address)} took more than {seconds} seconds")
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown(address)} cannot be fetched: {error}") from error
    return bytes(content)
