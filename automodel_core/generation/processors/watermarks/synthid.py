"""SynthID's watermark by tournaments of tokens (https://doi.org/10.1038/s41586-024-08025-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.processors.base import Device, LogitsProcessor
from automodel_core.generation.settings.watermark import SynthIDTextWatermarkingConfig

__all__ = ["SynthIDTextWatermarkDetector", "SynthIDTextWatermarkLogitsProcessor"]

MULTIPLIER, INCREMENT = 6364136223846793005, 1
"""Of the linear congruential generator of newlib and musl; sums wrap around at 64 bits."""


def hashed(seed: Tensor, data: Tensor) -> Tensor:
    """Return the hash of numbers (..., length), starting from ``seed`` (...)."""
    for number in data.unbind(-1):
        seed = (seed + number) * MULTIPLIER + INCREMENT
    return seed


class SynthIDTextWatermarkLogitsProcessor(LogitsProcessor):
    """Change probabilities as if tokens had to win a tournament for each of the ``keys``.

    A tournament's random numbers, the g-values 0 and 1, are looked up by a hash of its key, the
    last ``ngram_len - 1`` new tokens and the token itself. In expectation over the keys the
    distribution is unchanged.
    """

    def __init__(
        self,
        ngram_len: int,
        keys: Sequence[int],
        sampling_table_size: int = 2**16,
        sampling_table_seed: int = 0,
        context_history_size: int = 1024,
        device: Device = None,
        skip_first_ngram_calls: bool = False,
        debug_mode: bool = False,
    ) -> None:
        config = SynthIDTextWatermarkingConfig(
            ngram_len=ngram_len, keys=list(keys), sampling_table_size=sampling_table_size
        )
        config.validate()
        self.device = torch.device("cpu" if device is None else device)
        self.ngram_len = ngram_len
        self.keys = torch.tensor(config.keys, device=self.device)
        generator = torch.Generator(device=self.device).manual_seed(sampling_table_seed)
        self.sampling_table = torch.randint(
            0, 2, (sampling_table_size,), generator=generator, device=self.device
        )
        self.context_history_size = context_history_size
        self.skip_first_ngram_calls = skip_first_ngram_calls
        self.debug_mode = debug_mode
        self._start: int | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Mark the scores; the ``input_ids`` of the first call are the prompt."""
        if self.debug_mode:
            scores = torch.ones_like(scores)
        if self._start is None or input_ids.shape[1] < self._start:
            self._start = input_ids.shape[1]
        width = self.ngram_len - 1
        new = input_ids[:, self._start :]
        contexts = F.pad(new, (width, 0)).unfold(1, width, 1)
        if self.skip_first_ngram_calls:
            contexts = contexts[:, width:]
            if contexts.shape[1] == 0:
                return scores
        contexts = contexts[:, -self.context_history_size - 1 :]
        hashes = hashed(torch.ones_like(contexts[..., 0]), contexts)
        repeated = (hashes[:, :-1] == hashes[:, -1:]).any(dim=1, keepdim=True)
        tokens = torch.arange(scores.shape[1], device=scores.device)
        of_tokens = hashed(hashes[:, -1:], tokens[None, :, None])
        marked = self.update_scores(scores, self.sample_g_values(self._keyed(of_tokens)))
        return torch.where(repeated, scores, marked)

    def _keyed(self, hashes: Tensor) -> Tensor:
        """Return the hashes (..., depth) with each of the keys."""
        return hashed(hashes[..., None], self.keys[..., None])

    def update_scores(self, scores: Tensor, g_values: Tensor) -> Tensor:
        """Return log-probabilities (rows, vocabulary) after tournaments.

        ``g_values`` are (rows, vocabulary, depth).
        """
        probabilities = scores.softmax(dim=1)
        for g in g_values.unbind(-1):
            expected = (g * probabilities).sum(dim=1, keepdim=True)
            probabilities = probabilities * (1 + g - expected)
        logarithms = probabilities.log()
        lowest = torch.finfo(logarithms.dtype).min
        return torch.where(logarithms.isfinite(), logarithms, lowest)

    def sample_g_values(self, ngram_keys: Tensor) -> Tensor:
        """Return the g-value, 0 or 1, of each hash."""
        return self.sampling_table[ngram_keys % len(self.sampling_table)]

    def compute_ngram_keys(self, ngrams: Tensor) -> Tensor:
        """Return hashes (batch, n-grams, depth) of n-grams (batch, n-grams, ngram_len)."""
        if ngrams.dim() != 3 or ngrams.shape[2] != self.ngram_len:
            raise GenerationArgumentError(
                f"expected n-grams of shape (batch, number, {self.ngram_len}), not "
                f"{tuple(ngrams.shape)}"
            )
        return self._keyed(hashed(torch.ones_like(ngrams[..., 0]), ngrams))

    # ---- detection, in ids (batch, length) ----

    def compute_g_values(self, input_ids: Tensor) -> Tensor:
        """Return the g-values (batch, length - ngram_len + 1, depth) of all n-grams."""
        return self.sample_g_values(
            self.compute_ngram_keys(_checked(input_ids).unfold(1, self.ngram_len, 1))
        )

    def compute_context_repetition_mask(self, input_ids: Tensor) -> Tensor:
        """Return for each n-gram (batch, length - ngram_len + 1) whether its context is new."""
        contexts = _checked(input_ids)[:, :-1].unfold(1, self.ngram_len - 1, 1)
        hashes = hashed(torch.ones_like(contexts[..., 0]), contexts)
        same = hashes[:, :, None] == hashes[:, None, :]
        steps = torch.arange(hashes.shape[1], device=hashes.device)
        age = steps[:, None] - steps
        return ~(same & (age > 0) & (age <= self.context_history_size)).any(dim=2)

    def compute_eos_token_mask(self, input_ids: Tensor, eos_token_id: int) -> Tensor:
        """Return for each token (batch, length) whether it comes before the end token."""
        return (_checked(input_ids) == eos_token_id).cumsum(dim=1) == 0

    def expected_mean_g_value(self, vocab_size: int, coinflip_prob: float = 0.5) -> float:
        """Return the mean g-value of marked text, for one tournament of equally likely tokens."""
        p = coinflip_prob
        return p + p * (1 - p) * (1 - 1 / vocab_size)


def _checked(input_ids: Tensor) -> Tensor:
    if input_ids.dim() != 2:
        raise GenerationArgumentError(
            f"expected token ids of shape (batch, length), not {tuple(input_ids.shape)}"
        )
    return input_ids


class SynthIDTextWatermarkDetector:
    """Estimate how likely texts are marked, by a detector trained on g-values.

    ``detector_module`` is called with g-values (batch, n-grams, depth) and which of them count.
    """

    def __init__(
        self,
        detector_module: Any,
        logits_processor: SynthIDTextWatermarkLogitsProcessor,
        tokenizer: Any,
    ) -> None:
        self.detector_module = detector_module
        self.logits_processor = logits_processor
        self.tokenizer = tokenizer

    def __call__(self, tokenized_outputs: Tensor) -> Any:
        """Return what the detector says of token ids (batch, length)."""
        processor, ids = self.logits_processor, tokenized_outputs
        goes_on = processor.compute_eos_token_mask(ids, self.tokenizer.eos_token_id)
        counts = processor.compute_context_repetition_mask(ids)
        counts = counts & goes_on[:, processor.ngram_len - 1 :]
        return self.detector_module(processor.compute_g_values(ids), counts)
