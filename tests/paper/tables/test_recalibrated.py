"""One-shot pruning with re-estimated statistics beside that with old ones, by hand.

Guessing is 10 %. With re-estimated statistics the dense networks have 60 % at k = 1 and 50 % at k = 2, so that a point
of accuracy is 2 % and 2.5 % of what they have above guessing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pandas as pd
import pytest

from rflib.paper import frames, tables
from rflib.paper.chapters import accuracy_and_pruning
from rflib.study.study import Study

Filled = Callable[..., Study]
CHAPTER = "accuracy-and-pruning"
CALIBRATED = {"calibration_images": 9, "rates": [0.5, 0.9, 0.95]}
SCOPES = ("global", "layerwise", "live")
# The profile's own rates are 0.5 and 0.9.
OTHER_RATES = {"calibration_images": 9, "rates": [0.95, 0.9]}
ANEW = ["dense_calibrated", "pruned_calibrated", "live_calibrated", "layerwise_calibrated"]


def rows_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame by pool kernel, seed, ranking and rate, each of which must be there once."""
    return indexed(frame, "pool_kernel", "seed", "scope", "rate")


def indexed(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    found = frame.set_index(list(columns))
    assert found.index.is_unique
    return found


def without_seed_1(study: Study) -> Study:
    """Return a study in which statistics were re-estimated for the first seed alone."""
    kept = [
        item
        for item in study.items
        if not getattr(item.key.settings, "calibration_images", 0) or item.key.runs[0].seed == 0
    ]
    return replace(study, items=tuple(kept))


def test_every_ranking_and_rate_of_every_network_is_there_once(filled: Filled) -> None:
    frame = rows_of(frames.recalibrated(filled(CHAPTER, calibrated=CALIBRATED)))
    assert set(frame.index) == set(product((1, 2), (0, 1), SCOPES, (0.5, 0.9, 0.95)))
    assert set(frame["purpose"]) == {"grid"}


def test_accuracies_with_both_statistics(filled: Filled) -> None:
    frame = rows_of(frames.recalibrated(filled(CHAPTER, calibrated=CALIBRATED)))
    columns = ["dense", "dense_calibrated", "pruned", "pruned_calibrated"]
    assert frame.loc[(1, 1, "global", 0.5), columns].tolist() == [81, 60, 37, 36]
    assert frame.loc[(1, 1, "global", 0.9), columns].tolist() == [81, 60, 32, 31]
    assert frame.loc[(1, 1, "global", 0.95), columns].tolist() == [81, 60, 32, 31]
    assert frame.loc[(2, 0, "global", 0.5), columns].tolist() == [70, 50, 55, 45]
    assert frame.loc[(2, 0, "live", 0.9), columns].tolist() == [70, 50, 10, 20]
    assert frame.loc[(2, 0, "layerwise", 0.95), columns].tolist() == [70, 50, 40, 15]


@pytest.mark.parametrize(
    ("row", "kept", "kept_calibrated"),
    [
        ((1, 0, "global", 0.5), 100 * 25 / 70, 50),
        ((1, 0, "global", 0.9), 100 * 20 / 70, 40),
        ((1, 1, "global", 0.9), 100 * 22 / 71, 42),
        ((2, 0, "global", 0.9), 100 * 40 / 60, 75),
        ((2, 1, "global", 0.95), 100 * 42 / 61, 77.5),
        ((1, 0, "live", 0.9), 0, 20),
        ((2, 0, "live", 0.9), 0, 25),
        ((1, 1, "layerwise", 0.9), 100 * 30 / 71, 10),
        ((2, 1, "layerwise", 0.9), 100 * 30 / 61, 12.5),
    ],
)
def test_what_is_kept_is_a_share_of_the_dense_network_with_the_same_statistics(
    filled: Filled, row: tuple[int, int, str, float], kept: float, kept_calibrated: float
) -> None:
    found = rows_of(frames.recalibrated(filled(CHAPTER, calibrated=CALIBRATED))).loc[row]
    assert found["kept"] == pytest.approx(kept)
    assert found["kept_calibrated"] == pytest.approx(kept_calibrated)


def test_what_is_kept_counts_from_the_guessing_of_the_role(filled: Filled) -> None:
    """Among two classes guessing is 50 %: 20 points below it are left of 30 above it, 20 below of 10 anew."""
    found = rows_of(frames.recalibrated(filled(CHAPTER, calibrated=CALIBRATED, classes=2)))
    assert found.loc[(1, 0, "global", 0.9), ["kept", "kept_calibrated"]].tolist() == pytest.approx([-200 / 3, -200])


@pytest.mark.parametrize(
    ("kernel", "rate", "live_left", "live_pruned_share"),
    [
        # 150 of 1000 weights are dead and 850 live; of 500, 900 and 950 pruned ones 100 were dead.
        (1, 0.5, 450, 100 * 400 / 850),
        (1, 0.9, 50, 100 * 800 / 850),
        (1, 0.95, 0, 100),
        # 250 are dead and 750 live; 200 of the pruned ones were dead.
        (2, 0.5, 450, 40),
        (2, 0.9, 50, 100 * 700 / 750),
        (2, 0.95, 0, 100),
    ],
)
def test_live_weights_are_counted(
    filled: Filled, kernel: int, rate: float, live_left: int, live_pruned_share: float
) -> None:
    frame = frames.recalibrated(filled(CHAPTER, calibrated=CALIBRATED))
    chosen = frame[(frame["pool_kernel"] == kernel) & (frame["rate"] == rate)]
    assert chosen["live_left"].tolist() == [live_left] * 6, "two seeds and three rankings"
    assert chosen["live_pruned_share"].tolist() == pytest.approx([live_pruned_share] * 6)
    assert chosen["dead_share"].tolist() == pytest.approx([5 + 10 * kernel] * 6)


def test_only_what_was_measured_with_new_statistics_is_told(filled: Filled) -> None:
    assert frames.recalibrated(filled(CHAPTER)).empty
    partly = without_seed_1(filled(CHAPTER, calibrated=CALIBRATED))
    frame = frames.recalibrated(partly)
    assert (frame["seed"].unique().tolist(), len(frame)) == ([0], 2 * 3 * 3)
    assert frames.recalibrated(partly, role="large_images").empty
    assert frames.recalibrated(partly, purpose="large").empty


def test_a_network_with_both_measurements_counts_once_and_one_with_the_old_alone_too(filled: Filled) -> None:
    """Rates are those of the measurement that is taken: the one with new statistics where there is one."""
    study = without_seed_1(filled(CHAPTER, calibrated=OTHER_RATES))
    frame = rows_of(frames.pruned_copies(study, "small_images", "grid"))
    assert {(seed, rate) for _, seed, _, rate in frame.index} == {(0, 0.9), (0, 0.95), (1, 0.5), (1, 0.9)}
    old = frame.xs(1, level="seed")
    assert old[["dense_calibrated", "pruned_calibrated", "kept_calibrated"]].isna().all(axis=None)
    assert old.loc[(1, "global", 0.9), "kept"] == pytest.approx(100 * 22 / 71)
    assert old.loc[(1, "global", 0.9), "live_left"] == 50
    plain = frames.pruned_copies(filled(CHAPTER), "small_images", "grid")
    assert plain["kept_calibrated"].isna().all()
    assert rows_of(plain).loc[(2, 0, "global", 0.5), "kept"] == pytest.approx(100 * 45 / 60)


def test_one_shot_has_the_new_statistics_in_columns_of_their_own(filled: Filled) -> None:
    """At the rates of the profile: 0.95 was measured with new statistics alone."""
    found = frames.one_shot(filled(CHAPTER, calibrated=CALIBRATED), "small_images")
    assert indexed(found, "pool_kernel", "seed", "rate")[ANEW].to_dict("index") == {
        (kernel, seed, rate): {
            "dense_calibrated": 70 - 10 * kernel,
            "pruned_calibrated": 20 + 10 * kernel + seed + (5 if rate == 0.5 else 0),
            "live_calibrated": 20,
            "layerwise_calibrated": 15,
        }
        for kernel in (1, 2)
        for seed in (0, 1)
        for rate in (0.5, 0.9)
    }
    plain = frames.one_shot(filled(CHAPTER), "small_images")
    pd.testing.assert_frame_equal(found.drop(columns=ANEW), plain.drop(columns=ANEW))


def test_one_shot_has_no_number_where_nothing_was_measured_with_new_statistics(filled: Filled) -> None:
    assert frames.one_shot(filled(CHAPTER), "small_images")[ANEW].isna().all(axis=None)
    some = frames.one_shot(filled(CHAPTER, calibrated=OTHER_RATES), "small_images").set_index("rate")
    assert len(some) == 2 * 2 * 2
    assert some.loc[0.5, ANEW].isna().all(axis=None)
    assert some.loc[0.9, "pruned_calibrated"].tolist() == [30, 31, 40, 41]
    first = without_seed_1(filled(CHAPTER, calibrated=CALIBRATED))
    by_seed = frames.one_shot(first, "small_images").set_index("seed")
    assert by_seed.loc[1, ANEW].isna().all(axis=None)
    assert by_seed.loc[0, "live_calibrated"].tolist() == [20] * 4


def test_one_shot_is_empty_where_only_new_statistics_were_measured(filled: Filled) -> None:
    study = filled(CHAPTER, calibrated=CALIBRATED)
    new = [item for item in study.items if getattr(item.key.settings, "calibration_images", 0)]
    assert len(new) == 4
    assert frames.one_shot(replace(study, items=tuple(new)), "small_images").empty


def test_table_1_counts_the_seeds_with_new_statistics_apart(filled: Filled) -> None:
    whole = frames.accuracy_and_pruning(filled(CHAPTER, calibrated=CALIBRATED))
    assert whole[["n", "n_calibrated"]].values.tolist() == [[2, 2]] * 2
    assert whole["pruned_calibrated_mean"].tolist() == [30.5, 40.5]
    assert whole["pruned_calibrated_sd"].tolist() == pytest.approx([0.5**0.5] * 2)
    assert whole["live_calibrated_mean"].tolist() == [20, 20]
    partly = frames.accuracy_and_pruning(without_seed_1(filled(CHAPTER, calibrated=CALIBRATED)))
    assert partly[["n", "n_calibrated"]].values.tolist() == [[2, 1]] * 2
    assert partly["pruned_calibrated_mean"].tolist() == [30, 40]
    assert partly["pruned_mean"].tolist() == [31, 51]


def test_columns_with_new_statistics_are_shown_where_they_were_measured(filled: Filled) -> None:
    new = {"Pruned, anew", "Among live, anew", "n anew"}
    shown, hidden = (
        tables.captioned(frames.accuracy_and_pruning(study), name="table-1", caption="Caption.", study=study).headings
        for study in (filled(CHAPTER, calibrated=CALIBRATED), filled(CHAPTER))
    )
    assert set(shown) - set(hidden) == new
    assert not set(hidden) - set(shown)


def test_old_and_new_statistics_of_the_same_networks_side_by_side(filled: Filled) -> None:
    """A seed that was not measured anew is not among the old numbers either."""
    study = filled(CHAPTER, calibrated=CALIBRATED)
    table = accuracy_and_pruning.new_statistics(study, rate=0.5)
    assert table["pool_kernel"].tolist() == [1, 2]
    means = {
        "receptive_field": [180, 358],
        "dense_mean": [80.5, 70.5],
        "dense_calibrated_mean": [60, 50],
        "pruned_mean": [36, 56],
        "pruned_calibrated_mean": [35.5, 45.5],
        "live_mean": [10, 10],
        "live_calibrated_mean": [20, 20],
        "layerwise_mean": [40, 40],
        "layerwise_calibrated_mean": [15, 15],
        "n": [2, 2],
    }
    assert table[list(means)].to_dict("list") == means
    one = accuracy_and_pruning.new_statistics(without_seed_1(study))
    assert one[["pool_kernel", "dense_mean", "pruned_mean", "pruned_calibrated_mean", "n"]].values.tolist() == [
        [1, 80, 30, 30, 1],
        [2, 70, 50, 40, 1],
    ]
    assert accuracy_and_pruning.new_statistics(filled(CHAPTER)).empty
    assert accuracy_and_pruning.new_statistics(study, rate=0.7).empty


def test_rows_of_a_study_tell_the_statistics_apart(filled: Filled) -> None:
    frame = filled(CHAPTER, calibrated=CALIBRATED).frame("one_shot")
    assert frame["calibration_images"].value_counts().to_dict() == {0: 4 * 3 * 2, 9: 4 * 3 * 3}
    assert frame.groupby("calibration_images")["calibrated_accuracy"].count().to_dict() == {0: 0, 9: 36}
    assert frame["pool_padding"].tolist() == [0] * len(frame)
    assert "second_seed" not in frame


def test_rows_of_a_study_tell_padded_pools_apart(filled: Filled) -> None:
    study = filled("open-questions", readings={"overlapping": {"rf_vgg19": [2]}})
    frame = study.frame("one_shot", "grid", "overlapping")
    pools = frame[["purpose", "pool_kernel", "pool_stride", "pool_padding"]].drop_duplicates().values.tolist()
    assert pools == [["grid", 1, 1, 0], ["grid", 2, 2, 0], ["overlapping", 3, 2, 1]]
