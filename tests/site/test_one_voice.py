"""Only the claims judge: what a chapter's cells say holds no verdict but a badge, whatever profile it was made with.

A reading is what a person wrote of the published measurements: it names the verdicts that it rests on, and
`rflib verify` compares them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rflib.paper.reading import reading
from rflib.study.store.places import project_root

EXECUTED = project_root() / "_build" / "executed"
# Words by which sentences once judged claims, each by a rule of its own.
JUDGING = re.compile(
    r"\b(contradicts?|disappears?|reproduced|borne out|bears? out|same direction|opposite direction|the opposite of|"
    r"did not make it|does not make up|explains?|artefact|robust(?:ness)?|as the paper (?:says|supposes|has it)|"
    r"unlike the (?:claim|paper)|against the claim|verdict|(?:rises|falls) throughout|mostly (?:rises|falls)|"
    r"means? little|can take nothing|all they had|no more than a point|within that reach|"
    r"no clear direction|holds?(?! no measurements)|keeps up|far behind|is (?:no longer )?there without)\b",
    re.IGNORECASE,
)
READING = ":::{admonition} Read from the published measurements"
# What claims say themselves: badges, and the lines of reasons and controls, which begin with the claim's name.
OF_CLAIMS = re.compile(
    r"\{bdg|^\s*-?\s*\*\*[A-Z]{2}-\d\d\*\*|^\| [A-Z]{2}-\N{WORD JOINER}?\d\d \||^\| Id \| Verdict \|"
)


def said(notebook: Path) -> Iterator[str]:
    """Yield the lines of text that the cells of an executed chapter show, but for readings and those of claims."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = data.get("text/markdown") or output.get("text") or ""
            text = "".join(text) if isinstance(text, list) else text
            for line in () if text.startswith(READING) else text.splitlines():
                if not OF_CLAIMS.search(line):
                    yield line


def chapters() -> list[Path]:
    # The chapter of the claims is their own voice, and a reader who asks a question of his own decides it himself.
    return [path for path in sorted(EXECUTED.glob("*/*.ipynb")) if path.stem not in ("claims", "your-own-question")]


@pytest.mark.parametrize("notebook", chapters(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_chapter_judges(notebook: Path) -> None:
    found = [line for line in said(notebook) if JUDGING.search(line)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "- By that measure `vgg11` contradicts the rule.",
        "- The field is the same and the robustness is less: the field did not make it.",
        "- In the paper it falls throughout: the same direction.",
        "- Verdict: dead taps explain a part.",
        "- The padded network does no better than guessing, so its response means little.",
        "- k = 4 costs the narrowest network no more than a point beside k = 1.",
    ],
)
def test_what_was_said_once_would_be_found(line: str) -> None:
    assert JUDGING.search(line)
    assert not OF_CLAIMS.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "- Accuracy falls (RR-01). {bdg-ref-success-line}`reproduced (2 of 4) <claim-rr-01>`",
        "- **PT-01** (reproduced). Holds for rf_vgg19, small images.",
    ],
)
def test_a_verdict_of_the_claims_is_their_own(line: str) -> None:
    assert OF_CLAIMS.search(line)


def test_a_reading_is_left_out_and_says_what_it_rests_on(tmp_path: Path) -> None:
    shown = reading("Larger fields lose less, as the paper says.", rests_on={"RR-03": "partly"})._repr_markdown_()
    cells = [{"outputs": [{"data": {"text/markdown": text}}]} for text in (shown, "- It contradicts the paper.")]
    path = tmp_path / "chapter.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    assert list(said(path)) == ["- It contradicts the paper."]
    assert "*Rests on* {ref}`RR-03 <claim-rr-03>` partly" in shown
