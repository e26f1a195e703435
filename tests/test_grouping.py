from __future__ import annotations

import pytest

from rflib.grouping import groups


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (6, [["a", "b", "c"], ["d"]]),
        (5, [["a", "b"], ["c"], ["d"]]),
        (1, [["a"], ["b"], ["c"], ["d"]]),
        (100, [["a", "b", "c", "d"]]),
    ],
)
def test_groups_are_full_in_order_and_never_empty(limit: int, expected: list[list[str]]) -> None:
    assert list(groups({"a": 1, "b": 3, "c": 2, "d": 9}, limit)) == expected
