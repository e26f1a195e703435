from __future__ import annotations

from typing import Any

import pandas as pd

from rflib.paper.chapters import effective_receptive_field
from rflib.paper.say import NOTHING


def network(name: str, **changes: Any) -> dict[str, Any]:
    row = {
        "architecture": name,
        "theoretical_field": 100.0,
        "visible_field": 32.0,
        "untrained_mean": 25.0,
        "untrained_sd": 0.5,
        "trained_mean": 28.0,
        "trained_sd": 0.5,
        "growth_mean": 3.0,
        "early_mean": 20.0,
        "late_mean": 2.0,
        "accuracy_mean": 80.0,
        "accuracy_sd": 1.0,
        "n": 2,
    }
    return row | changes


def test_accuracy_against_both_fields() -> None:
    rows = [
        network("a", theoretical_field=50.0, trained_mean=30.0),
        network("b", theoretical_field=100.0, trained_mean=28.0, accuracy_mean=90.0),
        network("c", theoretical_field=200.0, trained_mean=29.0, accuracy_mean=85.0),
        network("d", theoretical_field=60.0, trained_mean=31.0, accuracy_mean=70.0),
    ]
    theory, effective, ends, seeds = effective_receptive_field.say_accuracy(pd.DataFrame(rows)).points
    assert theory == "Over 4 networks the rank correlation of test accuracy with the theoretical field is +0.60."
    assert effective == "Over 4 networks the rank correlation of test accuracy with the effective field is -1.00."
    assert ends == (
        "The most accurate network is `b` (90.0 %) with a field of 100 px; the widest field, 200 px, is that of `c` "
        "(85.0 %)."
    )
    assert seeds == "Means over 2 seeds a network."
    few, *_ = effective_receptive_field.say_accuracy(pd.DataFrame(rows[:3])).points
    assert few == "3 networks are too few for a rank correlation."


def test_fields_before_and_after_training() -> None:
    table = pd.DataFrame([network("a"), network("b", trained_mean=33.0, growth_mean=-1.0)])
    first, second, seeds = effective_receptive_field.say_use(table).points
    assert first == (
        "`a`: 100 px in theory, of which 32 px could be seen; the effective field is 25.0 px untrained and 28.0 px "
        "trained (+3.0 px)."
    )
    assert second == (
        "`b`: 100 px in theory, of which 32 px could be seen; the effective field is 25.0 px untrained and 33.0 px "
        "trained (-1.0 px)."
    )
    assert seeds == "Means over 2 seeds a network."


def test_growth_along_the_depth() -> None:
    table = pd.DataFrame([network("a"), network("b", late_mean=21.0)])
    first, second, seeds = effective_receptive_field.say_depth(table).points
    changed = "trained, the effective field changes by +20.0 px over the first half of the depth and by"
    assert first == f"`a`: {changed} +2.0 px over the second."
    assert second == f"`b`: {changed} +21.0 px over the second."
    assert seeds == "Means over 2 seeds a network."


def scale(width: float, cardinality: int, change: float) -> dict[str, Any]:
    accuracy = {"accuracy_mean": 80 + change, "accuracy_sd": 0.1, "change_mean": change}
    network = {"architecture": "rf_resnet26", "width": width, "cardinality": cardinality, "receptive_field": 96.0}
    return {**network, **accuracy, "parameters": 12345, "n": 3}


def test_width_and_cardinality_beside_the_first() -> None:
    start, wide, grouped, seeds = effective_receptive_field.say_scaled(
        pd.DataFrame([scale(0.5, 1, 0), scale(1, 1, 3), scale(0.5, 4, -2)])
    ).points
    assert start.startswith("`rf_resnet26` has a field of 96 px at every width and cardinality.")
    assert wide == "Width × 2: 83.0 ± 0.2 % with 12,345 parameters, +3.0 points."
    assert grouped.startswith("Cardinality 4: 78.0")
    assert seeds == "Means over 3 seeds a network."


def test_pixels_by_kind_of_kernel() -> None:
    def row(name: str, uneven: int, imbalance: float) -> dict[str, Any]:
        measured = {
            "imbalance_mean": imbalance,
            "partially_dead_mean": 10 * imbalance,
            "uniform_imbalance": imbalance / 2,
        }
        return {"architecture": name, "uneven_layers": uneven, "n": 1, **measured}

    odd, even, seeds = effective_receptive_field.say_pixels(
        pd.DataFrame([row("a", 0, 0.02), row("b", 3, 0.2), row("c", 1, 0.4)])
    ).points
    assert odd.startswith(
        "Networks with kernels that their stride does not divide (`b`, `c`): imbalance 0.200 to 0.400"
    )
    assert "0.100 to 0.200 by the architecture alone; 2.0 to 4.0 % of the pixels" in odd
    assert even == (
        "Networks with none (`a`): imbalance 0.020 after training, 0.010 by the architecture alone; 0.2 % of the "
        "pixels are partially dead."
    )
    assert seeds.startswith("One seed")


def padded(task: str, plain: float, gain: float) -> dict[str, Any]:
    return {
        "architecture": "resnet18",
        "task": task,
        "imbalance_plain_mean": 0.2,
        "imbalance_padded_mean": 0.05,
        "accuracy_plain_mean": plain,
        "accuracy_plain_sd": 1.0,
        "accuracy_padded_mean": plain + gain,
        "accuracy_padded_sd": 1.0,
        "accuracy_change_mean": gain,
        "prediction_change_plain_mean": 3.0,
        "prediction_change_padded_mean": 2.0,
        "n": 2,
    }


def test_padding_on_both_tasks() -> None:
    table = pd.DataFrame([padded("classes", 80.0, 0.4), padded("shifts", 60.0, 5.0), padded("shifts", 60.0, -33.0)])
    classes, shifts, guessing, _ = effective_receptive_field.say_padding(table).points
    imbalance = "padded kernels change the imbalance from 0.20 to 0.05 and the test accuracy from"
    response = "A shift by one pixel changes 3.0 % of the predictions without and 2.0 % with padding."
    assert classes == f"`resnet18`, telling classes: {imbalance} 80.0 % to 80.4 % (+0.4 points). {response}"
    assert shifts == f"`resnet18`, telling shifts: {imbalance} 60.0 % to 65.0 % (+5.0 points). {response}"
    assert guessing == (
        f"`resnet18`, telling shifts: {imbalance} 60.0 % to 27.0 % (-33.0 points). {response} The padded network is "
        "within 5 points of guessing (25 %)."
    )


def test_nothing_is_said_without_measurements() -> None:
    for each in (
        effective_receptive_field.say_accuracy,
        effective_receptive_field.say_use,
        effective_receptive_field.say_depth,
        effective_receptive_field.say_scaled,
        effective_receptive_field.say_pixels,
        effective_receptive_field.say_padding,
    ):
        assert each(pd.DataFrame()) is NOTHING
