from __future__ import annotations

from dataclasses import replace

import pytest

from rflib import tables
from rflib.pipeline.study import Study, open_study
from rflib.sentences.findings import findings
from rflib.sentences.wording import NOTHING
from rflib.store.published import PublishedProfile


def listed(finished: int, planned: int) -> PublishedProfile:
    names = tuple(f"m-{index}" for index in range(finished))
    return PublishedProfile(settings={}, measurements=names, planned=planned, data={})


@pytest.fixture(scope="module")
def study() -> Study:
    return open_study("claims", profile="published")


def test_findings_have_each_network_the_verdicts_and_how_sure_they_are(study: Study) -> None:
    *robustness, alive, verdicts, certainty = findings(study, [listed(3, 10), listed(2, 4)]).points
    table = tables.accuracy_and_pruning(study)
    assert len(robustness) == table["architecture"].nunique()
    for point, (name, group) in zip(robustness, table.groupby("architecture", sort=False), strict=True):
        row = group.loc[group["receptive_field"].idxmax()]
        guess = 100 / study.profile.roles["small_images"].classes
        kept = [100 * (row[f"{column}_mean"] - guess) / (row["dense_mean"] - guess) for column in ("pruned", "live")]
        assert point.startswith(f"`{name}` at {row['receptive_field']:.0f} px ({row['dead_share']:.0f} % dead taps) ")
        assert f"keeps {max(kept[0], 0):.0f} % of what it can do beyond guessing without 90 % of all weights" in point
        assert f"{max(kept[1], 0):.0f} % without 90 % of the live ones." in point
    for role in study.profile.roles:
        kept = tables.tolerance(study, role=role)
        for name, group in kept[kept["dead_share"] < 5].groupby("architecture"):
            last = group.loc[group["receptive_field"].idxmax()]
            text = f"{last['kept_mean']:.0f} % at {last['receptive_field']:.0f} px"
            assert len(group) < 2 or (f"`{name}`" in alive and text in alive)
    assert verdicts.startswith("Of 25 claims of the paper,")
    assert f"{table['n'].max()} seeds a network of the picture" in certainty
    assert certainty.endswith("5 of 14 planned measurements are finished.")


def test_without_measurements_nothing_is_found(study: Study) -> None:
    assert findings(replace(study, items=()), []) == NOTHING
