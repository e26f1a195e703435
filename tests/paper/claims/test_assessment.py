from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rflib.paper.verdicts import assessment, statistics
from rflib.paper.verdicts.assessment import all_of, corrected, difference, fact, floor, trend, within
from rflib.paper.verdicts.evidence import Evidence, p_text, signed

FALLING = [[90.0, 80.0, 70.0, 60.0], [91.0, 82.0, 70.5, 61.0], [89.0, 80.5, 71.0, 59.0]]


def grid_of(rows: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=range(1, len(rows[0]) + 1))


def with_p(p: float, *, agrees: bool = True, smallest_p: float = 0.0, where: str = "here") -> Evidence:
    return Evidence(where, "points", 1.0, 1, agrees, p=p, smallest_p=smallest_p, seeds=3)


def test_three_seeds_that_all_fall_are_tested() -> None:
    found = trend("here", grid_of(FALLING), -1)
    assert found is not None
    assert found.effect == -1.0
    assert found.change == pytest.approx(-30.0)
    assert found.p == pytest.approx(1 / 24**3)
    assert (found.agrees, found.opposite, found.seeds) == (True, False, 3)
    other = trend("here", grid_of(FALLING), 1)
    assert other is not None
    assert (other.agrees, other.opposite) == (False, True)
    assert other.p == 1.0


@pytest.mark.parametrize("seeds", [1, 2])
def test_below_three_seeds_there_is_no_p_value(seeds: int) -> None:
    found = trend("here", grid_of(FALLING[:seeds]), -1)
    assert found is not None
    assert found.p is None
    assert found.agrees
    assert found.indicative
    assert (found.interval is None) == (seeds == 1)
    assert trend("here", grid_of(FALLING[:seeds]), -1, images=1000).interval is not None, "images have an error too"  # type: ignore[union-attr]
    sample = difference("here", pd.Series([-5.0, -6.0][:seeds]), -1)
    assert sample is not None
    assert (sample.p, sample.agrees, sample.indicative) == (None, True, True)


def test_with_a_test_or_without_one_a_change_below_a_point_is_no_trend() -> None:
    slight = [[50.0, 49.8, 49.5, 49.2], [50.1, 49.8, 49.6, 49.3], [50.0, 49.7, 49.4, 49.1]]
    (tested,) = corrected([trend("here", grid_of(slight), -1)])  # type: ignore[list-item]
    assert tested.corrected_p == pytest.approx(1 / 24**3)
    assert not tested.holds, "every seed shows it, and it is eight tenths of a point"
    assert not corrected([difference("here", pd.Series([0.4, 0.5, 0.6]), 1)])[0].holds  # type: ignore[list-item]
    found = trend("here", grid_of([[50.0, 49.8, 49.5, 49.2]]), -1)
    assert found is not None
    assert found.effect == -1.0
    assert not found.agrees
    loss = trend("here", grid_of([[0.4, 0.3, 0.2, 0.1]]), -1, noticeable=0.0)
    assert loss is not None
    assert loss.agrees


def test_a_seed_that_lacks_a_kernel_is_left_out() -> None:
    found = trend("here", grid_of([*FALLING, [90.0, np.nan, 70.0, 60.0]]), -1)
    assert found == trend("here", grid_of(FALLING), -1)


def test_if_every_seed_lacks_one_the_means_stand_in_for_a_single_seed() -> None:
    found = trend("here", grid_of([[90.0, np.nan, 70.0], [np.nan, 80.0, 72.0]]), -1)
    assert found is not None
    assert (found.seeds, found.p, found.effect) == (1, None, -1.0)


def test_a_jump_is_shown_as_one() -> None:
    found = trend("here", grid_of([[10.0, 10.0, 70.5, 67.3]]), 1)
    assert found is not None
    assert found.steps == (0.0, 60.5, -3.2)
    assert "in steps of +0, +60.5, -3.2" in str(found)


def test_a_change_that_the_choice_of_images_could_make_decides_nothing() -> None:
    rows = [[56.0, 55.0, 54.6, 54.0], [56.2, 55.1, 54.5, 54.1], [55.9, 55.2, 54.4, 54.2]]
    alone, few, many = (trend("here", grid_of(rows), -1, images=images) for images in (None, 500, 100_000))
    assert alone is not None
    assert few is not None
    assert many is not None
    assert [corrected([each])[0].holds for each in (alone, few, many)] == [True, False, True]
    assert few.undecided == "-1.9 points are within the error that the choice of 500 test images makes"
    assert (few.interval[1] - few.interval[0]) > (many.interval[1] - many.interval[0])  # type: ignore[index]
    assert difference("here", pd.Series([1.5, 1.6, 1.4]), 1, images=500).undecided  # type: ignore[union-attr]
    assert not difference("here", pd.Series([1.5, 1.6, 1.4]), 1, images=100_000).undecided  # type: ignore[union-attr]


def test_what_decides_nothing_is_no_part_of_the_family() -> None:
    family = [with_p(0.03), floor("there", 1, "nothing is left"), replace(with_p(0.04), undecided="too few images")]
    found = corrected(family)
    assert [each.corrected_p for each in found] == [pytest.approx(0.03), None, None]
    assert [each.holds for each in found] == [True, False, False]
    constant = trend("here", grid_of([[10.0] * 4] * 3), 1)
    assert constant is not None
    assert corrected([with_p(0.03), constant])[0].holds, "values that are all equal could be in no order"


def test_a_part_that_decides_nothing_leaves_the_whole_open_unless_another_fails() -> None:
    unclear = replace(with_p(0.5), undecided="too few images")
    assert all_of("both", [with_p(0.001), unclear]).undecided == "too few images"  # type: ignore[union-attr]
    failed = all_of("both", [with_p(0.9, agrees=False), unclear])
    assert failed is not None
    assert (failed.undecided, corrected([failed])[0].holds) == ("", False)


def test_what_is_untested_is_weaker_than_what_is_tested() -> None:
    """As if untested combinations had a p-value of zero, the weakest was one network, and its seeds another's."""
    tested, untested = with_p(0.02, where="tested"), replace(with_p(0.0), where="untested", p=None, seeds=1)
    found = corrected([tested, untested])
    assert max(found, key=Evidence.weakness).where == "untested"
    failed = replace(tested, where="failed", agrees=False)
    assert max(corrected([untested, failed]), key=Evidence.weakness).where == "failed"


def test_one_kernel_is_no_trend() -> None:
    assert trend("here", grid_of([[90.0], [80.0]]), -1) is None
    assert trend("here", pd.DataFrame(), -1) is None


def test_a_difference_is_student_s_t_against_its_bound() -> None:
    values = [-12.0, -14.0, -11.0]
    found = difference("here", pd.Series(values), -1, bound=-10.0)
    assert found is not None
    assert found.p == pytest.approx(stats.ttest_1samp(values, -10.0, alternative="less").pvalue)
    assert found.beyond == pytest.approx(np.mean(values) * -1 - 10)
    assert difference("here", pd.Series([np.nan, np.nan]), -1) is None


def test_without_a_test_a_difference_must_be_noticeable() -> None:
    assert [difference("here", pd.Series([value]), 1).agrees for value in (0.9, 1.1, -5.0)] == [False, True, False]  # type: ignore[union-attr]


def test_equivalence_is_two_one_sided_tests() -> None:
    values = [0.1, -0.2, 0.3]
    found = within("here", pd.Series(values), 1.0)
    low = stats.ttest_1samp(values, -1.0, alternative="greater").pvalue
    high = stats.ttest_1samp(values, 1.0, alternative="less").pvalue
    assert found is not None
    assert found.p == pytest.approx(max(low, high))
    wide = within("here", pd.Series([0.1, -3.0, 3.0]), 1.0)
    assert wide is not None
    assert wide.agrees
    assert not corrected([wide])[0].holds, "a mean near zero alone does not show that there is no difference"


@pytest.mark.parametrize(("value", "holds"), [(0.0, True), (3.0, False)])
def test_values_that_are_the_same_in_every_seed_are_compared_without_a_test(value: float, holds: bool) -> None:
    found = within("here", pd.Series([value] * 3), 1.0)
    assert found is not None
    assert found.p is None
    (after,) = corrected([found])
    assert (after.holds, after.indicative) == (holds, False)


def test_two_equal_seeds_are_still_too_few() -> None:
    found = within("here", pd.Series([0.0, 0.0]), 1.0)
    assert found is not None
    assert found.indicative


def test_all_parts_must_hold_and_the_weakest_lends_its_numbers() -> None:
    weak = replace(with_p(0.03), where="weak", effect=2.5)
    whole = all_of("both", [with_p(0.001), weak])
    assert whole is not None
    assert (whole.p, whole.effect, str(whole)) == (0.03, 2.5, "weak: +2.50 points")
    assert all_of("both", [with_p(0.001), None]) is None
    assert all_of("both", []) is None


def test_a_part_without_a_test_leaves_the_whole_without_one() -> None:
    untested = replace(with_p(0.0), p=None, seeds=1)
    whole = all_of("both", [with_p(0.001), untested])
    assert whole is not None
    assert (whole.p, whole.seeds, whole.agrees) == (None, 1, True)


def test_a_part_that_is_refuted_without_a_test_refutes_the_whole() -> None:
    refuted = replace(with_p(0.0, agrees=False), p=None, settled=True)
    whole = all_of("both", [with_p(0.0001), refuted])
    assert whole is not None
    assert not corrected([whole])[0].holds
    settled = replace(refuted, agrees=True)
    whole = all_of("both", [with_p(0.0001), settled])
    assert whole is not None
    assert corrected([whole])[0].holds


def test_a_family_is_corrected_together_and_facts_are_not_in_it() -> None:
    family = [with_p(0.02), fact("fact", "px", 3.0, agrees=True), with_p(0.04), replace(with_p(0.0), p=None)]
    after = corrected(family)
    assert [each.corrected_p for each in after] == [pytest.approx(0.04), None, pytest.approx(0.04), None]
    assert [each.indicative for each in after] == [False, False, False, True]
    more = corrected([*family, with_p(0.9)])
    assert not more[0].holds, "a larger family needs smaller p-values"


def test_a_test_that_cannot_succeed_is_none() -> None:
    two_kernels = trend("here", grid_of([[90.0, 80.0], [91.0, 82.0], [89.0, 80.5]]), -1)
    assert two_kernels is not None
    assert two_kernels.p == pytest.approx(1 / 8)
    (after,) = corrected([two_kernels])
    assert (after.corrected_p, after.holds, after.indicative) == (None, True, True)
    five = corrected([with_p(0.001, smallest_p=0.02)] * 5)
    assert all(each.corrected_p is None for each in five), "0.02 is more than a fifth of the level"
    assert corrected([with_p(0.02, smallest_p=0.02)])[0].holds


def test_correcting_twice_changes_nothing() -> None:
    once = corrected([with_p(0.01), with_p(0.03)])
    assert corrected(once) == once


def test_numbers_in_words() -> None:
    assert [signed(x) for x in (-1250.4, 0.1389, 0.00001, 12.0)] == ["-1,250", "+0.139", "+0", "+12"]
    assert (p_text(0.0004), p_text(0.0123)) == ("< 0.001", "= 0.012")
    (found,) = corrected([trend("here", grid_of(FALLING), -1)])  # type: ignore[list-item]
    assert str(found) == (
        "here: rank correlation -1.00 over 4 kernels, change -30 [-30, -30] in steps of -9.17, -10.3, -10.5, p < 0.001"
    )
    assert str(fact("here", "px", 504.0, agrees=True)) == "here: 504 px"


def test_the_level_and_the_fewest_seeds() -> None:
    assert (statistics.LEVEL, assessment.FEWEST_SEEDS) == (0.05, 3)
