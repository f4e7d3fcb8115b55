"""Records per-step scores, logits, attentions and hidden states, where the caller asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from automodel_core.generation.session.outputs import (
    GenerateBeamDecoderOnlyOutput,
    GenerateBeamEncoderDecoderOutput,
    GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput,
    GenerateOutput,
)
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.settings.generation import GenerationConfig

__all__ = ["Recorder"]


Select = Callable[[Tensor, str], Tensor]


class Recorder:
    """Record what the settings ask for at each step, and put it into the output."""

    def __init__(self, config: GenerationConfig, session: DecodingSession) -> None:
        records = bool(config.return_dict_in_generate)
        self.records_scores = records and bool(config.output_scores)
        self._records_logits = records and bool(config.output_logits)
        self._records_attentions = records and bool(config.output_attentions)
        self._records_states = records and bool(config.output_hidden_states)
        self._session = session
        self._steps: dict[str, list[Any]] = {}

    def record_logits(self, logits: Tensor) -> None:
        """Record a copy of a step's logits in float32, before processors change them."""
        if self._records_logits:
            self._add("logits", logits.float().clone())

    def record_step(self, scores: Tensor, select: Select | None = None) -> None:
        """Record a step's processed scores, and attentions and states of the last forward.

        ``select(tensor, name)`` picks the step's part out of a layer's tensor: ``hidden_states``
        (rows, queries, size), ``attentions`` or ``cross_attentions`` (rows, heads, queries, keys).
        """
        if self.records_scores:
            self._add("scores", scores)
        if self._records_attentions:
            self._add_layers("attentions", self._session.attentions, select)
            if self._session.is_encoder_decoder:
                self._add_layers("cross_attentions", self._session.cross_attentions, select)
        if self._records_states:
            self._add_layers("hidden_states", self._session.hidden_states, select)

    def _add_layers(self, name: str, layers: tuple[Tensor, ...], select: Select | None) -> None:
        if select is not None:
            layers = tuple(select(layer, name) for layer in layers)
        self._add(name, layers)

    def _add(self, name: str, step: Any) -> None:
        self._steps.setdefault(name, []).append(step)

    @property
    def scores_so_far(self) -> tuple[Tensor, ...] | None:
        """The recorded scores of all steps, for stopping criteria; None if none are recorded."""
        return tuple(self._steps.get("scores", ())) if self.records_scores else None

    def output(self, sequences: Tensor) -> GenerateOutput:
        """Return the token ids (rows, length) with the records."""
        is_pair = self._session.is_encoder_decoder
        output = GenerateEncoderDecoderOutput if is_pair else GenerateDecoderOnlyOutput
        return output(sequences, **self._fields())

    def beam_output(self, sequences: Tensor, scores: Tensor, parents: Tensor) -> GenerateOutput:
        """Return token ids, their scores (rows,) and ``beam_indices`` with the records."""
        is_pair = self._session.is_encoder_decoder
        output = GenerateBeamEncoderDecoderOutput if is_pair else GenerateBeamDecoderOnlyOutput
        fields = self._fields()
        if self.records_scores:
            fields["sequences_scores"] = scores
        return output(sequences, beam_indices=parents, **fields)

    def _fields(self) -> dict[str, Any]:
        """Return the records under the names that the output of this architecture has."""
        records: dict[str, Any] = {name: tuple(steps) for name, steps in self._steps.items()}
        records["past_key_values"] = self._session.cache
        if not self._session.is_encoder_decoder:
            return records
        names = {"attentions": "decoder_attentions", "hidden_states": "decoder_hidden_states"}
        records = {names.get(name, name): steps for name, steps in records.items()}
        encoder = self._session.encoder_outputs
        if self._records_attentions:
            records["encoder_attentions"] = encoder.get("attentions")
        if self._records_states:
            records["encoder_hidden_states"] = encoder.get("hidden_states")
        return records
