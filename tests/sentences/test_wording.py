"""What every sentence shares: how far the seeds carry."""

from __future__ import annotations

import pandas as pd
import pytest

from rflib.sentences.wording import over_seeds, strength


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
