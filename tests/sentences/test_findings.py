from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rflib import tables
from rflib.claims import decide
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
    dense, pruned, live, *others, certainty = findings(study, [listed(3, 10), listed(2, 4)]).points
    table = tables.accuracy_and_pruning(study, rate=0.8)
    asked = {"dense": (dense, "RR-01"), "pruned": (pruned, "RR-03"), "live": (live, "OQ-01")}
    for quantity, (point, claim) in asked.items():
        for name, group in table.groupby("architecture"):
            assert f"`{name}` " in point
            for row in group.to_dict("records"):
                # Student's 97.5 % quantile with two degrees of freedom is 4.303, from a printed table.
                around = f" ± {4.303 * row[f'{quantity}_sd'] / 3**0.5:.1f}" if row["n"] == 3 else ""
                assert f"{row[f'{quantity}_mean']:.1f}{around} % at {row['receptive_field']:.0f} px" in point
        (verdict,) = decide(study, claim)
        assert f"{claim}: {verdict.label}" in point
    assert all(re.match(r"\*\*[A-Z].*\?\*\* .*\([A-Z]{2}-\d\d: .*\)$", point) for point in [dense, *others])
    assert certainty.startswith("**How sure is that?** Of 25 claims of the paper,")
    assert certainty.endswith("5 of 14 planned measurements are finished.")


def test_without_measurements_nothing_is_found(study: Study) -> None:
    assert findings(replace(study, items=()), []) == NOTHING
