"""The reference names every public thing once and nothing else, and the examples in its docstrings run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import rflib

PAGES = sorted((Path(__file__).parents[1] / "book").glob("api*.md"))
NAMED = re.compile(r"^\.\. (auto\w+|py:\w+):: ([\w.]+)$", re.MULTILINE)
# Public beside what `rflib` itself names: further modules, and what their functions take, return and raise.
MODULES = ("rflib.training", "rflib.optimisers")
COMPANIONS = (
    *("rflib.config.DataConfig", "rflib.config.MaskRecipe", "rflib.config.OptimiserConfig"),
    *("rflib.config.TrainingConfig", "rflib.data.splits.Split"),
    *("rflib.study.study.Outcome", "rflib.study.study.Study"),
    *(f"rflib.errors.{kind}Error" for kind in ("Data", "Rflib", "Store", "Training", "Usage")),
)


def documented() -> list[tuple[str, str]]:
    """Return the directive and the full name of everything on the pages of the reference."""
    return [found for page in PAGES for found in NAMED.findall(page.read_text(encoding="utf-8"))]


def resolved(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def public() -> set[str]:
    """Return every public name: those of `rflib`, and those of its modules but for the paper's own."""
    names = {f"rflib.{name}" for name in rflib.__all__ if name != "__version__"} | {*MODULES, *COMPANIONS}
    for name in names.copy():
        module = importlib.import_module(name) if name in MODULES else resolved(name)
        if isinstance(module, ModuleType) and not module.__name__.startswith("rflib.paper"):
            names |= {f"{name}.{attribute}" for attribute in module.__all__}
    return names


def with_example() -> list[str]:
    """Return what is to have an example: functions and classes, but for errors and settings known by their fields."""
    things = {name: resolved(name) for directive, name in documented() if directive in ("autofunction", "autoclass")}
    return [name for name in things if not name.startswith("rflib.config.")]


def test_the_reference_names_what_is_public_and_each_once() -> None:
    names = Counter(name for _, name in documented())
    assert set(names) == public()
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", [name for directive, name in documented() if directive.startswith("auto")])
def test_what_the_reference_shows_says_what_it_is(name: str) -> None:
    text = inspect.getdoc(importlib.import_module(name) if name in MODULES else resolved(name))
    assert text
    assert text.splitlines()[0].endswith((".", ":"))
    # What is between bars is a substitution there, which no page defines.
    assert not re.search(r"\|\w[^|]*\|", re.sub(r"`[^`]*`", "", text))


@pytest.mark.parametrize("name", with_example())
def test_an_example_runs(name: str) -> None:
    (setting,) = re.findall(r"```python\n(.*?)```", (PAGES[0].parent / "api.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(resolved(name)) or "", names, name, None, 0)
    assert example.examples, f"{name} has no example"
    report: list[str] = []
    with torch.random.fork_rng(devices=[]):
        exec(setting, example.globs)
        failed = doctest.DocTestRunner(verbose=False).run(example, out=report.append).failed
    assert not failed, "".join(report)
