"""How far the printed protocol gets, word for word on tables written down here."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from rflib.sentences import early_training
from rflib.sentences.wording import NOTHING
from rflib.tables import SCHEDULES

ROLE = SimpleNamespace(protocol=SimpleNamespace(epochs=6), classes=10)
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
    first, strength = early_training.first_epochs(schedules(61.9, 10.8, 50.5, 51.0), STUDY).points  # type: ignore[arg-type]
    assert first == (
        "`rf_vgg19` at k = 2, test accuracy after 6 epochs: this profile's 61.9 %, as printed, clipped by norm 10.8 %, "
        "as printed, clipped by value 50.5 %, as printed, not clipped 51.0 %."
    )
    assert strength == "1 to 3 seeds a network: an indication, fewer than the five of the paper."


def test_nothing_is_said_without_measurements() -> None:
    assert early_training.first_epochs(pd.DataFrame(), STUDY) is NOTHING  # type: ignore[arg-type]
