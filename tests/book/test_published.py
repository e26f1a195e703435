"""Verdicts and picture beside the published measurements."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from rflib.book.published import stale_readings, stale_summaries, write_summaries
from rflib.paper import claims
from rflib.study.publishing import publish_study
from rflib.study.study import open_profile, open_study


@pytest.fixture
def results(project: Path) -> Path:
    open_study("accuracy-and-pruning", profile="tiny", seeds=[0]).ensure(workers=1)
    publish_study(open_profile("tiny"))
    write_summaries()
    return project / "results"


def test_the_verdicts_are_those_of_the_claims_layer(results: Path) -> None:
    stored = pd.read_csv(results / "claims.csv", dtype=str, keep_default_na=False)
    decided = claims.decide(open_study("claims", profile="published"))
    assert set(stored["id"]) == {verdict.id for verdict in decided}
    covered = {verdict.id for verdict in decided if verdict.verdict != "not covered"}
    assert covered
    assert set(stored.loc[~stored["verdict"].str.startswith("not covered"), "id"]) == covered


def test_what_was_just_written_is_not_stale(results: Path) -> None:
    assert stale_summaries() == []
    with Image.open(results / "accuracy-and-pruning.png") as image:
        assert image.width > 1000


def test_a_verdict_changed_by_hand_is_named(results: Path) -> None:
    file = results / "claims.csv"
    lines = file.read_text().splitlines()
    row = next(index for index, line in enumerate(lines) if line.startswith("RR-08,"))
    lines[row] = lines[row].replace("reproduced", "not reproduced", 1)
    file.write_text("\n".join(lines) + "\n")
    (fault,) = stale_summaries()
    assert fault.startswith("claims.csv: RR-08 is stored as ('not reproduced (1 of 4)'")
    assert fault.endswith("; run `rflib publish` again")


def test_other_measurements_make_the_picture_stale(results: Path) -> None:
    open_study("accuracy-and-pruning", profile="tiny", seeds=[1]).ensure(workers=1)
    publish_study(open_profile("tiny"))
    assert "accuracy-and-pruning.png: drawn from other measurements; run `rflib publish` again" in stale_summaries()
    write_summaries()
    assert stale_summaries() == []


def test_missing_and_broken_files_are_named(results: Path) -> None:
    (results / "claims.csv").unlink()
    (results / "accuracy-and-pruning.png").write_bytes(b"no picture")
    (results / "findings.md").write_text("All is well.\n")
    assert stale_summaries() == [
        "claims.csv: missing; run `rflib publish` again",
        "accuracy-and-pruning.png: drawn from other measurements; run `rflib publish` again",
        "findings.md: says otherwise than the measurements; run `rflib publish` again",
    ]
    (results / "accuracy-and-pruning.png").unlink()
    (results / "findings.md").unlink()
    assert "findings.md: missing; run `rflib publish` again" in stale_summaries()
    assert "accuracy-and-pruning.png: missing; run `rflib publish` again" in stale_summaries()


def test_a_reading_whose_verdict_has_changed_is_named(results: Path) -> None:
    notebook = results.parent / "notebooks" / "a-chapter.md"
    cell = """```{{code-cell}} ipython3\nreading("Fields pass the image.", rests_on={{"RR-08": "{}"}})\n```\n"""
    notebook.write_text(cell.format("reproduced"))
    assert stale_readings(results.parent) == []
    notebook.write_text(cell.format("partly"))
    (fault,) = stale_readings(results.parent)
    assert fault.startswith("a-chapter.md: a reading rests on RR-08 being 'partly', and it is 'reproduced'; read")
