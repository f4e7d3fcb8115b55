"""The ``README.md`` of a repository: what the files are, what wrote them, and how to load them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

__all__ = [
    "CARD_FILE",
    "CardFacts",
    "changed_card",
    "distribution_of",
    "installed_versions",
    "new_card",
]

CARD_FILE = "README.md"
LIBRARY = "automodel"
LICENCE_KEYS = ("license", "license_name", "license_link")

logger = logging.getLogger("automodel_core")


@dataclass(frozen=True)
class CardFacts:
    """What a card says of the files that an object wrote.

    ``kind`` is a word such as ``tokenizer``; ``loader`` the class of ``automodel_core``, or of the
    distribution, that loads them; ``base_model`` the repository that they come from, or empty.
    """

    kind: str
    class_name: str
    loader: str
    distribution: str | None = None
    model_type: str = ""
    base_model: str = ""


def installed_versions(distribution: str | None) -> dict[str, str]:
    """Return the version of the core, and of the distribution that provides an architecture."""
    return {name: _version(name) for name in ("automodel-core", distribution) if name is not None}


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # modules that were put on the path
        return "unknown"


def distribution_of(kind: type[object]) -> str | None:
    """Return the distribution that a class comes from, if that is another one than the core."""
    package = kind.__module__.partition(".")[0]
    if package == __name__.partition(".")[0]:
        return None
    return next(iter(metadata.packages_distributions().get(package, ())), None)


def new_card(repo_id: str, facts: CardFacts, tags: Iterable[str], base_card: str | None) -> str:
    """Return the card of a repository that has none; ``base_card`` is that of the base model."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        library_name=LIBRARY,
        tags=list(dict.fromkeys([*filter(None, [facts.model_type]), *tags])) or None,
        base_model=facts.base_model or None,
        **_licence(base_card),
    )
    versions = installed_versions(facts.distribution)
    written_by = " and ".join(f"{name} {version}" for name, version in versions.items())
    module = "automodel_core"
    if not facts.loader.startswith(("Auto", "Generation")):
        module = (facts.distribution or "the package that provides it").replace("-", "_")
    origin = (
        f"\nIt comes from [{facts.base_model}](https://huggingface.co/{facts.base_model}).\n"
        if facts.base_model
        else ""
    )
    return f"""---
{data.to_yaml()}
---

# {repo_id.rpartition("/")[2]}

A {facts.kind}, `{facts.class_name}`, saved with {written_by}.
{origin}
## How to load it

```console
pip install {facts.distribution or "automodel-core"}
```

```python
from {module} import {facts.loader}

{facts.kind.replace(" ", "_")} = {facts.loader}.from_pretrained("{repo_id}")
```

The files have the usual names and formats of the hub, which transformers reads, too.
"""


def changed_card(content: str, facts: CardFacts, tags: Iterable[str]) -> str | None:
    """Return a card with what its metadata lack; its text stays. ``None`` if it lacks nothing."""
    from huggingface_hub import ModelCard

    card = ModelCard(content, ignore_metadata_errors=True)
    data: Any = card.data
    before = data.to_dict()
    if not data.library_name:
        data.library_name = LIBRARY
    if facts.base_model and not data.base_model:
        data.base_model = facts.base_model
    data.tags = list(dict.fromkeys([*(data.tags or ()), *tags])) or None
    return None if data.to_dict() == before else str(card)


def _licence(card: str | None) -> Mapping[str, Any]:
    """Return what a base model's card says of its licence, which holds for what is made of it."""
    from huggingface_hub import ModelCard

    if card is None:
        return {}
    try:
        data: Any = ModelCard(card, ignore_metadata_errors=True).data
    except Exception as error:  # noqa: BLE001 - somebody else's card, which may be anything
        logger.info("the base model's card cannot be read: %s", error)
        return {}
    said = data.to_dict()
    return {key: said[key] for key in LICENCE_KEYS if key in said}
