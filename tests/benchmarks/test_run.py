"""One table of what was run; the rows of each subject are kept until it runs again."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import run
from benchmarks.row import Row

ROWS = [Row("top-90", "a tool", 0.5, 4.25, must=4, aim=8, note="converged"), Row("on a card", "", None, note="no card")]


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> str:
    """Put rows that took no time in the place of a subject's."""
    monkeypatch.setitem(sys.modules, "benchmarks.cka", SimpleNamespace(measure=lambda rehearsal: ROWS))
    return "cka"


def test_prints_every_row_with_its_verdict(subject: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run.main([subject, "--output", str(tmp_path / "kept.json")])
    printed = capsys.readouterr().out
    assert re.search(r"top-90 .* 0\.5 .* 4\.25 .* 8\.5 .* reaches the aim", printed)
    assert re.search(r"on a card .* not measured .* no card", printed)
    assert "not run: hessian_large (an hour and a quarter); python -m benchmarks.run hessian_large" in printed


def test_keeps_rows_with_the_facts_of_the_machine(subject: str, tmp_path: Path) -> None:
    output = tmp_path / "made" / "kept.json"
    run.main([subject, "--output", str(output)])
    kept = json.loads(output.read_text())["cka"]
    assert [row["verdict"] for row in kept["rows"]] == ["reaches the aim", "not measured"]
    assert kept["machine"].keys() >= {"cores", "threads", "torch", "date", "commit", "load", "seconds"}


def test_other_subjects_stay_and_a_rehearsal_keeps_nothing(subject: str, tmp_path: Path) -> None:
    output = tmp_path / "kept.json"
    output.write_text('{"gpu": {"rows": []}}')
    run.main([subject, "--rehearse", "--output", str(output)])
    assert json.loads(output.read_text()).keys() == {"gpu"}
    run.main([subject, "--output", str(output)])
    assert json.loads(output.read_text()).keys() == {"gpu", "cka"}


def test_unknown_subject_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        run.main(["ckaa"])
    assert refused.value.code == 2
    known = "hessian, cka, training, gpu, layers, noise, zoo, nothing_to_do, hessian_large"
    assert f"expected a subject of {known}, found 'ckaa'" in " ".join(capsys.readouterr().err.split())
