from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from rflib.book.offers import archive, offers, repository_url, runnable_notebooks


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"repository": None}, None),
        ({"repository": {"url": ""}}, None),
        ({"repository": {"url": "https://github.com/a/b/"}}, "https://github.com/a/b"),
    ],
)
def test_the_repository_is_unknown_until_it_is_set(settings: dict[str, object], expected: str | None) -> None:
    assert repository_url(settings) == expected


def test_without_a_repository_a_chapter_offers_its_notebook_and_the_archive() -> None:
    line = offers("first", solutions=False, repository=None)
    assert "{download}`notebook <../downloads/first.ipynb>`" in line
    assert "<../downloads/rflib-book.zip>" in line
    assert "Binder" not in line
    assert "without solutions" not in line


def test_on_github_it_offers_binder_and_colab() -> None:
    line = offers("first", solutions=True, repository="https://github.com/owner/name.git")
    assert "<../downloads/first-exercises.ipynb>" in line
    assert "(https://mybinder.org/v2/gh/owner/name/HEAD?labpath=run%2Ffirst.ipynb)" in line
    assert "(https://colab.research.google.com/github/owner/name/blob/notebooks/first.ipynb)" in line
    assert "zip" not in line
    assert "Binder" not in offers("first", solutions=True, repository="https://gitlab.com/owner/name")


def test_every_chapter_is_a_notebook_and_exercises_have_a_second_form(book_root: Path) -> None:
    source = book_root / "notebooks" / "second.md"
    source.write_text(source.read_text() + "\n```{solution-start} e\n```\n\nAnswer.\n\n```{solution-end}\n```\n")
    found = runnable_notebooks(book_root, ["first", "second"], repository=None)
    assert sorted(found) == ["first.ipynb", "second-exercises.ipynb", "second.ipynb"]
    assert b"Answer." in found["second.ipynb"]
    assert b"Answer." not in found["second-exercises.ipynb"]
    assert b"As Bee (2020) says" in found["first.ipynb"]


def test_the_archive_holds_the_book_without_caches_and_repeats_byte_for_byte(book_root: Path) -> None:
    for name in ("rflib/one.py", "rflib/__pycache__/one.pyc", "runs/large.bin", "results/index.json"):
        path = book_root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (book_root / ".ci").mkdir()
    (book_root / ".ci" / "browser").write_text("#!/bin/sh\n")
    (book_root / ".ci" / "browser").chmod(0o755)
    first = archive(book_root)
    assert first == archive(book_root)
    packed = zipfile.ZipFile(io.BytesIO(first))
    names = packed.namelist()
    assert {"_toc.yml", "rflib/one.py", "results/index.json", "notebooks/first.md"} <= set(names)
    modes = {name: packed.getinfo(name).external_attr >> 16 for name in names}
    assert (modes[".ci/browser"], modes["rflib/one.py"]) == (0o755, 0o644)
    assert not any("pycache" in name or name.startswith("runs") for name in names)
