"""What a strategy keeps of each step, if the caller asked for it."""

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

__all__ = ["Trace"]


Select = Callable[[Tensor, str], Tensor]


class Trace:
    """Collect scores, logits, attentions and hidden states; everything stays None unless wanted."""

    def __init__(self, config: GenerationConfig, session: DecodingSession) -> None:
        wanted = bool(config.return_dict_in_generate)
        self.keeps_scores = wanted and bool(config.output_scores)
        self.keeps_logits = wanted and bool(config.output_logits)
        self._keeps_attentions = wanted and bool(config.output_attentions)
        self._keeps_states = wanted and bool(config.output_hidden_states)
        self._session = session
        self._steps: dict[str, list[Any]] = {}

    def logits(self, logits: Tensor) -> None:
        """Keep a copy of a step's logits in single precision, before processors change them."""
        if self.keeps_logits:
            self._add("logits", logits.float().clone())

    def scores(self, scores: Tensor, select: Select | None = None) -> None:
        """Keep a step's processed scores, and what the forward before it returned.

        ``select`` picks out of a layer's tensor what belongs to the step: of ``hidden_states``
        (rows, queries, size), ``attentions`` and ``cross_attentions`` (rows, heads, queries, keys).
        """
        if self.keeps_scores:
            self._add("scores", scores)
        if self._keeps_attentions:
            self._add_layers("attentions", self._session.attentions, select)
            if self._session.is_encoder_decoder:
                self._add_layers("cross_attentions", self._session.cross_attentions, select)
        if self._keeps_states:
            self._add_layers("hidden_states", self._session.hidden_states, select)

    def _add_layers(self, name: str, layers: tuple[Tensor, ...], select: Select | None) -> None:
        if select is not None:
            layers = tuple(select(layer, name) for layer in layers)
        self._add(name, layers)

    def _add(self, name: str, step: Any) -> None:
        self._steps.setdefault(name, []).append(step)

    @property
    def scores_so_far(self) -> tuple[Tensor, ...] | None:
        """What stopping criteria may look at."""
        return tuple(self._steps.get("scores", ())) if self.keeps_scores else None

    def output(self, sequences: Tensor) -> GenerateOutput:
        """Return what was kept with the token ids (rows, length)."""
        is_pair = self._session.is_encoder_decoder
        output = GenerateEncoderDecoderOutput if is_pair else GenerateDecoderOnlyOutput
        return output(sequences, **self._fields())

    def beam_output(self, sequences: Tensor, scores: Tensor, parents: Tensor) -> GenerateOutput:
        """Return what was kept with token ids, their scores (rows,) and ``beam_indices``."""
        is_pair = self._session.is_encoder_decoder
        output = GenerateBeamEncoderDecoderOutput if is_pair else GenerateBeamDecoderOnlyOutput
        fields = self._fields()
        if self.keeps_scores:
            fields["sequences_scores"] = scores
        return output(sequences, beam_indices=parents, **fields)

    def _fields(self) -> dict[str, Any]:
        """Return what was kept under the names that fit the architecture."""
        kept = {name: tuple(steps) for name, steps in self._steps.items()}
        kept["past_key_values"] = self._session.cache
        if not self._session.is_encoder_decoder:
            return kept
        names = {"attentions": "decoder_attentions", "hidden_states": "decoder_hidden_states"}
        kept = {names.get(name, name): steps for name, steps in kept.items()}
        encoder = self._session.encoder_outputs
        if self._keeps_attentions:
            kept["encoder_attentions"] = encoder.get("attentions")
        if self._keeps_states:
            kept["encoder_hidden_states"] = encoder.get("hidden_states")
        return kept
