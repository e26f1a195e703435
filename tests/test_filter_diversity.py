"""Cosines in written-out loops, effective ranks from the eigenvalues of the dense filter matrix, cases by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from rflib import filter_diversity
from rflib.errors import UsageError
from rflib.filter_diversity import effective_rank
from rflib.pruning import magnitude_mask, pruned

Make = Callable[..., nn.Module]


def with_filters(rows: list[list[float]]) -> nn.Sequential:
    convolution = nn.Conv2d(len(rows[0]), len(rows), 1)
    convolution.weight = nn.Parameter(torch.tensor(rows)[:, :, None, None])
    return nn.Sequential(convolution)


def dense_matrix(convolution: nn.Conv2d) -> np.ndarray:
    """Return the filters as rows over all input channels and taps, zero where a filter does not read."""
    weight = convolution.weight.detach().double().numpy()
    filters, width = weight.shape[:2]
    matrix = np.zeros((filters, convolution.in_channels, *weight.shape[2:]))
    for index in range(filters):
        group = index // (filters // convolution.groups)
        matrix[index, group * width : (group + 1) * width] = weight[index]
    return matrix.reshape(filters, -1)


@pytest.mark.parametrize(("inputs", "filters", "groups"), [(3, 7, 1), (6, 4, 2), (5, 5, 5), (4, 12, 4), (1, 20, 1)])
def test_values_are_those_of_loops_over_the_dense_matrix(inputs: int, filters: int, groups: int) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(inputs, filters, 3, groups=groups)
    with torch.no_grad():
        convolution.weight[1] = 0
    found = filter_diversity.measure(nn.Sequential(convolution))["0"]
    matrix = dense_matrix(convolution)
    rows = [row for row in matrix if row.any()]
    cosines = [abs(a @ b) / math.sqrt((a @ a) * (b @ b)) for a, b in itertools.combinations(rows, 2)]
    assert found.similarity == pytest.approx(sum(cosines) / len(cosines), abs=1e-12)
    singular = np.sqrt(np.clip(np.linalg.eigvalsh(matrix @ matrix.T), 0, None))
    shares = [value / singular.sum() for value in singular if value > 1e-7]
    assert found.effective_rank == pytest.approx(math.prod(p**-p for p in shares), rel=1e-5)
    assert (found.filters, found.zero_filters, found.largest_rank) == (filters, 1, min(matrix.shape))
    assert found.relative_rank == found.effective_rank / min(matrix.shape)


@pytest.mark.parametrize(
    ("rows", "similarity", "rank"),
    [
        ([[1.0, 0.0], [0.0, -2.0]], 0.0, math.exp(-math.log(1 / 3) / 3 - 2 * math.log(2 / 3) / 3)),
        ([[3.0, 0.0], [0.0, 3.0]], 0.0, 2.0),
        ([[1.0, 2.0], [-2.0, -4.0], [0.5, 1.0]], 1.0, 1.0),
        ([[1.0, 0.0], [1.0, 1.0]], math.sqrt(0.5), None),
        ([[1.0, 0.0], [0.0, 0.0]], math.nan, 1.0),
        ([[0.0, 0.0], [0.0, 0.0]], math.nan, 0.0),
    ],
)
def test_cases_by_hand(rows: list[list[float]], similarity: float, rank: float | None) -> None:
    found = filter_diversity.measure(with_filters(rows))["0"]
    assert found.similarity == pytest.approx(similarity, nan_ok=True)
    if rank is not None:
        assert found.effective_rank == pytest.approx(rank)


def test_effective_rank_of_equal_values_is_their_number() -> None:
    assert effective_rank(torch.full((6,), 2.5)) == pytest.approx(6)
    assert effective_rank(torch.tensor([4.0, 0.0, 0.0])) == 1


def test_all_convolutions_or_those_named(tiny_model: Make) -> None:
    model = tiny_model("rf_resnet26")
    convolutions = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    assert list(filter_diversity.measure(model)) == convolutions
    assert list(filter_diversity.measure(model, layers=["layer1.0.conv2"])) == ["layer1.0.conv2"]


def test_pruning_leaves_zero_filters_that_are_counted() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), *with_filters([[1.0, 2.0], [30.0, 40.0], [0.1, 0.2], [50.0, -1.0]]))
    with pruned(model, magnitude_mask(model, 5 / 8)):
        found = filter_diversity.measure(model, layers=["1"])["1"]
    assert (found.filters, found.zero_filters) == (4, 2)
    assert found.similarity == pytest.approx(30 / 50)


def test_errors() -> None:
    model = with_filters([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(UsageError, match="unknown convolution 'conv': expected one of 0"):
        filter_diversity.measure(model, layers=["conv"])
    with pytest.raises(UsageError, match=r"expected a network with at least one nn\.Conv2d, found none"):
        filter_diversity.measure(nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight[0, 0] = math.nan
    with pytest.raises(UsageError, match="expected finite weights of '0', found infinite ones or NaN"):
        filter_diversity.measure(model)
