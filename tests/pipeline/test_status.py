"""How far a study is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rflib.pipeline.status import content_key, status
from rflib.pipeline.study import Study

Open = Callable[..., Study]


def test_status_counts_what_is_done_and_scales_the_time_of_finished_runs(open_tiny: Open) -> None:
    study = open_tiny(seeds=[0, 1])
    before = status(study)
    assert before.missing_seconds is None
    assert before.counts.set_index("analysis").loc["history"].tolist() == [0, 2]
    key = content_key(study)

    one = open_tiny(seeds=[0])
    one.ensure(workers=1)
    halfway = status(study)
    assert halfway.counts.set_index("analysis").loc[["architecture", "history", "one_shot"]].values.tolist() == [
        [1, 0],
        [1, 1],
        [1, 1],
    ]
    # The other seed is the same work as the one that is done.
    seconds = one.load(one.items[1].key).provenance["seconds"]
    assert halfway.missing_seconds == pytest.approx(seconds)
    assert status(one).missing_seconds == 0
    assert before.outlook == "5 are missing; no training run is finished yet, so their cost is unknown."
    assert halfway.outlook == f"2 are missing: about {seconds / 60:.1f} minutes of training on one worker."
    assert status(one).outlook == "Nothing is missing."
    assert content_key(study) != key
