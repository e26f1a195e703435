"""Requests that cannot be right: exit code 2, what was expected, what was found, the nearest name; nothing runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

CHAPTER = "accuracy-and-pruning"
CASES = {
    "unknown parameter": (
        ["run", CHAPTER, "-p", "pool_kernel=[1]"],
        r"unknown parameter 'pool_kernel': expected one of .*Did you mean 'pool_kernels'\?",
    ),
    "wrong type": (
        ["run", CHAPTER, "-p", "pool_kernels=1"],
        r"parameter 'pool_kernels': expected list\[int\] \| None, found '1'; write for example -p",
    ),
    "no value": (["run", CHAPTER, "-p", "seeds"], r"expected NAME=VALUE, found 'seeds'"),
    "given twice": (["run", CHAPTER, "-p", "epochs=1", "-p", "epochs=2"], r"parameter 'epochs' is given twice"),
    "unknown chapter": (
        ["run", "accuracy-and-prunning"],
        r"unknown chapter 'accuracy-and-prunning': expected one of .*Did you mean 'accuracy-and-pruning'\?",
    ),
    "compared with something else": (
        ["run", CHAPTER, "--compare", "digits"],
        r"--compare: expected `published`, found 'digits'",
    ),
    "unknown chapter to show": (["params", "fine_tuning"], r"unknown chapter .*Did you mean 'fine-tuning'\?"),
    "unknown chapter of the book": (["book", "--chapter", "fine_tuning"], r"unknown chapter .*Did you mean 'fine-tun"),
    "unknown profile": (
        ["run", CHAPTER, "--profile", "smok"],
        r"unknown profile 'smok': expected one of .*Did you mean 'smoke'\?",
    ),
    "unknown profile to compute": (["study", "--profile", "digit"], r"unknown profile .*Did you mean 'digits'\?"),
    "unknown architecture": (
        ["run", CHAPTER, "--profile", "single", "-p", 'architectures=["rf_vgg91"]'],
        r"unknown architecture 'rf_vgg91': expected one of rf_resnet26, .*Did you mean 'rf_vgg19'\?",
    ),
    "rate of one": (
        ["run", "pruning-rates", "--profile", "single", "-p", "rates=[0.5, 1.0]"],
        r"'rates\.1': expected less than 1, found 1\.0",
    ),
    "negative rate": (
        ["run", "pruning-rates", "--profile", "single", "-p", "rates=[-0.1]"],
        r"'rates\.0': expected greater than or equal to 0, found -0\.1",
    ),
    "negative epochs": (
        ["run", CHAPTER, "--profile", "single", "-p", "epochs=-1"],
        r"'small_images\.training\.epochs': expected greater than or equal to 0, found -1",
    ),
    "unknown store to reuse": (
        ["run", CHAPTER, "--profile", "single", "--reuse", "publishd"],
        r"reuse: expected None or 'published', found 'publishd'",
    ),
    "unknown data set": (["download", "cifar"], r"unknown data set to download 'cifar': .*Did you mean 'cifar10'\?"),
    "unknown command": (["stauts"], r"No such command 'stauts'.*Did you mean 'status'"),
    "unknown option": (["status", "--profil", "smoke"], r"No such option: --profil .*--profile"),
    "missing chapter": (["run"], r"Missing argument 'chapter'"),
    "no workers": (["study", "--workers", "0"], r"Invalid value for '--workers'"),
}


@pytest.fixture(autouse=True)
def chapter_with_rates(book_project: Path) -> None:
    """Give one chapter a parameter for the rates."""
    source = book_project / "notebooks" / "pruning-rates.md"
    line = "rates: list[float] | None = None  # pruning rates\n"
    source.write_text(re.sub(r"(?m)^(?=profile: )", line, source.read_text()))


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_request_exits_with_2(rflib: Call, book_project: Path, case: str) -> None:
    arguments, message = CASES[case]
    answer = rflib(*arguments)
    assert answer.code == 2
    assert re.search(message, answer.err, re.IGNORECASE), answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""
    assert len(answer.err.splitlines()) <= 6
    assert not (book_project / "_build").exists()
    assert not (book_project / "runs" / "measurements").exists()


def test_debug_adds_the_traceback_and_keeps_the_exit_code(rflib: Call) -> None:
    answer = rflib("--debug", "params", "nonsense")
    assert answer.code == 2
    assert "Traceback (most recent call last)" in answer.err
    assert answer.err.splitlines()[-1].startswith("rflib: unknown chapter 'nonsense'")


def test_help_lists_every_command(rflib: Call) -> None:
    answer = rflib("--help")
    assert answer.code == 0
    for name in ("book", "run", "params", "study", "status", "publish", "verify", "gc", "download", "analyse"):
        assert re.search(rf"\b{name}\b", answer.out), name


def test_params_shows_name_type_default_and_meaning(rflib: Call) -> None:
    answer = rflib("params", CHAPTER)
    assert answer.code == 0
    assert re.search(r"^pool_kernels +list\[int\] \| None +None +kernels k of the pool", answer.out, re.MULTILINE)
    assert re.search(r"^profile +str +'digits' +profile of", answer.out, re.MULTILINE)
