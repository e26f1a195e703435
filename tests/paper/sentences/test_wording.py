"""What every sentence shares: how far the seeds carry."""

from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.say import magnitude, over_seeds, span, strength


@pytest.mark.parametrize(
    ("counts", "paper", "plain"),
    [
        ([1, 1], "One seed a network: an indication, without a spread.", None),
        ([3, 3], "3 seeds a network: an indication, fewer than the five of the paper.", "3 seeds"),
        ([2, 3], "2 to 3 seeds a network: an indication, fewer than the five of the paper.", "2 to 3 seeds"),
        ([1, 3], "1 to 3 seeds a network: an indication, fewer than the five of the paper.", "1 to 3 seeds"),
        ([2, 5], "2 to 5 seeds a network: an indication, some of them with fewer than the five of the paper.", None),
        ([5, 6], "Means over 5 to 6 seeds a network.", "5 to 6 seeds"),
    ],
)
def test_how_far_the_seeds_carry(counts: list[int], paper: str, plain: str | None) -> None:
    table = pd.DataFrame({"n": counts})
    assert strength(table) == paper
    if plain is not None:
        assert over_seeds(table) == f"Means over {plain} a network."


@pytest.mark.parametrize(
    ("number", "said"),
    [(0.00001234, "0.0000123"), (0.01234, "0.0123"), (-2.0, "-2"), (0.0, "0"), (734.4, "734"), (37_654.0, "37,700")],
)
def test_a_number_of_any_size_has_no_exponent(number: float, said: str) -> None:
    assert magnitude(number) == said


def test_a_span_that_reads_as_one_value_is_one_value() -> None:
    assert span(pd.Series([-0.04, 0.04]), "+z.1f") == "+0.0"
    assert span(pd.Series([0.2, -0.04]), "+z.1f") == "+0.0 to +0.2"
