"""The cheapest pairs, against all pairs there are."""

from __future__ import annotations

import itertools
import sys

import pytest
import torch

from automodel_core.detection import assign, match

INFINITE = float("inf")


@pytest.fixture
def without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)


def least(costs: torch.Tensor) -> float:
    """Return the sum of the cheapest pairs, by trying all."""
    rows, columns = costs.shape
    if rows > columns:
        return least(costs.t())
    orders = itertools.permutations(range(columns), rows)
    return min(costs[range(rows), list(order)].sum().item() for order in orders)


@pytest.mark.usefixtures("without_scipy")
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (3, 5), (6, 6), (7, 4)])
def test_the_sum_is_the_least(shape: tuple[int, int]) -> None:
    for seed in range(20):
        costs = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()
        rows, columns = assign(costs)
        assert rows.tolist() == sorted(rows.tolist())
        assert len(set(columns.tolist())) == len(columns) == min(shape)
        assert costs[rows, columns].sum().item() == pytest.approx(least(costs))


@pytest.mark.usefixtures("without_scipy")
def test_equal_costs_and_none() -> None:
    rows, columns = assign(torch.ones(3, 2))
    assert sorted(columns.tolist()) == [0, 1]
    for shape in ((4, 0), (0, 4)):
        rows, columns = assign(torch.zeros(shape))
        assert rows.tolist() == columns.tolist() == []
        assert rows.dtype == columns.dtype == torch.int64


@pytest.mark.usefixtures("without_scipy")
def test_each_image_has_its_own_objects() -> None:
    costs = torch.tensor([[[0.0, 9, 1], [9, 0, 9], [9, 9, 0]], [[9.0, 9, 9], [9, 9, 0], [9, 9, 9]]])
    (first, second) = match(costs, [2, 1])
    assert [each.tolist() for each in first] == [[0, 1], [0, 1]]
    assert [each.tolist() for each in second] == [[1], [0]]
    (nothing, _) = match(costs[..., 2:], [0, 1])
    assert [each.tolist() for each in nothing] == [[], []]


@pytest.mark.usefixtures("without_scipy")
@pytest.mark.parametrize("broken", [float("nan"), INFINITE, -INFINITE])
def test_broken_costs_are_the_highest(broken: float) -> None:
    costs = torch.tensor([[[broken, 1.0], [5.0, broken], [2.0, 7.0]]])
    ((rows, columns),) = match(costs, [2])
    assert dict(zip(rows.tolist(), columns.tolist(), strict=True)) == {0: 1, 2: 0}
