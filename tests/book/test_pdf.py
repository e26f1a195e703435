"""What printing refuses; what it prints is tested in a browser, in tests/site/test_pdf.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from rflib.book.pdf import print_book
from rflib.errors import RflibError
from tests.book.paper import write_book


def test_a_book_that_is_not_built_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RflibError, match=r"expected the built book in .*_build/html, found nothing; build it first"):
        print_book(tmp_path)


def test_a_machine_without_browser_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_book(tmp_path)
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "absent"))
    with pytest.raises(RflibError, match=r"found nothing at CHROMIUM=.*absent: install it \(Debian: apt-get install"):
        print_book(tmp_path)
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RflibError, match=r"found nothing at any of chromium, .* on the path: install it"):
        print_book(tmp_path)


def test_a_browser_that_prints_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_book(tmp_path)
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\necho out of memory >&2\nexit 3\n", encoding="utf-8")
    browser.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(browser))
    with pytest.raises(RflibError, match=r"expected a PDF from .*browser, found none; its last words: out of memory"):
        print_book(tmp_path)
    assert not (tmp_path / "_build" / "book.pdf").exists()
