"""The watermark of green tokens, and its detector (arXiv:2306.04634)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, warn_caller
from automodel_core.generation.processors.base import Device, InPlaceLogitsProcessor
from automodel_core.generation.settings.watermark import WatermarkingConfig, watermarking_of

__all__ = ["WatermarkDetector", "WatermarkDetectorOutput", "WatermarkLogitsProcessor"]

TABLE_SIZE = 1_000_003
"""The number of entries of the hash table."""

CANDIDATES = 40
"""With "selfhash", only so many of the likeliest tokens may become green."""

SEEDS = 2**64 - 1


class WatermarkLogitsProcessor(InPlaceLogitsProcessor):
    """Add ``bias`` to the scores of the green tokens, which are drawn anew at each position.

    Random numbers come from torch's generator on ``device``, so a mark is detected only on the same
    kind of device.
    """

    def __init__(
        self,
        vocab_size: int,
        device: Device = None,
        greenlist_ratio: float = 0.25,
        bias: float = 2.0,
        hashing_key: int = 15485863,
        seeding_scheme: str = "lefthash",
        context_width: int = 1,
    ) -> None:
        config = WatermarkingConfig(
            greenlist_ratio, bias, hashing_key, seeding_scheme, context_width
        )
        config.validate()
        self.vocab_size = vocab_size
        self.bias = bias
        self.hash_key = hashing_key
        self.seeding_scheme = seeding_scheme
        self.context_width = context_width
        self.greenlist_size = int(vocab_size * greenlist_ratio)
        self.generator = torch.Generator(device="cpu" if device is None else device)
        self.generator.manual_seed(hashing_key)
        self.table = torch.randperm(
            TABLE_SIZE, generator=self.generator, device=self.generator.device
        )
        self._green = lru_cache(maxsize=128)(self._drawn)

    def green_tokens(self, text: Sequence[int]) -> Tensor:
        """Return the ids of the green tokens after a text, or with "selfhash" at its last token."""
        return self._green(self._seed(text[-self.context_width :]))

    def _seed(self, context: Sequence[int]) -> int:
        if self.seeding_scheme == "lefthash":
            return self.hash_key * context[-1] % SEEDS
        hashed = self.table[torch.tensor(context, device=self.table.device) % TABLE_SIZE] + 1
        return int((self.hash_key * hashed * hashed[-1]).min()) % SEEDS

    def _drawn(self, seed: int) -> Tensor:
        self.generator.manual_seed(seed)
        order = torch.randperm(
            self.vocab_size, generator=self.generator, device=self.generator.device
        )
        return order[: self.greenlist_size]

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] < self.context_width:
            warn_caller(
                f"a text of {input_ids.shape[1]} tokens is not marked: the watermark needs "
                f"{self.context_width} before"
            )
            return scores
        for row, text in enumerate(input_ids[:, -self.context_width :].tolist()):
            if self.seeding_scheme == "lefthash":
                green = self.green_tokens(text)
            else:
                green = self._green_of_likeliest(text, scores[row])
            scores[row, green] += self.bias
        return scores

    def _green_of_likeliest(self, text: list[int], scores: Tensor) -> Tensor:
        """Return those of the likeliest tokens that are green after this text and themselves."""
        likeliest = scores.topk(min(CANDIDATES, len(scores))).indices.tolist()
        green = [t for t in likeliest if bool((self.green_tokens([*text, t]) == t).any())]
        return torch.tensor(green, dtype=torch.long, device=scores.device)


@dataclass
class WatermarkDetectorOutput:
    """The findings for each text, as tensors (batch,).

    ``z_score`` is the number of standard deviations by which green tokens exceed their share in
    unmarked text, ``p_value`` the probability of that by chance, ``confidence`` 1 minus it.
    """

    num_tokens_scored: Tensor
    num_green_tokens: Tensor
    green_fraction: Tensor
    z_score: Tensor
    p_value: Tensor
    prediction: Tensor
    confidence: Tensor


class WatermarkDetector:
    """Detect the mark that a ``watermarking_config`` makes.

    ``ignore_repeated_ngrams`` counts each context with its token once.
    """

    def __init__(
        self,
        model_config: Any,
        device: Device,
        watermarking_config: WatermarkingConfig | Mapping[str, Any],
        ignore_repeated_ngrams: bool = False,
        max_cache_size: int = 128,
    ) -> None:
        is_pair = model_config.is_encoder_decoder
        self.bos_token_id = (
            model_config.decoder_start_token_id if is_pair else model_config.bos_token_id
        )
        settings = watermarking_of(watermarking_config).to_dict()
        self.greenlist_ratio = settings["greenlist_ratio"]
        self.ignore_repeated_ngrams = ignore_repeated_ngrams
        vocabulary = model_config.get_text_config(decoder=True).vocab_size
        self.processor = WatermarkLogitsProcessor(vocabulary, device, **settings)
        self._is_green = lru_cache(maxsize=max_cache_size)(self._in_green_tokens)

    def _in_green_tokens(self, context: tuple[int, ...], token: int) -> bool:
        return bool((self.processor.green_tokens(context) == token).any())

    def __call__(
        self, input_ids: Tensor, z_threshold: float = 3.0, return_dict: bool = False
    ) -> WatermarkDetectorOutput | Tensor:
        """Return for each of ``input_ids`` (batch, length) whether it is marked, or all findings.

        The prompt should not be among the tokens. Raise `GenerationArgumentError` for texts that
        are too short, or of which only some begin with ``bos_token_id``.
        """
        begins = input_ids[:, 0] == (-1 if self.bos_token_id is None else self.bos_token_id)
        if bool(begins.any()) != bool(begins.all()):
            raise GenerationArgumentError(
                f"some of the texts begin with token {self.bos_token_id} and others do not"
            )
        texts = input_ids[:, 1:] if bool(begins.all()) else input_ids
        if texts.shape[1] <= self.processor.context_width:
            raise GenerationArgumentError(
                f"texts of {texts.shape[1]} tokens are too short: the watermark needs more than "
                f"{self.processor.context_width}"
            )
        counted = [self._counted(text) for text in texts.tolist()]
        green, scored = torch.tensor(counted, dtype=torch.float64).unbind(1)
        ratio = self.greenlist_ratio
        z_score = (green - ratio * scored) / (scored * ratio * (1 - ratio)).sqrt()
        prediction: Tensor = z_score > z_threshold
        if not return_dict:
            return prediction
        p_value = torch.special.erfc(z_score / math.sqrt(2)) / 2
        return WatermarkDetectorOutput(
            scored, green, green / scored, z_score, p_value, prediction, 1 - p_value
        )

    def _counted(self, text: list[int]) -> tuple[int, int]:
        """Return how many tokens of a text are green, and how many were scored."""
        own = self.processor.seeding_scheme == "selfhash"
        width = self.processor.context_width + (not own)
        windows = Counter(
            tuple(text[start : start + width]) for start in range(len(text) - width + 1)
        )
        if self.ignore_repeated_ngrams:
            windows = Counter(dict.fromkeys(windows, 1))
        green = sum(
            count
            for window, count in windows.items()
            if self._is_green(window if own else window[:-1], window[-1])
        )
        return green, windows.total()
