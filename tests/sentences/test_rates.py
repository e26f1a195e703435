from __future__ import annotations

import pandas as pd

from rflib.sentences import rates
from rflib.sentences.wording import NOTHING


def table(pruned: list[float], *, reported: list[float] | None = None, dense: float = 90.0) -> pd.DataFrame:
    fields = [178.0 * k + 2 for k in range(1, len(pruned) + 1)]
    frame = pd.DataFrame({"architecture": "rf_vgg19", "receptive_field": fields, "pruned_mean": pruned, "n": 5})
    frame["difference_mean"] = dense - frame["pruned_mean"]
    if reported is not None:
        frame["pruned_reported_mean"] = reported
        frame["difference_reported_mean"] = dense - frame["pruned_reported_mean"]
    return frame


def test_the_claim_of_the_paper_holds_where_only_high_rates_help() -> None:
    tables = {0.9: table([10.0, 80.0]), 0.8: table([89.5, 89.0]), 0.5: table([90.0, 90.0])}
    network, test, strength = rates.opening_rates(tables).points
    assert "costs more than 1 point at some field at rate 0.9." in network
    assert "loses less than the smallest at rate 0.9, and ends higher at rate 0.9." in network
    assert test == "In what is measured here, ending higher needs a rate above 0.8, as the paper's text has it."
    assert strength.startswith("Means over 5 seeds")


def test_the_paper_s_own_numbers_are_tested_too() -> None:
    reported = table([80.0, 80.0], reported=[72.2, 85.9])
    network, here, paper, _ = rates.opening_rates({0.8: reported}).points
    assert "ends higher at no rate. In the paper: the largest field loses less" in network
    assert here == "In what is measured here, the largest field ends higher than the smallest at no rate."
    assert "from rate 0.8 on for at least one network, so a rate above 0.8 is not needed." in paper


def test_losing_less_is_not_ending_higher() -> None:
    low = table([10.0, 10.0])
    low["difference_mean"] = [80.0, 60.0]
    assert "loses less than the smallest at rate 0.9, and ends higher at no rate" in str(
        rates.opening_rates({0.9: low})
    )


def test_a_difference_below_a_point_is_none() -> None:
    assert "at no rate" in str(rates.opening_rates({0.9: table([89.1, 89.9])}))


def test_one_field_cannot_be_compared() -> None:
    network, _ = rates.opening_rates({0.9: table([10.0])}).points
    assert network.endswith("with one field there is nothing to compare.")


def test_a_profile_without_the_measurements_says_so() -> None:
    assert rates.opening_rates({0.9: pd.DataFrame()}) == NOTHING
    assert rates.opening_rates({}) == NOTHING
