"""Warpers, each against a plain statement of what it removes."""

from __future__ import annotations

import math

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError

INF = math.inf


@pytest.fixture
def ids():
    return torch.tensor([[3, 4, 5, 3, 4], [6, 6, 6, 6, 6]])


@pytest.fixture
def scores():
    return torch.randn(2, 12, generator=torch.Generator().manual_seed(0))


class TestWarpers:
    """Truncations, on a distribution of 0.4, 0.3, 0.2, 0.1."""

    scores = torch.tensor([[0.2, 0.4, 0.1, 0.3]]).log()
    ids = torch.tensor([[0]])

    def kept(self, warper) -> list[int]:
        return warper(self.ids, self.scores)[0].isfinite().nonzero().flatten().tolist()

    def test_temperature(self):
        after = g.TemperatureLogitsWarper(0.5)(self.ids, self.scores)
        torch.testing.assert_close(after, self.scores / 0.5)
        for wrong in (0, -1.0, float("nan"), INF):
            with pytest.raises(GenerationArgumentError, match="temperature"):
                g.TemperatureLogitsWarper(wrong)

    def test_top_k(self):
        assert self.kept(g.TopKLogitsWarper(2)) == [1, 3]
        assert self.kept(g.TopKLogitsWarper(9)) == [0, 1, 2, 3]
        assert self.kept(g.TopKLogitsWarper(1, min_tokens_to_keep=3)) == [0, 1, 3]
        with pytest.raises(GenerationArgumentError, match="top_k"):
            g.TopKLogitsWarper(0)

    def test_top_p(self):
        assert self.kept(g.TopPLogitsWarper(0.65)) == [1, 3]
        assert self.kept(g.TopPLogitsWarper(0.75)) == [0, 1, 3]
        assert self.kept(g.TopPLogitsWarper(0.0, min_tokens_to_keep=2)) == [1, 3]
        with pytest.raises(GenerationArgumentError, match="top_p"):
            g.TopPLogitsWarper(1.5)

    def test_min_p(self):
        assert self.kept(g.MinPLogitsWarper(0.6)) == [1, 3]
        assert self.kept(g.MinPLogitsWarper(0.9, min_tokens_to_keep=2)) == [1, 3]
        with pytest.raises(GenerationArgumentError, match="min_p"):
            g.MinPLogitsWarper(-0.1)

    def test_typical(self):
        # The entropy is 1.28 nats: 0.3 (1.20) is nearest, then 0.2 (1.61) and 0.4 (0.92).
        assert self.kept(g.TypicalLogitsWarper(0.2)) == [3]
        assert self.kept(g.TypicalLogitsWarper(0.4)) == [0, 3]
        with pytest.raises(GenerationArgumentError, match="typical_p"):
            g.TypicalLogitsWarper(1.0)

    def test_epsilon_and_eta(self):
        assert self.kept(g.EpsilonLogitsWarper(0.25)) == [1, 3]
        assert self.kept(g.EpsilonLogitsWarper(0.9, min_tokens_to_keep=2)) == [1, 3]
        # sqrt(0.5) * exp(-1.28) = 0.197
        assert self.kept(g.EtaLogitsWarper(0.5)) == [0, 1, 3]
        for warper in (g.EpsilonLogitsWarper, g.EtaLogitsWarper):
            with pytest.raises(GenerationArgumentError, match="cutoff"):
                warper(0.0)

    def test_top_h(self):
        # Terms of the entropy, best first: 0.37, 0.36, 0.32, 0.23 of 1.28.
        assert self.kept(g.TopHLogitsWarper(0.6)) == [1, 3]
        assert self.kept(g.TopHLogitsWarper(0.1)) == [1]
        with pytest.raises(GenerationArgumentError, match="top_h"):
            g.TopHLogitsWarper(0.0)
