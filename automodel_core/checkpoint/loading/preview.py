"""Preview a load from headers alone: no tensor is read, and torch is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from automodel_core.checkpoint.formats.choice import WeightFiles, find_weights
from automodel_core.checkpoint.formats.safetensors_header import (
    TensorInfo,
    check_tensors,
    read_header,
)
from automodel_core.checkpoint.loading.match import expected_tensors, match_names, mismatches
from automodel_core.checkpoint.loading.report import LoadReport
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.checkpoint.places.source import CheckpointFiles

__all__ = ["WeightPlan", "plan_weights"]


@dataclass(frozen=True)
class WeightPlan:
    """The weight files of a checkpoint, and what is known of their content.

    ``tensors`` is ``None`` for a format that tells nothing before it is read. ``sizes`` are bytes,
    without the header for a file that is on the hub, ``None`` if unknown. ``local`` says whether
    the files are on this machine.
    """

    files: tuple[str, ...]
    format: str
    sizes: tuple[int | None, ...]
    local: bool
    tensors: Mapping[str, TensorInfo] | None

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
    ) -> LoadReport | None:
        """Return the report of a load into a model with weights of these module names and shapes.

        ``None`` if the content is unknown. Whether tied weights have equal values is not known
        before they are read: the target counts as tied.
        """
        if self.tensors is None:
            return None
        expected = expected_tensors(shapes, names)
        matching = match_names(
            self.tensors, expected, names, base_prefix=base_prefix, key_mapping=key_mapping
        )
        wrong = mismatches(matching, self.tensors, expected)
        missing = set(expected) - set(matching.found)
        shared: list[str] = []
        for target, source in (tied or {}).items():
            pair = names.to_hub(target).name, names.to_hub(source).name
            if not missing.issuperset(pair):
                shared.append(pair[1] if pair[1] in missing else pair[0])
                missing.difference_update(pair)
        skipped = {name for name, _, _ in wrong}
        return LoadReport(
            loaded=tuple(name for name in expected if name in matching.found.keys() - skipped),
            tied=tuple(shared),
            unexpected=tuple(matching.unexpected),
            mismatched=tuple(wrong),
            missing=tuple(name for name in expected if name in missing),
        )


def plan_weights(
    files: CheckpointFiles, *, use_safetensors: bool | None = None, variant: str | None = None
) -> WeightPlan:
    """Return what is known of a checkpoint's weights without fetching or reading them.

    Of safetensors files on the hub only the headers are fetched.
    """
    weights = find_weights(files, use_safetensors=use_safetensors, variant=variant)
    known = _headers(weights) if weights.format.name == "safetensors" else None
    local = all(files.is_local(name) for name in weights.names)
    return WeightPlan(
        files=weights.names,
        format=weights.format.name,
        sizes=tuple(
            files.size(name) if known is None else known[name][1] for name in weights.names
        ),
        local=local,
        tensors=None if known is None else _merged(weights, known),
    )


def _headers(weights: WeightFiles) -> dict[str, tuple[Mapping[str, TensorInfo], int]]:
    """Return the tensors and the size of each file, from local files or the hub's."""
    found: dict[str, tuple[Mapping[str, TensorInfo], int]] = {}
    for name in weights.names:
        files = weights.files
        entries = None if files.is_local(name) else files.remote_header(name)
        if entries is None:
            header = read_header(files.require(name))
            found[name] = (header.tensors, header.file_size)
        else:
            tensors, spans = check_tensors(entries, name)
            found[name] = (tensors, max((end for _, end in spans.values()), default=0))
    return found


def _merged(
    weights: WeightFiles, known: Mapping[str, tuple[Mapping[str, TensorInfo], int]]
) -> dict[str, TensorInfo]:
    merged = {name: info for tensors, _ in known.values() for name, info in tensors.items()}
    for name, file in (weights.weight_map or {}).items():
        if name in known[file][0]:
            merged[name] = known[file][0][name]
    return merged
