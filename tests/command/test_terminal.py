"""How the command speaks."""

from __future__ import annotations

import pytest

from rflib.command.terminal import progress, say, show, show_table


def test_results_and_messages_go_to_different_places(capsys: pytest.CaptureFixture[str]) -> None:
    show("[1, 2] a result " + "x" * 300)
    say("[bold] a message")
    out, err = capsys.readouterr()
    assert out == "[1, 2] a result " + "x" * 300 + "\n"
    assert err == "[bold] a message\n"


def test_a_table_is_not_cut_where_it_is_piped(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(["name", "meaning"], [["list[int]", "m" * 150]])
    assert "list[int]  " + "m" * 150 in capsys.readouterr().out


def test_progress_is_one_line_a_tenth_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("computing") as advance:
        for done in range(1, 101):
            advance(done, 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"computing: {done} of 100 measurements" for done in range(10, 101, 10)]


def test_progress_is_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("computing") as advance:
        advance(3, 7)
    assert "3/7" in capsys.readouterr().err
