"""How far the printed protocol gets, beside the schedule of the profile."""

from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.chapters import experimental_settings


@pytest.mark.parametrize(("distance", "times"), [(4.8, 3.0), (0.8, 0.5)])
def test_how_far_clipping_lets_the_weights_go(monkeypatch: pytest.MonkeyPatch, distance: float, times: float) -> None:
    row = {"architecture": "rf_vgg19", "pool_kernel": 2, "initial_norm_mean": 40.0}
    usual = row | {"purpose": "usual", "distance_mean": distance, "reach_mean": float("nan")}
    clipped = row | {"purpose": "printed_norm", "distance_mean": 0.1, "reach_mean": 1.6}
    alone = clipped | {"pool_kernel": 3}
    table = pd.DataFrame([usual, clipped, alone])
    monkeypatch.setattr(experimental_settings, "printed_protocol", lambda *_, **__: table)
    (found,) = experimental_settings.reach_of_clipping(None).to_dict("records")
    assert (found["pool_kernel"], found["reach_mean"], found["initial_norm_mean"]) == (2, 1.6, 40.0)
    assert (found["distance_mean"], found["times"]) == (distance, pytest.approx(times))
    monkeypatch.setattr(experimental_settings, "printed_protocol", lambda *_, **__: table.iloc[:1])
    assert experimental_settings.reach_of_clipping(None).empty
