from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from rflib.book import build_book, freshness, rerun, stale
from rflib.errors import RflibError, UsageError
from rflib.study.executors.processes import Processes


@pytest.fixture(autouse=True)
def unchanging_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix the digest of rflib, so that only what a test changes makes the tiny books stale."""
    monkeypatch.setattr(freshness, "library_digest", lambda: "constant")


def executed(lines: list[str]) -> list[str]:
    return [line.split(":")[0] for line in lines if ": executed in" in line]


def build(root: Path, chapters: list[str] | None = None, *, profile: str = "digits", content: str = "") -> list[str]:
    """Build the book; return what it said."""
    lines: list[str] = []
    build_book(root, chapters, profile=profile, content_key=lambda: content, on_progress=lines.append)
    return lines


def test_a_book_is_executed_and_built_once(book_root: Path) -> None:
    assert executed(build(book_root)) == ["first", "second"]
    site = book_root / "_build" / "html"
    assert "digits [0.5]" in (site / "notebooks" / "second.html").read_text()
    assert 'alt="a black square"' in (site / "notebooks" / "first.html").read_text()
    assert executed(build(book_root)) == []
    source = book_root / "notebooks" / "second.md"
    source.write_text(source.read_text().replace("print(profile, rates)", "print('changed output')"))
    lines = build(book_root)
    assert executed(lines) == ["second"]
    assert "second: executing (changed: source)" in lines
    assert "changed output" in (site / "notebooks" / "second.html").read_text()


def test_chapters_that_only_read_are_executed_at_once(book_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale, "Processes", lambda: Processes(workers=2))
    # Each chapter ends only when the other has begun.
    for chapter, mine, other in (("first", "one", "two"), ("second", "two", "one")):
        wait = f"open({mine!r}, 'w').close()\nimport os, time\nwhile not os.path.exists({other!r}): time.sleep(0.05)"
        with (book_root / "notebooks" / f"{chapter}.md").open("a") as source:
            source.write(f"\n```{{code-cell}} python3\n{wait}\n```\n")
    assert sorted(executed(build(book_root, profile="published"))) == ["first", "second"]
    assert "published [0.5]" in (book_root / "_build" / "html" / "notebooks" / "second.html").read_text()


@pytest.mark.slow
def test_what_chapters_add_to_the_store_does_not_make_them_stale(book_root: Path) -> None:
    keys: Iterator[str] = iter(["empty", "one run", "two runs", "two runs"])
    build_book(book_root, profile="digits", content_key=lambda: next(keys))
    assert executed(build(book_root, content="two runs")) == []
    assert executed(build(book_root, content="one run was deleted")) == ["first", "second"]


@pytest.mark.slow
def test_a_chapter_alone_is_built_beside_placeholders(book_root: Path) -> None:
    assert executed(build(book_root, ["second"])) == ["second"]
    site = book_root / "_build" / "html" / "notebooks"
    assert "was not executed" in (site / "first.html").read_text()
    assert "was not executed" not in (site / "second.html").read_text()
    assert executed(build(book_root)) == ["first"]
    assert "was not executed" not in (site / "first.html").read_text()


def test_an_unknown_chapter_stops_before_anything_runs(book_root: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown chapter 'frist'.*Did you mean 'first'"):
        build(book_root, ["frist"])
    assert not (book_root / "_build").exists()


@pytest.mark.slow
def test_a_failing_chapter_keeps_what_was_done(book_root: Path) -> None:
    source = book_root / "notebooks" / "second.md"
    good = source.read_text()
    source.write_text(good.replace("print(profile, rates)", "1 / 0"))
    with pytest.raises(RflibError, match=r"chapter 'second' stopped in code cell 2 .*ZeroDivisionError"):
        build(book_root)
    source.write_text(good)
    assert executed(build(book_root)) == ["second"]


@pytest.mark.slow
def test_a_chapter_that_fails_beside_another_is_named(book_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale, "Processes", lambda: Processes(workers=2))
    source = book_root / "notebooks" / "second.md"
    source.write_text(source.read_text().replace("print(profile, rates)", "1 / 0"))
    with pytest.raises(RflibError, match=r"chapter 'second' stopped in code cell 2 .*ZeroDivisionError"):
        build(book_root, profile="published")


def test_a_rerun_makes_a_notebook_and_a_page(book_root: Path) -> None:
    found = rerun(book_root, "first", {"rates": [0.9]})
    assert found.parameters == {"profile": "digits", "rates": [0.9]}
    assert found.notebook.parent.parent == book_root / "_build" / "reruns"
    assert nbformat.read(found.notebook, 4).cells[2].source.endswith("rates = [0.9]\n")
    page = found.page.read_text()
    assert "[0.9]" in page
    assert 'alt="a black square"' in page
    assert "A. Bee" in page
    assert not (book_root / "_build" / "html").exists()
    again = rerun(book_root, "first", {"profile": "digits", "rates": [0.9]})
    assert again.page == found.page
    with pytest.raises(UsageError, match="unknown parameter 'rate'"):
        rerun(book_root, "first", {"rate": [0.9]})
    with pytest.raises(UsageError, match="unknown chapter 'fist'"):
        rerun(book_root, "fist", {})


def test_a_rerun_beside_the_published_result_is_executed_twice(book_root: Path) -> None:
    lines: list[str] = []
    found = rerun(book_root, "second", {"rates": [0.9]}, compare=True, on_progress=lines.append)
    assert executed(lines) == ["second", "second"]
    published = nbformat.read(found.notebook.with_name("second-published.ipynb"), 4)
    assert published.cells[-1].outputs[0].text == "published [0.5]\n"
    assert "digits [0.9]" in found.page.read_text()


@pytest.mark.slow
def test_two_builds_at_once_make_one_whole_site(book_root: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from rflib.book import build_book\n"
        "build_book(Path(sys.argv[1]), profile='digits', on_progress=print)"
    )
    command = [sys.executable, "-c", program, str(book_root)]
    builds = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [build.communicate(timeout=120)[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0]
    assert sum(output.count(": executed in") for output in outputs) == 2
    assert sum("another build works in" in output for output in outputs) == 1
    assert (book_root / "_build" / "html" / "notebooks" / "second.html").is_file()
