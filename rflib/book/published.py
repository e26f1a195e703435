"""What is kept beside the published measurements: verdicts, the main result as a picture and in words; if they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd
from PIL import Image

from rflib.paper import claims, frames
from rflib.paper.chapters import accuracy_and_pruning
from rflib.paper.findings import findings, shown_rate
from rflib.paper.reading import stale
from rflib.study.store.commit import replace_file
from rflib.study.store.places import results_root
from rflib.study.store.published import Index
from rflib.study.study import open_study

VERDICTS = "claims.csv"
PICTURE = "accuracy-and-pruning.png"
FINDINGS = "findings.md"
README = "README.md"
# The README quotes the findings between these.
_MARKS = ("<!-- findings -->", "<!-- end of findings -->")
_SHOWN = ["id", "verdict", "statistic", "low", "high", "p", "seeds", "control"]
_REMEDY = "run `rflib publish` again"


def write_summaries() -> list[Path]:
    """Decide the claims, draw the main result and say it, from what is published; return the files in `results/`."""
    root = results_root()
    contents = {VERDICTS: _verdicts().encode(), PICTURE: _picture(), FINDINGS: _findings().encode()}
    for name, content in contents.items():
        replace_file(root / name, content)
    written = [root / name for name in contents]
    readme = root.parent / README
    if readme.is_file():
        replace_file(readme, with_findings(readme.read_text(encoding="utf-8"), contents[FINDINGS].decode()).encode())
        written.append(readme)
    return written


def with_findings(text: str, found: str) -> str:
    """Return the README's text with the findings between its two marks, if it has them."""
    if not all(mark in text for mark in _MARKS):
        return text
    start, end = (text.index(mark) for mark in _MARKS)
    return f"{text[: start + len(_MARKS[0])]}\n\n{found.strip()}\n\n{text[end:]}"


def stale_readings(root: Path) -> list[str]:
    """Return which readings in the notebooks at `root` rest on verdicts that the measurements no longer give."""
    return stale(sorted((root / "notebooks").glob("*.md")), claims.decide(open_study("claims", profile="published")))


def stale_summaries() -> list[str]:
    """Return what these files in `results/` say otherwise than the measurements there, as text."""
    root = results_root()
    stale = [*_stale_verdicts(root / VERDICTS), *_stale_picture(root / PICTURE), *_stale_findings(root / FINDINGS)]
    return stale or _stale_readme(root.parent / README)


def _stale_verdicts(path: Path) -> list[str]:
    if not path.is_file():
        return [f"{path.name}: missing; {_REMEDY}"]
    stored, found = (_by_claim(text) for text in (path.read_text(encoding="utf-8"), _verdicts()))
    return [
        f"{path.name}: {name} is stored as {stored.get(name, 'nothing')}, the measurements give "
        f"{found.get(name, 'nothing')}; {_REMEDY}"
        for name in sorted(stored.keys() | found.keys())
        if stored.get(name) != found.get(name)
    ]


def _stale_picture(path: Path) -> list[str]:
    if not path.is_file():
        return [f"{path.name}: missing; {_REMEDY}"]
    try:
        with Image.open(path) as image:
            drawn = image.info.get("Description")
    except OSError:
        drawn = None
    return [] if drawn == _content(_main_table()) else [f"{path.name}: drawn from other measurements; {_REMEDY}"]


def _stale_findings(path: Path) -> list[str]:
    if not path.is_file():
        return [f"{path.name}: missing; {_REMEDY}"]
    same = path.read_text(encoding="utf-8") == _findings()
    return [] if same else [f"{path.name}: says otherwise than the measurements; {_REMEDY}"]


def _stale_readme(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return (
        []
        if with_findings(text, _findings()) == text
        else [f"{path.name}: quotes other findings than {FINDINGS}; {_REMEDY}"]
    )


def _findings() -> str:
    profiles = Index.load(results_root()).profiles.values()
    return f"{findings(open_study('claims', profile='published'), profiles)}\n"


def _verdicts() -> str:
    study = open_study("claims", profile="published")
    table = claims.table(claims.decide(study))
    # Digits beyond these depend on the version of numpy and scipy, and on no measurement.
    return table[_SHOWN].to_csv(index=False, float_format="%.4g", lineterminator="\n")


def _by_claim(text: str) -> dict[str, Sequence[object]]:
    frame = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    return {str(row["id"]): tuple(value for name, value in row.items() if name != "id") for _, row in frame.iterrows()}


def _main_table() -> pd.DataFrame:
    study = open_study("accuracy-and-pruning", profile="published")
    return frames.accuracy_and_pruning(study, rate=shown_rate(study))


def _picture() -> bytes:
    study = open_study("accuracy-and-pruning", profile="published")
    return accuracy_and_pruning.draw_accuracy_and_pruning(study, rate=shown_rate(study)).png(_content(_main_table()))


def _content(table: pd.DataFrame) -> str:
    return hashlib.sha256(table.to_csv(float_format="%.6g").encode()).hexdigest()
