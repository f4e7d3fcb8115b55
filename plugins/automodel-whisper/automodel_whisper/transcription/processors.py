"""The rules of timestamps, as a logits processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from automodel_core.generation import LogitsProcessor


class WhisperTimeStampLogitsProcessor(LogitsProcessor):
    """Let timestamps come in pairs, in order, and wherever they are likelier than any text.

    ``settings`` are a generation config, or its values: ``no_timestamps_token_id``, behind which
    timestamps begin, ``eos_token_id``, and ``max_initial_timestamp_index``, the latest that the
    first may be. The tokens from ``begin_index`` on are generated.
    """

    def __init__(
        self,
        generate_config: Any,
        begin_index: int,
        _detect_timestamp_from_logprob: bool = True,
    ) -> None:
        given = generate_config if isinstance(generate_config, Mapping) else vars(generate_config)
        ends = given.get("eos_token_id")
        ends = given.get("bos_token_id") if ends is None else ends
        self.no_timestamps_token_id: int = given["no_timestamps_token_id"]
        self.timestamp_begin = self.no_timestamps_token_id + 1
        self.eos_token_id: Any = ends[0] if isinstance(ends, list | tuple) else ends
        self.max_initial_timestamp_index = given.get("max_initial_timestamp_index")
        self.begin_index = begin_index
        self._prefers_likely_timestamps = _detect_timestamp_from_logprob

    def set_begin_index(self, begin_index: int) -> None:
        self.begin_index = begin_index

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        begin, never = self.timestamp_begin, -torch.inf
        scores = scores.clone()
        scores[:, self.no_timestamps_token_id] = never
        written = input_ids[:, self.begin_index :]
        if written.shape[1]:
            self._keep_order(written, scores)
        else:
            scores[:, :begin] = never
            if self.max_initial_timestamp_index is not None:
                scores[:, begin + self.max_initial_timestamp_index + 1 :] = never
        if self._prefers_likely_timestamps:
            chances = scores.float().log_softmax(dim=-1)
            likely = chances[:, begin:].logsumexp(dim=-1) > chances[:, :begin].amax(dim=-1)
            scores[:, :begin].masked_fill_(likely[:, None], never)
        return scores

    def _keep_order(self, written: Tensor, scores: Tensor) -> None:
        """Forbid what no pair of timestamps, or no later time, may begin with."""
        begin, never = self.timestamp_begin, -torch.inf
        is_time = written >= begin
        last = is_time[:, -1]
        before = is_time[:, -2] if written.shape[1] > 1 else torch.ones_like(last)
        scores[:, begin:].masked_fill_((last & before)[:, None], never)
        scores[:, : self.eos_token_id].masked_fill_((last & ~before)[:, None], never)
        places = torch.arange(1, written.shape[1] + 1, device=written.device)
        latest = (is_time * places).argmax(dim=1, keepdim=True)
        time = written.gather(1, latest)[:, 0]
        # A time that is begun may be ended at once; one that stands alone is not said again.
        earliest = torch.where(last & ~before, time, time + 1)
        earliest = earliest.masked_fill(~is_time.any(dim=1), begin)
        tokens = torch.arange(begin, scores.shape[1], device=scores.device)
        scores[:, begin:].masked_fill_(tokens < earliest[:, None], never)
