"""Preview a load from headers alone: no tensor is read, and torch is not needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

from automodel_core.checkpoint.formats.choice import WeightFiles, find_weights
from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.formats.safetensors_header import check_tensors, read_header
from automodel_core.checkpoint.formats.translated import translated_infos
from automodel_core.checkpoint.loading.match import expected_tensors, match_names, mismatches
from automodel_core.checkpoint.loading.report import LoadReport, Origin
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.checkpoint.places.source import CheckpointFiles

__all__ = ["WeightPlan", "plan_weights"]

_PARALLEL_HEADERS = 8


@dataclass(frozen=True)
class WeightPlan:
    """The weight files of a checkpoint, and what is known of their content.

    ``tensors`` is ``None`` for a format that tells nothing before it is read. ``sizes`` are bytes,
    ``None`` if unknown. ``local`` says whether the files are on this machine, ``metadata`` holds
    the notes of those that are.
    """

    files: tuple[str, ...]
    format: str
    sizes: tuple[int | None, ...]
    local: bool
    tensors: Mapping[str, TensorInfo] | None
    metadata: Mapping[str, str]

    @property
    def nbytes(self) -> int | None:
        """The size of all files together, in bytes."""
        known = [size for size in self.sizes if size is not None]
        return sum(known) if len(known) == len(self.sizes) else None

    @property
    def dtypes(self) -> dict[str, int]:
        """The bytes that the tensors of each dtype take, the largest share first."""
        found: dict[str, int] = {}
        for info in (self.tensors or {}).values():
            found[info.dtype] = found.get(info.dtype, 0) + info.nbytes
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def compare(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        names: WeightNames,
        *,
        base_prefix: str = "",
        tied: Mapping[str, str] | None = None,
        key_mapping: Mapping[str, str] | None = None,
        dtype_of: Callable[[str, str], str] = lambda module, stored: stored,
    ) -> LoadReport | None:
        """Return the report of a load into a model with weights of these module names and shapes.

        ``None`` if the content is unknown. Whether tied weights have equal values is not known
        before they are read: the target counts as tied. ``dtype_of`` says in which dtype a module's
        weight is loaded, for the stored one.
        """
        if self.tensors is None:
            return None
        expected = expected_tensors(shapes, names)
        matching = match_names(
            self.tensors, expected, names, base_prefix=base_prefix, key_mapping=key_mapping
        )
        wrong = mismatches(matching, self.tensors, expected)
        missing = set(expected) - set(matching.found)
        wrong_names = {name for name, _, _ in wrong}
        origins = {name: Origin(name, self.tensors[name], "") for name in matching.unexpected}
        for hub, name in matching.found.items():
            stored, modules = self.tensors[name], expected[hub].modules
            dtype = "" if hub in wrong_names else dtype_of(modules[0], stored.dtype)
            origins[hub] = Origin(name, stored, dtype, len(modules))
        shared: list[str] = []
        for target, source in (tied or {}).items():
            pair = names.to_hub(target).name, names.to_hub(source).name
            if not missing.issuperset(pair):
                target, source = pair if pair[1] not in missing else pair[::-1]
                shared.append(target)
                origins.setdefault(target, origins[source])
                missing.difference_update(pair)
        loaded = [name for name in matching.found if name not in wrong_names]
        return LoadReport(
            loaded=tuple(loaded),
            tied=tuple(shared),
            converted=tuple(n for n in loaded if origins[n].dtype != origins[n].stored.dtype),
            unexpected=tuple(matching.unexpected),
            mismatched=tuple(wrong),
            missing=tuple(name for name in expected if name in missing),
            origins=origins,
        )


def plan_weights(files: CheckpointFiles, **choice: Any) -> WeightPlan:
    """Return what is known of a checkpoint's weights without fetching or reading them.

    ``choice`` are arguments of `find_weights`. Of safetensors files on the hub only the headers are
    fetched, those of shards side by side; other formats tell what they hold where they are on this
    machine, and never run code.
    """
    weights = find_weights(files, **choice)
    is_local = all(files.is_local(name) for name in weights.names)
    tensors: Mapping[str, TensorInfo] | None = None
    metadata: dict[str, str] = {}
    if weights.format.name == "safetensors":
        headers = _headers(weights)
        for header in headers.values():
            metadata.update(header.metadata)
        tensors = _merged(weights, headers)
        if (translation := weights.translation(metadata)) is not None:
            tensors = translated_infos(tensors, translation)[0]
    elif weights.format.safe and is_local and find_spec("torch") is not None:
        opened = weights.open()
        tensors, metadata = opened, dict(opened.metadata)
    return WeightPlan(
        files=weights.names,
        format=weights.format.name,
        sizes=tuple(files.size(name) for name in weights.names),
        local=is_local,
        tensors=tensors,
        metadata=metadata,
    )


class _Header(NamedTuple):
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]


def _headers(weights: WeightFiles) -> dict[str, _Header]:
    """Return what each file holds, from local files or the hub's."""
    remote = [name for name in weights.names if not weights.files.is_local(name)]
    with ThreadPoolExecutor(min(_PARALLEL_HEADERS, len(remote) or 1)) as pool:
        fetched = dict(zip(remote, pool.map(weights.files.remote_header, remote), strict=True))
    found = {}
    for name in weights.names:
        entries = fetched.get(name)
        if entries is None:
            header = read_header(weights.files.require(name))
            found[name] = _Header(header.tensors, header.metadata)
        else:
            found[name] = _Header(check_tensors(entries, name)[0], {})
    return found


def _merged(weights: WeightFiles, headers: Mapping[str, _Header]) -> dict[str, TensorInfo]:
    merged = {name: info for header in headers.values() for name, info in header.tensors.items()}
    for name, file in (weights.weight_map or {}).items():
        if name in headers[file].tensors:
            merged[name] = headers[file].tensors[name]
    return merged
