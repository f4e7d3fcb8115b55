"""The transcription of whole recordings, a window of 30 seconds after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation import GenerateOutput
from automodel_core.modeling import BaseModelOutput
from automodel_whisper.transcription.fallback import (
    Decoded,
    Run,
    Thresholds,
    mean_logprob,
    scores_of,
    without_end,
    without_padding,
)
from automodel_whisper.transcription.prompts import unfinished_pair_left_out
from automodel_whisper.transcription.segments import Clock, Segment, Written, padded, split
from automodel_whisper.transcription.token_times import alignment, token_times

Decode = Callable[..., GenerateOutput]
"""Writes what one window says: of features, states, prompts and their mask, and a temperature."""

UNLIKELY_CONTEXT = 0.5
"""From this temperature on, what was written is no context for what follows."""


@dataclass
class Recording:
    """One row of a batch: its first tokens, how far it is heard, and what was written."""

    start: Tensor
    end: int
    row: int
    seek: int = 0
    segments: list[Segment] = field(default_factory=list)
    past: list[Tensor] = field(default_factory=list)
    continues: bool = False
    """Whether the decoder reads ``past`` before the next window."""
    last_run: Run | None = None
    last_times: Tensor | None = None
    """The seconds of all tokens of the last run, if they were asked for."""


@dataclass(frozen=True)
class Plan:
    """How recordings are transcribed, as the arguments of ``generate`` say."""

    settings: Mapping[str, Any]
    thresholds: Thresholds
    temperatures: Sequence[float | None]
    clock: Clock
    prompt: Tensor | None
    prompts_every_window: bool
    """Whether the prompt stands before each window, in the place of the start of earlier text."""
    start_of_past: int | None
    heads: Any = None
    """The heads by which tokens get times, ``None`` if there are to be none."""
    is_bare: bool = True
    """Whether a segment's result is its row of ids, and no dictionary of all that was computed."""
    once: bool = False
    """Whether only the first window is heard."""

    @property
    def returns_timestamps(self) -> bool:
        """Whether tokens are cut into segments by timestamps among them."""
        return bool(self.settings["return_timestamps"])

    def first_past(self) -> list[Tensor]:
        """Return what a recording's first window continues: a prompt that stands there alone."""
        if self.prompt is None or self.prompts_every_window:
            return []
        starts = len(self.prompt) and int(self.prompt[0]) == self.start_of_past
        return [self.prompt[1:] if starts else self.prompt]


class Transcription:
    """A batch of recordings that is being transcribed.

    ``features`` are ``(rows, mels, frames)``, or ``None`` where ``first_states`` are all there is.
    """

    def __init__(
        self, model: Any, plan: Plan, features: Tensor | None, frame_counts: Sequence[int] | None
    ) -> None:
        self.model = model
        self.plan = plan
        self.features = features
        self.frame_counts = frame_counts

    def run(
        self,
        recordings: Sequence[Recording],
        first_states: BaseModelOutput | None,
        encode: Callable[[Tensor], BaseModelOutput],
        decode: Decode,
        monitor: Callable[[Tensor], None] | None = None,
    ) -> None:
        """Fill the recordings with segments; ``encode`` and ``decode`` hear one window."""
        states = first_states
        while active := [each for each in recordings if each.seek < each.end]:
            if monitor is not None:
                monitor(torch.tensor([[each.seek, each.end] for each in recordings]))
            window = self._window(active)
            if states is None and window is not None:
                states = encode(window)
            if states is None:
                raise GenerationArgumentError("encoder_outputs are of one window, and all is heard")
            decoded, prompts, mask = self._decoded(active, window, states, decode)
            self._write(active, decoded, states, prompts, mask)
            states = None
            if self.plan.once:
                break

    def _frames(self, recording: Recording) -> int:
        window: int = self.model.config.max_source_frames
        return min(recording.end - recording.seek, window)

    def _window(self, active: Sequence[Recording]) -> Tensor | None:
        """Return the features of the next window, filled up with zeros, if there are any."""
        if self.features is None:
            return None
        windows, width = [], self.model.config.max_source_frames
        for each in active:
            heard = self.features[each.row, :, each.seek : each.seek + self._frames(each)]
            windows.append(F.pad(heard, (0, width - heard.shape[-1])))
        return torch.stack(windows)

    # ---- what the decoder reads ----

    def _prompts(self, active: Sequence[Recording]) -> tuple[Tensor, Tensor | None]:
        """Return prompts ``(rows, length)`` and, where they are padded, their mask."""
        plan, start = self.plan, torch.stack([each.start for each in active])
        if not any(each.continues and each.past for each in active):
            if plan.prompt is None:
                return start, None
            return torch.cat([plan.prompt.expand(len(active), -1), start], dim=1), None
        most = self.model.config.max_target_positions // 2 - 1
        begin: list[Tensor] = []
        if plan.prompt is not None and plan.prompts_every_window:
            begin = [plan.prompt]
        elif plan.start_of_past is not None:
            begin = [start.new_tensor([plan.start_of_past])]
        before = []
        for each in active:
            past = each.past if each.continues else []
            read = [unfinished_pair_left_out(t, plan.clock.timestamp_begin) for t in past]
            before.append(torch.cat([*begin, torch.cat([start.new_zeros(0), *read])[-most:]]))
        pad = plan.settings["pad_token_id"]
        prompts = torch.cat([padded(before, pad, left=True), start], dim=1)
        return prompts, (prompts != pad).long()

    # ---- decoding, with fallbacks ----

    def _decoded(
        self,
        active: Sequence[Recording],
        window: Tensor | None,
        states: BaseModelOutput,
        decode: Decode,
    ) -> tuple[list[Decoded], Tensor, Tensor | None]:
        """Return what is written of a window, the prompts and their mask."""
        prompts, mask = self._prompts(active)
        silences = self._silences(states, prompts, mask, active[0].start.shape[0])
        found: dict[int, Decoded] = {}
        waiting = list(range(len(active)))
        for number, temperature in enumerate(self.plan.temperatures):
            given = window, states, prompts, mask
            if len(waiting) < len(active):
                rows = torch.tensor(waiting, device=prompts.device)
                given = (
                    window if window is None else window[rows],
                    rows_of(states, rows),
                    prompts[rows],
                    mask if mask is None else mask[rows],
                )
            output = decode(*given, temperature)
            is_last, again = number == len(self.plan.temperatures) - 1, []
            for row, place in enumerate(waiting):
                run = Run(output, row)
                result, repeats = self._judged(run, prompts.shape[1], temperature, silences[place])
                found[place] = result
                if repeats and not is_last:
                    again.append(place)
            waiting = again
            if not waiting:
                break
        return [found[place] for place in range(len(active))], prompts, mask

    def _judged(
        self, run: Run, prompt_length: int, temperature: float | None, silence: float
    ) -> tuple[Decoded, bool]:
        """Return a row of a run, and whether it should be decoded again."""
        settings, warmth = self.plan.settings, temperature or 0.0
        ends = settings["eos_token_ids"]
        tokens = run.output.sequences[run.row, prompt_length:]
        tokens = without_padding(tokens, settings["pad_token_id"], ends)

        def mean() -> float:
            return mean_logprob(scores_of(run), tokens, warmth)

        repeats, is_silent = self.plan.thresholds.verdict(
            tokens, self.model.config.vocab_size, mean, silence
        )
        return Decoded(without_end(tokens, ends), run, warmth, is_silent), repeats

    def _silences(
        self, states: BaseModelOutput, prompts: Tensor, mask: Tensor | None, start_length: int
    ) -> list[float]:
        """Return for each row how likely it is that nothing is said, where that is asked."""
        if self.plan.thresholds.no_speech is None:
            return [0.0] * len(prompts)
        logits = self.model(
            encoder_outputs=states,
            decoder_input_ids=prompts,
            decoder_attention_mask=mask,
            decoder_position_ids=positions_of(mask),
            use_cache=False,
            logits_to_keep=start_length,
        ).logits
        chances = logits[:, 0].float().softmax(dim=-1)
        silences: list[float] = chances[:, self.plan.clock.timestamp_begin - 2].tolist()
        return silences

    # ---- what is written ----

    def _write(
        self,
        active: Sequence[Recording],
        decoded: Sequence[Decoded],
        states: BaseModelOutput,
        prompts: Tensor,
        mask: Tensor | None,
    ) -> None:
        """Add a window's segments to the recordings, and move on."""
        for place, (recording, result) in enumerate(zip(active, decoded, strict=True)):
            frames, recording.last_run = self._frames(recording), result.run
            asked = self.plan.settings.get("condition_on_prev_tokens")
            recording.continues = bool(asked) and result.temperature < UNLIKELY_CONTEXT
            times = None
            if self.plan.heads is not None:
                shown = None if mask is None else mask[place : place + 1]
                context = states.last_hidden_state[place : place + 1]
                times = self._times(recording, result.run, prompts.shape[1], context, shown)
            recording.last_times = times
            if result.is_silent:
                recording.seek += frames
                continue
            details = self._details(result.run, times)
            written = Written(result.tokens, prompts.shape[1], details, times)
            segments, moved = split(written, recording.seek, frames, self.plan.clock)
            recording.segments += segments
            recording.past += [segment["tokens"] for segment in segments]
            recording.seek += moved

    def _details(self, run: Run, times: Tensor | None) -> Any:
        if self.plan.is_bare:
            return run.output.sequences[run.row]
        details = row_of(run)
        return details if times is None else {**details, "token_timestamps": times}

    def _times(
        self, recording: Recording, run: Run, prompt: int, context: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Return the seconds ``(length,)`` of all tokens of a row; those of the prompt are 0."""
        sequence = run.output.sequences[run.row]
        ends, length = self.plan.settings["eos_token_ids"], prompt + 1
        while length < len(sequence) and int(sequence[length - 1]) not in ends:
            length += 1
        read = sequence[None, : length - 1]
        if mask is not None:
            mask = F.pad(mask, (0, read.shape[1] - mask.shape[1]), value=1)
        attentions = self.model.model.decoder(
            input_ids=read,
            attention_mask=mask,
            position_ids=positions_of(mask),
            encoder_hidden_states=context,
            output_attentions=True,
            use_cache=False,
        ).cross_attentions
        weights = alignment(attentions, self.plan.heads)[:, prompt:]
        if self.frame_counts is not None:
            heard = (self.frame_counts[recording.row] - recording.seek) // 2
            weights = weights[..., : max(heard, 1)]
        found = token_times(
            weights, self.model.config.median_filter_width, self.plan.clock.precision
        )
        times = F.pad(found, (prompt, 0))
        return F.pad(times, (0, len(sequence) - len(times)), value=float(times[-1])).float()


def positions_of(mask: Tensor | None) -> Tensor | None:
    """Return positions that count no padding before a text; ``None`` if there is none."""
    return None if mask is None else (mask.cumsum(-1) - 1).clamp(min=0)


def rows_of(states: BaseModelOutput, rows: Tensor) -> BaseModelOutput:
    """Return some rows of an encoder's output."""
    return BaseModelOutput(
        last_hidden_state=states.last_hidden_state[rows],
        hidden_states=states.hidden_states and tuple(s[rows] for s in states.hidden_states),
        attentions=states.attentions and tuple(s[rows] for s in states.attentions),
    )


OF_STEPS = ("scores", "logits", "encoder_attentions", "encoder_hidden_states")
OF_LAYERS = ("decoder_attentions", "decoder_hidden_states", "cross_attentions")


def row_of(run: Run) -> dict[str, Any]:
    """Return all that a run computed for one row, on the CPU, without its cache."""
    details: dict[str, Any] = {}
    row = run.row
    for name, value in run.output.items():
        if name == "scores":
            details[name] = list(scores_of(run).cpu())
        elif name in OF_STEPS:
            details[name] = [step[row].cpu() for step in value]
        elif name in OF_LAYERS:
            details[name] = tuple(
                tuple(layer[row : row + 1].cpu() for layer in step) for step in value
            )
        elif isinstance(value, Tensor):
            details[name] = value[row].cpu()
    return details
