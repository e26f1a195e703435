"""How long the commands take when everything is there already: they should only look."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.row import Row
from benchmarks.timing import timed
from rflib.errors import RflibError
from rflib.study.study import open_profile

ROOT = Path(__file__).resolve().parents[1]
BOOK_S, STUDY_S = 60, 5
BOOK, STUDY = "make book, nothing to do", "rflib study, nothing to do"


def measure(rehearsal: bool = False) -> list[Row]:
    """Return the seconds of `make book` and `rflib study` for the profile that the site here shows."""
    profile = built_profile(ROOT / "_build")
    if profile is None:
        note = "no site is built: `make book` builds one"
        return [_unmeasured(BOOK, BOOK_S, note), _unmeasured(STUDY, STUDY_S, note)]
    book = _unmeasured(BOOK, BOOK_S, "left out of a rehearsal") if rehearsal else _book(profile)
    return [book, _study(profile)]


def built_profile(build: Path) -> str | None:
    """Return the profile whose chapters were executed last, which is what the site shows; None without a site."""
    records = list((build / "executed").glob("*/*.json"))
    if not (build / "html" / "index.html").is_file() or not records:
        return None
    return max(records, key=lambda record: record.stat().st_mtime).parent.name


def _book(profile: str) -> Row:
    command = ["make", "--no-print-directory", "book", f"PROFILE={profile}"]
    # The first brings the site up to date, however long that takes; the second finds nothing to do.
    return _timed(BOOK, BOOK_S, command, repetitions=2, note=f"profile {profile}, the second of two")


def _study(profile: str) -> Row:
    try:
        study = open_profile(profile)
    except RflibError as error:
        return _unmeasured(STUDY, STUDY_S, str(error))
    if missing := len(study.missing()):
        return _unmeasured(STUDY, STUDY_S, f"profile {profile} lacks {missing} measurements")
    command = [str(Path(sys.executable).with_name("rflib")), "study", "--profile", profile]
    note = f"profile {profile}, {len(study.items)} measurements, the second of two"
    return _timed(STUDY, STUDY_S, command, repetitions=2, note=note)


def _timed(what: str, must: float, command: Sequence[str], *, repetitions: int, note: str) -> Row:
    try:
        times = [timed(lambda: _run(command))[0] for _ in range(repetitions)]
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return _unmeasured(what, must, f"`{' '.join(command)}` failed: {last}")
    return Row(what, "", times[-1], must=must, note=note)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)


def _unmeasured(what: str, must: float, note: str) -> Row:
    return Row(what, "", None, must=must, note=note)
