"""M2M100 against the reference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from parity.m2m100.cases import M2M100
from support.fairseq import FairseqParity
from support.reference import assert_close


class TestM2M100(FairseqParity):
    family = M2M100

    def test_cached_steps_equal_one_pass(self, name: str, writer: str) -> None:
        case = self.family.cases[name]
        if case.padding != "left":
            super().test_cached_steps_equal_one_pass(name, writer)
            return
        # The positions of one pass skip padding, those of a later step count what the cache holds.
        given = self.arguments(case, writer)
        expected, found = (steps(model, given) for model in self.family.pair(case, writer))
        shown = given["decoder_attention_mask"].bool()
        assert_close(found[shown], expected[shown])


def steps(model: Any, given: dict[str, Any]) -> Tensor:
    """Return the scores of a decoder that is given three tokens, then one at a time."""
    ids, mask = given["decoder_input_ids"], given["decoder_attention_mask"]
    rest = {key: value for key, value in given.items() if "decoder" not in key}
    cache, parts, start = None, [], 0
    for end in range(3, ids.shape[1] + 1):
        with torch.no_grad():
            output = model(
                decoder_input_ids=ids[:, start:end], decoder_attention_mask=mask[:, :end],
                past_key_values=cache, use_cache=True, **rest,
            )  # fmt: skip
        cache, start = output.past_key_values, end
        parts.append(output.logits)
    return torch.cat(parts, dim=1)
