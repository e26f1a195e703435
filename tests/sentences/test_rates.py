from __future__ import annotations

from functools import partial

import pandas as pd

from rflib.sentences import rates
from rflib.sentences.wording import NOTHING

opening_rates = partial(rates.opening_rates, classes=10)


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
    network, test, strength = opening_rates(tables).points
    assert "costs more than 1 point at some field at rate 0.9." in network
    assert "loses less than the smallest at rate 0.9, and ends higher at rate 0.9." in network
    assert test == "In what is measured here, ending higher needs a rate above 0.8, as the paper's text has it."
    assert strength.startswith("Means over 5 seeds")


def test_the_paper_s_own_numbers_are_tested_too() -> None:
    reported = table([80.0, 80.0], reported=[72.2, 85.9])
    network, here, paper, _ = opening_rates({0.8: reported}).points
    assert "ends higher at no rate. In the paper: the largest field loses less" in network
    assert here == "In what is measured here, the largest field ends higher than the smallest at no rate."
    assert "from rate 0.8 on for at least one network, so a rate above 0.8 is not needed." in paper


def test_rates_come_in_ascending_order() -> None:
    # So many rows that a sort by the field, which is not stable, mixes the rates.
    tables = {rate: table([50.0, 50.0, 50.0, 60.0]) for rate in (0.9, 0.7, 0.8, 0.5, 0.6)}
    assert "ends higher at rates 0.5, 0.6, 0.7, 0.8, 0.9." in opening_rates(tables).points[0]


def test_a_rate_at_which_both_networks_guess_opens_nothing() -> None:
    tables = {0.9: table([10.0, 10.0]), 0.8: table([10.0, 14.9]), 0.7: table([50.0, 40.0])}
    network, test, _ = opening_rates(tables).points
    assert "ends higher at no rate. Left out: both guess at rates 0.8, 0.9." in network
    assert test == "In what is measured here, the largest field ends higher than the smallest at no rate."


def test_what_does_not_hold_from_a_rate_on_is_listed() -> None:
    tables = {0.9: table([40.0, 30.0]), 0.8: table([40.0, 50.0]), 0.7: table([40.0, 50.0])}
    test = opening_rates(tables).points[1]
    assert test == "In what is measured here, the largest field ends higher at rates 0.7, 0.8 for at least one network."


def test_losing_less_is_not_ending_higher() -> None:
    low = table([30.0, 30.0])
    low["difference_mean"] = [80.0, 60.0]
    assert "loses less than the smallest at rate 0.9, and ends higher at no rate" in str(opening_rates({0.9: low}))


def test_a_difference_below_a_point_is_none() -> None:
    assert "at no rate" in str(opening_rates({0.9: table([89.1, 89.9])}))


def test_one_field_cannot_be_compared() -> None:
    network, _ = opening_rates({0.9: table([10.0])}).points
    assert network.endswith("with one field there is nothing to compare.")


def test_a_profile_without_the_measurements_says_so() -> None:
    assert opening_rates({0.9: pd.DataFrame()}) == NOTHING
    assert opening_rates({}) == NOTHING
