"""What `status` says: of the costs before anything is computed, and of what was spent afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def test_the_plan_of_a_profile_needs_no_data_and_no_runs(rflib: Call, book_project: Path) -> None:
    path = book_project / "notebooks" / "profiles" / "single.yml"
    path.write_text(path.read_text().replace("folder:shapes", "cifar10").replace("classes: 2", "classes: 10"))
    answer = rflib("status", "--profile", "single", "--plan")
    assert (answer.code, answer.err) == (0, "")
    assert re.search(r"^chapter +runs +PFLOP +PFLOP new here *$", answer.out, re.MULTILINE)
    assert re.search(r"^fine-tuning +3 +", answer.out, re.MULTILINE)
    assert re.search(r"no run is finished yet .* `--tflops N` gives the hours at N TFLOP/s a card\.\n$", answer.out)

    slow, fast = (rflib("status", "--profile", "single", "--plan", "--tflops", rate).out for rate in ("0.001", "0.002"))
    heading = r"^chapter +runs +PFLOP +PFLOP new here +hours on 1 +hours on 8 +hours on 64 *$"
    assert re.search(heading, slow, re.MULTILINE)
    assert slow.endswith("hours at 0.001 TFLOP/s, as given.\n")
    hours = [float(re.search(r"(?m)^all +\d+ +\S+ +\S+ +(\S+)", out)[1]) for out in (slow, fast)]  # type: ignore[index]
    assert hours[0] == pytest.approx(2 * hours[1], rel=0.01)
    assert not (book_project / "runs" / "measurements").exists()


def test_after_a_run_the_plan_has_its_rate_and_the_status_its_hours(rflib: Call) -> None:
    rflib("study", "--profile", "single", "--executor", "serial")
    planned = rflib("status", "--profile", "single", "--plan")
    assert re.search(r"hours at \S+ TFLOP/s, as 3 finished runs on cpu did\.\n$", planned.out)
    found = rflib("status", "--profile", "single")
    assert re.search(r"^Spent so far: \S+ core-hours\.\nNothing is missing\.\n$", found.out, re.MULTILINE)


def test_a_rate_without_a_plan_is_refused(rflib: Call) -> None:
    answer = rflib("status", "--profile", "single", "--tflops", "10")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "rflib: --tflops belongs to --plan: expected both\n"
