"""What ``generate`` of Whisper returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.generation import GenerateEncoderDecoderOutput
from automodel_whisper.transcription.fallback import Run
from automodel_whisper.transcription.segments import joined, padded
from automodel_whisper.transcription.windows import Plan, Recording


def result_of(
    recordings: Sequence[Recording], plan: Plan, device: torch.device, *, with_segments: bool
) -> Any:
    """Return sequences, alone or with all that the call asks for."""
    details = plan.settings.get("return_dict_in_generate")
    runs = [each.last_run for each in recordings if each.last_run is not None]
    if details and len(runs) == len(recordings) and (plan.once or not plan.returns_timestamps):
        return _details(recordings, runs, plan)
    with_segments = with_segments or bool(details)
    pad = plan.settings["pad_token_id"]
    if plan.once:
        rows, times = [run.output.sequences[run.row] for run in runs], _times_of_runs(recordings)
    else:
        rows = joined([[s["tokens"] for s in each.segments] for each in recordings], device)
        times = [_times(each, device) for each in recordings]
    sequences = padded(rows, pad)
    if not with_segments and plan.heads is None:
        return sequences
    result: dict[str, Any] = {"sequences": sequences}
    if plan.heads is not None:
        result["token_timestamps"] = padded(times, None)
    if with_segments:
        result["segments"] = [each.segments for each in recordings]
    return result


def _times(recording: Recording, device: torch.device) -> Tensor:
    """Return the seconds of a recording's tokens, counted from its beginning."""
    parts = [s["token_timestamps"] for s in recording.segments if "token_timestamps" in s]
    return torch.cat([torch.zeros(0, dtype=torch.float32), *parts]).float()


def _times_of_runs(recordings: Sequence[Recording]) -> list[Tensor]:
    """Return the seconds of all tokens of each recording's only run, its prompt's too."""
    return [each.last_times for each in recordings if each.last_times is not None]


def _details(recordings: Sequence[Recording], runs: Sequence[Run], plan: Plan) -> Any:
    """Return what the only window's run computed; of several runs, no more than the tokens."""
    if all(run.output is runs[0].output for run in runs):
        output = runs[0].output
    else:
        rows = [run.output.sequences[run.row] for run in runs]
        pad = plan.settings["pad_token_id"]
        output = GenerateEncoderDecoderOutput(sequences=padded(rows, pad))
    if plan.heads is None:
        return output
    return {**output, "token_timestamps": padded(_times_of_runs(recordings), None)}
