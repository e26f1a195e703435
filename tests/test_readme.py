"""What the README says is so: its code runs, its commands, profiles and files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rflib.command.commands import app
from rflib.study.profiles import load_profile, profile_names

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_library_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    field, border, both, taps, pruned = capsys.readouterr().out.splitlines()
    assert (field, both) == ("(212, 212)", "(212, 212) (212, 212)")
    assert border == "layer4.1.conv3"
    assert taps == "0.0% of the prunable weights can never learn"
    assert pruned == "90.0% pruned"


def test_the_commands_are_those_that_exist() -> None:
    named = set(re.findall(r"\brflib ([a-z]+)\b", README))
    assert named == {str(command.callback.__name__) for command in app.registered_commands if command.callback}


def test_the_profiles_are_those_that_exist() -> None:
    listed = re.findall(r"^\| `([\w-]+)`(?: \(default\))? \| [^|]+ \| [^|]+ \|$", README, re.MULTILINE)
    assert sorted(listed) == sorted([*profile_names(), "published"])
    for name in profile_names():
        load_profile(name)


def test_linked_and_named_files_exist() -> None:
    linked = re.findall(r"\]\(([\w./-]+)\)", README)
    names = [*linked, "environment.yml", "CITATION.cff", "LICENSE", "book", "notebooks"]
    assert [name for name in names if not (REPOSITORY / name).exists()] == []


def test_make_targets_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", README)) - {"and"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
