from __future__ import annotations

import pytest

from rflib.errors import DataError, RflibError, StoreError, TrainingError, UsageError, nearest, unknown


@pytest.mark.parametrize("kind", [DataError, StoreError, TrainingError, RflibError])
def test_failures_exit_with_1(kind: type[RflibError]) -> None:
    assert kind("message").exit_code == 1
    assert isinstance(kind("message"), RflibError)


def test_wrong_requests_exit_with_2() -> None:
    assert UsageError("message").exit_code == 2


@pytest.mark.parametrize(
    ("name", "guess"), [("pool_kernel", "pool_kernels"), ("sede", "seed"), ("zzz", None), ("", None)]
)
def test_the_nearest_name(name: str, guess: str | None) -> None:
    assert nearest(name, iter(["pool_kernels", "seed", "width"])) == guess


def test_an_unknown_name_lists_what_exists_and_the_nearest() -> None:
    error = unknown("profile", "smok", iter(["smoke", "digits"]))
    assert str(error) == "unknown profile 'smok': expected one of digits, smoke. Did you mean 'smoke'?"
    assert error.exit_code == 2
    assert str(unknown("profile", "x", ["smoke"])) == "unknown profile 'x': expected one of smoke."
