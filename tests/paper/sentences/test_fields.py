from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.chapters import manipulating_the_receptive_field
from rflib.paper.say import NOTHING, Sentences

EMPTY = pd.DataFrame()


@pytest.fixture
def table() -> pd.DataFrame:
    """Return two networks at three kernels each."""
    rows = [
        ("rf_vgg19", 1, 181, 180.0, 4, 20_000, 0.0, 100.0),
        ("rf_vgg19", 2, 359, 358.0, 2, 20_000, 3.1, 100.0),
        ("rf_vgg19", 3, 537, 536.0, 1, 20_000, 78.6, 93.85),
        ("rf_resnet50", 1, 110, 107.0, 4, 25_000, 0.0, 100.0),
        ("rf_resnet50", 2, None, 212.0, 2, 25_000, 0.0, 100.0),
        ("rf_resnet50", 18, 1920, 1892.0, 1, 25_000, 0.0, 35.3),
    ]
    columns = ["architecture", "pool_kernel", "label", "receptive_field", "last_map_size", "parameters"]
    return pd.DataFrame(rows, columns=[*columns, "dead_share", "input_share"])


def test_labels_one_pixel_above_are_counted_and_others_named(table: pd.DataFrame) -> None:
    count, others = manipulating_the_receptive_field.say_labels(table).points
    assert count == "Of 5 labels, 3 are the computed field plus one pixel."
    assert others == "The others: k = 1: label 110, computed 107; k = 18: label 1920, computed 1892."


def test_equal_parameters_are_said_once(table: pd.DataFrame) -> None:
    vgg, _, ratio = manipulating_the_receptive_field.say_parameters(table).points
    assert vgg == "`rf_vgg19` has 20,000 parameters at every field."
    assert ratio == "The largest network has 1.25 times the parameters of the smallest."


def test_unequal_parameters_show(table: pd.DataFrame) -> None:
    table.loc[1, "parameters"] = 30_000
    assert "`rf_vgg19` has 20,000 to 30,000" in str(manipulating_the_receptive_field.say_parameters(table))


def test_the_steepest_rise_of_dead_taps_is_found(table: pd.DataFrame) -> None:
    vgg, resnet = manipulating_the_receptive_field.say_dead_taps(table).points
    assert "rises most from k = 2 to k = 3, from 3 % to 79 %. The side of the last map goes from 2 to 1 px" in vgg
    assert resnet == "`rf_resnet50`: the share of dead taps does not rise over these fields; it is 0 %."


def test_cropped_input_is_named_for_its_network(table: pd.DataFrame) -> None:
    vgg, resnet = manipulating_the_receptive_field.say_unseen_input(table).points
    assert "of the image's pixels, 94 % at k = 3 can reach the output" in vgg
    assert "35 % at k = 18" in resnet
    assert vgg.endswith("; elsewhere all can.")
    nowhere = table[table["input_share"] < 100]
    assert all(
        point.endswith("can reach the output.")
        for point in manipulating_the_receptive_field.say_unseen_input(nowhere).points
    )
    whole = table[table["input_share"] == 100]
    assert manipulating_the_receptive_field.say_unseen_input(whole).points == (
        "At every field of this grid the whole image can reach the output.",
    )


@pytest.mark.parametrize(
    "sentences",
    [
        manipulating_the_receptive_field.say_labels(EMPTY),
        manipulating_the_receptive_field.say_parameters(EMPTY),
        manipulating_the_receptive_field.say_dead_taps(EMPTY),
        manipulating_the_receptive_field.say_unseen_input(EMPTY),
    ],
)
def test_a_profile_without_the_measurements_says_so(sentences: Sentences) -> None:
    assert sentences == NOTHING
