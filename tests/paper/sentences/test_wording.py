"""How a template is filled, and how numbers are written in it."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from rflib.errors import UsageError
from rflib.paper.say import NOTHING, Sentences, magnitude, say


def table(**columns: object) -> pd.DataFrame:
    fields = {"architecture": ["a", "a", "b"], "pool_kernel": [2, 1, 4], "receptive_field": [358.0, 180.0, 422.0]}
    measured = {"dense_mean": [70.0, 80.0, 60.0], "dense_sd": [1.0, float("nan"), 2.0], "n": [2, 1, 4]}
    return pd.DataFrame({**fields, **measured, **columns})


def test_a_group_has_one_sentence_and_lists_its_rows_from_the_smallest_field() -> None:
    said = say("`{architecture}`: {dense} ({n}).", table())
    half = stats.t.ppf(0.975, 3) * 2.0 / 4**0.5
    assert said.points == (
        "`a`: 80.0 % at 180 px and 70.0 % at 358 px (n = 1 to 2).",
        f"`b`: 60.0 % [{60 - half:.1f}, {60 + half:.1f}] (n = 4).",
    )
    assert say("{dense}", table(), along="pool_kernel").points[0] == "80.0 % at k = 1 and 70.0 % at k = 2"
    assert str(said) == f"- {said.points[0]}\n- {said.points[1]}"
    assert said.text == " ".join(said.points)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{dense[first]}", "80.0 %"),
        ("{dense[last]}", "70.0 %"),
        ("{dense[ends]:.0f}", "80 % at 180 px and 70 % at 358 px"),
        ("{dense[change]}", "-10.0 points"),
        ("{dense[range]}", "70.0 to 80.0 %"),
        ("{dense[least]:.0f} and {dense[greatest]:.0f}", "70 % and 80 %"),
        ("{dense[mean]} {dense[count]} {pool_kernel[sum]}", "75.0 % 2 3"),
        ("{dense[first]:+.2f}", "+80.00 %"),
        ("{receptive_field[last]:.0f}", "358 px"),
        ("{receptive_field[first]:digits}", "180 px"),
    ],
)
def test_what_is_picked_of_several_rows(template: str, filled: str) -> None:
    assert say(template, table()).points[0] == filled


def test_what_all_rows_share_is_said_once_and_codes_are_said_in_words() -> None:
    frame = table(checkpoint="initial", images=1000, fine=True)
    assert say("{checkpoint} {images} {fine} {pool_kernel}", frame, along="pool_kernel").points == (
        "before training 1,000 True 1 and 2",
        "before training 1,000 True 4",
    )


def test_a_group_that_lacks_a_value_says_nothing_and_a_missing_row_is_left_out() -> None:
    assert say("{architecture} {live}", table(live=[1.0, None, None])).points == ("a 1.0 %",)
    assert say("{architecture} {live}", table(live=float("nan"))) == NOTHING
    assert say("{dense}", table().iloc[:0]) == NOTHING
    assert say("{dense[range]}", table(), per=[]).points == ("60.0 to 80.0 %",)


def test_what_rounds_to_zero_has_no_sign_and_a_range_of_one_value_is_that_value() -> None:
    assert say("{gain[range]:+.1f}", table(gain=[-0.04, 0.04, 1.0])).points[0] == "+0.0 points"
    assert say("{gain[range]:+.1f}", table(gain=[0.2, -0.04, 1.0])).points[0] == "+0.0 to +0.2 points"


def test_a_template_that_asks_for_what_is_not_there_is_told_what_is() -> None:
    with pytest.raises(UsageError, match=r"unknown column 'dens': expected one of .*Did you mean 'dense'\?"):
        say("{dens}", table())
    with pytest.raises(UsageError, match=r"unknown pick 'frist': expected one of .*Did you mean 'first'\?"):
        say("{dense[frist]}", table())
    with pytest.raises(UsageError, match="unknown column to list along 'width_multiple'"):
        say("{dense}", table(), along="width_multiple")


def test_what_both_say_is_said_once() -> None:
    assert (Sentences(("a", "b")) + Sentences(("b", "c"))).points == ("a", "b", "c")


@pytest.mark.parametrize(
    ("number", "said"),
    [(0.00001234, "0.0000123"), (0.01234, "0.0123"), (-2.0, "-2"), (0.0, "0"), (734.4, "734"), (37_654.0, "37,700")],
)
def test_a_number_of_any_size_has_no_exponent(number: float, said: str) -> None:
    assert magnitude(number) == said
