"""From a study to its published results, and what the command says when something stored or read is not sound."""

from __future__ import annotations

import os
import pickle
import re
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
READING = re.compile(r"^```\{code-cell\} ipython3\nreading\(.*?^```\n", re.MULTILINE | re.DOTALL)


@pytest.fixture
def study(rflib: Call) -> Callable[[], Any]:
    """Compute the profile `single` in this process."""
    return lambda: rflib("study", "--profile", "single", "--workers", "1")


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def the_only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_study_status_publish_verify(rflib: Call, study: Callable[[], Any], book_project: Path) -> None:
    before = rflib("status", "--profile", "single")
    assert before.code == 0
    assert "5 are missing; no training run is finished yet, so their cost is unknown." in before.out
    refused = rflib("publish", "--profile", "single")
    assert refused.code == 1
    assert re.search(r"none of the 5 measurements .* run `rflib study --profile single` first", refused.err)

    assert "all (single): 0 measurements loaded, 5 computed" in study().err
    assert "all (single): 5 measurements loaded, 0 computed" in study().err
    after = rflib("status", "--profile", "single")
    assert re.search(r"^history +3 +0", after.out, re.MULTILINE)
    assert after.out.endswith("Nothing is missing.\n")

    assert "Published: 5 of 5 measurements of profile 'single'" in rflib("publish", "--profile", "single").out
    others = rflib("verify")
    assert others.code == 1
    assert re.search(r"not hold:\n- accuracy-and-pruning\.md: a reading rests on RR-01 being 'reproduced'", others.err)
    for notebook in (book_project / "notebooks").glob("*.md"):
        notebook.write_text(READING.sub("", notebook.read_text()))
    assert rflib("verify").out == "5 published measurements are intact, listed and up to date.\n"

    results = book_project / "results" / "measurements"
    damage(the_only(results, "one_shot-*") / "measurement.json")
    broken = rflib("verify")
    assert broken.code == 1
    assert re.search(r"the published results do not hold:\n- .*one_shot-.* is damaged: .*restore it", broken.err)
    shutil.rmtree(the_only(results, "one_shot-*"))
    assert re.search(r"- one_shot-\S+: listed in the index but missing; restore it", rflib("verify").err)


def test_a_corrupt_measurement_is_named_set_aside_and_computed_again(
    rflib: Call, study: Callable[[], Any], book_project: Path
) -> None:
    study()
    damage(the_only(book_project / "runs" / "measurements", "one_shot-*") / "measurement.json")
    refused = rflib("publish", "--profile", "single")
    assert refused.code == 1
    assert re.search(r"damaged: expected \d+ bytes.*found.*`rflib gc --corrupt` moves it aside", refused.err)
    assert rflib("gc").out.startswith("0 leftovers cleared")
    cleared = rflib("gc", "--corrupt")
    assert re.search(r"one_shot-\S+\n1 leftovers cleared", cleared.out)
    assert len(list((book_project / "runs" / "quarantine").iterdir())) == 1
    assert "4 measurements loaded, 1 computed" in study().err


def test_a_pickle_where_weights_are_expected_is_not_loaded(
    rflib: Call, study: Callable[[], Any], book_project: Path
) -> None:
    study()
    runs = book_project / "runs"
    trap = book_project / "trap"
    weights = next(path for path in (runs / "weights").iterdir() if "global" not in path.name)

    class Malicious:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(trap),)

    (weights / "last.safetensors").write_bytes(pickle.dumps(Malicious()))
    shutil.rmtree(the_only(runs / "measurements", "one_shot-*"))
    answer = study()
    assert answer.code == 1
    assert re.search(r"last\.safetensors is a pickle: expected safetensors .*not loaded; `rflib gc", answer.err)
    assert not trap.exists()


def test_a_full_disk_keeps_what_was_complete(rflib: Call, study: Callable[[], Any]) -> None:
    rflib("status", "--profile", "single")  # the decoded images are there
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        answer = study()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answer.code == 1
    assert re.search(
        r"cannot write .*weights/.*File too large\. Nothing that was complete has changed; free", answer.err
    )
    kept = rflib("status", "--profile", "single").out
    assert re.search(r"^history +1 +2", kept, re.MULTILINE), kept
    assert study().code == 0


def test_a_missing_data_set_names_the_variable(
    rflib: Call, book_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RFLIB_DATA")
    answer = rflib("study", "--profile", "cifar10-cpu")
    assert answer.code == 1
    assert re.search(
        r"data set '.*cifar10' not found: looked for the folder .*\(RFLIB_DATA is not set\), expected", answer.err
    )
    assert f"{book_project / 'data'}" in answer.err


def test_a_broken_image_is_named(rflib: Call, book_project: Path) -> None:
    path = book_project / "data" / "shapes" / "train" / "left" / "03.png"
    path.write_bytes(path.read_bytes()[:60])
    answer = rflib("study", "--profile", "single")
    assert answer.code == 1
    assert "left/03.png" in answer.err
    assert "Traceback" not in answer.err
    assert "fault of rflib" not in answer.err


def test_images_too_small_for_a_pool(rflib: Call, book_project: Path) -> None:
    path = book_project / "notebooks" / "profiles" / "single.yml"
    path.write_text(path.read_text().replace("rf_vgg19: [2]", "rf_vgg19: [9]"))
    answer = rflib("study", "--profile", "single", "--workers", "1")
    assert answer.code == 2
    assert re.search(r"too small for rf_vgg19: layer '.*' runs out of pixels\. Expected at least 72 pixels", answer.err)


def test_without_torch_the_message_says_what_to_install(
    rflib: Call, study: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    answer = study()
    assert answer.code == 1
    assert "this needs torch, which is not installed: expected the extra `compute`" in answer.err


def test_what_the_system_refuses_and_what_is_unexpected(rflib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(error: Exception) -> Callable[[], None]:
        def fail() -> None:
            raise error

        return fail

    target = "rflib.study.verification.verify_published"
    monkeypatch.setattr(target, failing(PermissionError(13, "Permission denied", "/locked")))
    answer = rflib("verify")
    assert answer.code == 1
    assert "the system refused: [Errno 13] Permission denied: '/locked'. What is complete is kept" in answer.err
    monkeypatch.setattr(target, failing(ZeroDivisionError("division by zero")))
    answer = rflib("verify")
    assert answer.code == 1
    assert answer.err.startswith("rflib: unexpected ZeroDivisionError: division by zero\nThis is a fault of rflib")
