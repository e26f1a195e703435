"""How far the printed protocol gets, word for word on tables written down here."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from rflib.paper.chapters import experimental_settings
from rflib.paper.chapters.experimental_settings import SCHEDULES
from rflib.paper.say import NOTHING

ROLE = SimpleNamespace(protocol=SimpleNamespace(epochs=6))
STUDY = SimpleNamespace(profile=SimpleNamespace(roles={"small_images": ROLE}))


def schedules(*reached: float) -> pd.DataFrame:
    """Return a row a schedule: three seeds of the usual one, one of each that is printed."""
    return pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": 2,
            "purpose": list(SCHEDULES),
            "schedule": list(SCHEDULES.values()),
            "test_accuracy_mean": reached,
            "n": [3, 1, 1, 1],
        }
    )


def test_all_schedules_after_the_first_epochs() -> None:
    first, strength = experimental_settings.say_first_epochs(schedules(61.9, 10.8, 50.5, 51.0), STUDY).points  # type: ignore[arg-type]
    assert first == (
        "`rf_vgg19` at k = 2, test accuracy after 6 epochs: this profile's 61.9 %, as printed, clipped by norm 10.8 %, "
        "as printed, clipped by value 50.5 %, as printed, not clipped 51.0 %."
    )
    assert strength == "1 to 3 seeds a network: an indication, fewer than the five of the paper."


@pytest.mark.parametrize(
    ("distance", "end"),
    [(4.8, "took them 4.8, 3 times as far."), (0.8, "took them 0.8, 0.5 times as far.")],
)
def test_how_far_clipping_lets_the_weights_go(distance: float, end: str) -> None:
    row = {"architecture": "rf_vgg19", "pool_kernel": 2, "initial_norm_mean": 40.0}
    usual = row | {"purpose": "usual", "distance_mean": distance, "reach_mean": float("nan")}
    clipped = row | {"purpose": "printed_norm", "distance_mean": 0.1, "reach_mean": 1.6}
    assert experimental_settings.say_reach(pd.DataFrame([usual, clipped])).points == (
        "`rf_vgg19` at k = 2: clipped by norm, all the epochs of the printed schedule together can take the weights "
        f"1.6 away from where they begin, at a norm of 40; this profile's schedule {end}",
    )
    assert experimental_settings.say_reach(pd.DataFrame([usual])) is NOTHING


def test_nothing_is_said_without_measurements() -> None:
    assert experimental_settings.say_first_epochs(pd.DataFrame(), STUDY) is NOTHING  # type: ignore[arg-type]
    assert experimental_settings.say_reach(pd.DataFrame()) is NOTHING
