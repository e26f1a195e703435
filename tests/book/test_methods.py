"""The lessons on methods and the guided study: exercises, cells, other seeds and data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml

from rflib.book import parameters
from rflib.book.notebooks import tagged
from rflib.study.plans import plan
from rflib.study.profiles import Profile, Role

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
METHODS = (
    *("method-receptive-field", "method-pruning", "method-hessian"),
    *("method-cka", "method-saturation-and-probes"),
)
QUESTION = "your-own-question"
MOST_LINES = 12
EXERCISE = r"^`{4}\{exercise\} (★+) [^\n]+\n:label: (\S+)\n(.*?)^`{4}$"
# Every cell in one namespace, as in a notebook, with some parameters exchanged.
RUN = """
import json, sys
import jupytext
namespace, values = {}, json.loads(sys.argv[2])
for cell in jupytext.read(sys.argv[1]).cells:
    if cell.cell_type == "code":
        exec(compile(cell.source, cell.source.splitlines()[0], "exec"), namespace)
        if "parameters" in cell.metadata.get("tags", []):
            namespace |= values
print(namespace.get("found"))
"""


def read(chapter: str) -> nbformat.NotebookNode:
    return jupytext.read(NOTEBOOKS / f"{chapter}.md")


def run(chapter: str, values: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOKS / f"{chapter}.md"), values],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=NOTEBOOKS.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("chapter", METHODS)
def test_a_lesson_belongs_to_no_profile(chapter: str) -> None:
    names = [parameter.name for parameter in parameters.read(NOTEBOOKS / f"{chapter}.md")]
    assert names[0] == "seed"
    assert "profile" not in names


@pytest.mark.parametrize("chapter", [*METHODS, QUESTION])
def test_at_least_five_graded_exercises_each_with_a_hint_and_a_solution_that_checks_itself(chapter: str) -> None:
    cells = read(chapter).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    exercises = re.findall(EXERCISE, text, flags=re.MULTILINE | re.DOTALL)
    labels = [label for _, label, _ in exercises]
    grades = [len(stars) for stars, _, _ in exercises]
    method = chapter.removeprefix("method-")
    assert labels == [f"exercise-{method}-{number}" for number in range(1, len(labels) + 1)]
    assert len(labels) >= 5
    assert grades == sorted(grades)
    assert (grades[0], grades[-1]) == (1, 3)
    assert all("{admonition} Hint\n:class: dropdown" in body for _, _, body in exercises)
    assert [label for label, _ in solutions(cells)] == labels
    assert all("assert " in code for _, code in solutions(cells))


def solutions(cells: list[nbformat.NotebookNode]) -> list[tuple[str, str]]:
    """Return the label and the code of every solution."""
    found: list[tuple[str, str]] = []
    open_label = ""
    for cell in cells:
        if cell.cell_type == "code" and open_label:
            found[-1] = (open_label, f"{found[-1][1]}\n{cell.source}")
        for end, label in re.findall(r"\{solution-(?:(end)|start)\}[ ]*(\S*)", cell.source):
            open_label = "" if end else label
            found += [] if end else [(label, "")]
    assert open_label == ""
    return found


@pytest.mark.parametrize("chapter", [*METHODS, QUESTION])
def test_cells_are_short_and_figures_have_caption_and_alt_text(chapter: str) -> None:
    for cell in read(chapter).cells:
        if cell.cell_type != "code":
            continue
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= MOST_LINES or tagged(cell, "parameters"), lines[0]
        if lines[-1] == "figure" or "@style.drawn" in lines:
            assert cell.metadata["mystnb"]["figure"]["caption"], lines[0]
            assert len(cell.metadata["mystnb"]["image"]["alt"]) > 60, lines[0]


def test_the_profile_to_copy_is_one_and_holds_the_study_of_the_chapter() -> None:
    text = (NOTEBOOKS / f"{QUESTION}.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"^```yaml\n(description:.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    profile = Profile.checked({"name": "my-profile", **yaml.safe_load(written)}, source="the chapter")
    (role,) = profile.roles.values()
    defaults = {parameter.name: parameter.default for parameter in parameters.read(NOTEBOOKS / f"{QUESTION}.md")}
    assert role.pool_kernels == {defaults["architecture"]: tuple(defaults["pool_kernels"])}
    runs = {run.id for item in plan("accuracy-and-pruning", profile) for run in item.key.runs}
    assert len(runs) == len(role.seeds) * len(defaults["pool_kernels"])
    (own_images,) = re.findall(r"^```yaml\n(  data:.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    changed = role.model_dump() | yaml.safe_load(own_images)
    assert Role.checked(changed).data.name.startswith("folder:")


@pytest.mark.parametrize(
    "values",
    [
        '{"profile": "published"}',
        '{"profile": "published", "seeds": [0]}',
        '{"profile": "published", "epochs": 3}',
    ],
    ids=["seeds", "one seed", "nothing measured"],
)
def test_the_guided_study_answers_from_what_is_published_also_where_that_is_little(values: str) -> None:
    finished = run(QUESTION, values)
    assert finished.returncode == 0, finished.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("chapter", METHODS)
def test_a_lesson_holds_for_other_seeds(chapter: str, seed: int) -> None:
    finished = run(chapter, f'{{"seed": {seed}}}')
    assert finished.returncode == 0, finished.stderr[-2000:]
