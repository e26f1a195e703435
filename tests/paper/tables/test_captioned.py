"""Frames as pages show them."""

from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.tables import captioned, plain
from rflib.study.study import Study


def cells_of(**columns: list[object]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    table = plain(pd.DataFrame(columns))
    return table.headings, table.rows


def test_mean_and_spread_share_a_cell_and_reported_stands_first() -> None:
    headings, rows = cells_of(
        dense_mean=[80.54], dense_sd=[0.71], dense_reported_mean=[93.5], dense_reported_sd=[0.11], n=[2]
    )
    assert headings == ("Dense, paper (%)", "Dense (%)", "n")
    assert rows == (("93.5 ± 0.11", "80.5 ± 0.7", "2"),)


def test_printed_text_is_shown_as_printed() -> None:
    headings, rows = cells_of(
        dense_reported_mean=[94.0],
        dense_reported_sd=[0.1],
        dense_reported_mean_printed=["94.00"],
        dense_reported_sd_printed=["0.10"],
    )
    assert (headings, rows) == (("Dense, paper (%)",), (("94.00 ± 0.10",),))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (pd.NA, "–"),
        (180.0, "180"),
        (0.12345, "0.123"),
        (20_000_000, "20,000,000"),
        (9999, "9999"),
        (True, "yes"),
        (False, "no"),
        ("padded", "padded"),
    ],
)
def test_cells(value: object, text: str) -> None:
    _, rows = cells_of(thing=pd.Series([value], dtype=object).tolist())
    assert rows == ((text,),)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.3, 0.337], ["0.300", "0.337"]),
        ([10.0, 82.5, float("nan")], ["10.0", "82.5", "–"]),
        ([180.0, 359.0, None], ["180", "359", "–"]),
        ([1234.5, 2.0], ["1234", "2"]),
        ([0.00012, 12.0], ["0.00012", "12"]),
        ([0.05, "cosine", 200.0], ["0.05", "cosine", "200"]),
        ([float("inf"), 1.25, 2.0], ["inf", "1.25", "2"]),
    ],
)
def test_numbers_of_a_column_have_the_same_decimals(values: list[object], texts: list[str]) -> None:
    assert [row[0] for row in cells_of(thing=values)[1]] == texts


def test_imbalances_have_three_decimals_and_say_whose_they_are() -> None:
    headings, rows = cells_of(
        uniform_imbalance=[0.0, 0.17], imbalance_mean=[0.0061, 0.0283], partially_dead_mean=[0, 0]
    )
    assert headings == ("Imbalance, equal weights", "Imbalance, trained", "Partially dead (%)")
    assert rows == (("0.000", "0.006", "0.0"), ("0.170", "0.028", "0.0"))


def test_distances_have_three_digits_whatever_their_size() -> None:
    headings, rows = cells_of(distance_mean=[0.0303, 41.23, None], distance_sd=[None, 0.11, None])
    assert headings == ("Distance from the start (unit of the weights)",)
    assert rows == (("0.0303",), ("41.2 ± 0.1",), ("–",))


def test_units_stand_in_headings_where_no_caption_gives_them(nothing: Study) -> None:
    frame = pd.DataFrame({"accuracy_full_mean": [80.0], "gain_mean": [0.3], "forward_flops_full": [5_532_160]})
    assert plain(frame).headings == ("Accuracy, whole (%)", "Gain (points)", "Operations an image, whole")
    shown = captioned(frame, name="table-1", caption="Accuracy in percent.", study=nothing)
    assert shown.headings == ("Accuracy, whole", "Gain", "Operations an image, whole")


def test_one_seed_shows_its_mean_alone_and_nothing_measured_a_dash() -> None:
    _, rows = cells_of(dense_mean=[80.0, float("nan")], dense_sd=[float("nan")] * 2)
    assert rows == (("80.0",), ("–",))


def test_columns_that_never_vary_are_left_out_where_only_variation_matters() -> None:
    same, _ = cells_of(pool_kernel=[1, 2], map_size=["shrinking"] * 2, pool_dilation=[1, 1])
    assert same == ("k",)
    varied, _ = cells_of(pool_kernel=[1, 2], map_size=["shrinking", "padded"], pool_dilation=[1, 1])
    assert varied == ("k", "Maps")


def test_a_page_gets_a_numbered_table_and_everything_else_plain_html(nothing: Study) -> None:
    table = captioned(pd.DataFrame({"note": ["a | b"]}), name="table-1", caption="A caption.", study=nothing)
    lines = table.markdown().splitlines()
    assert lines[:2] == [":::{table} A caption.", ":name: table-1"]
    assert lines[-2:] == ["| a \\| b |", ":::"]
    bundle, _ = table._repr_mimebundle_()
    assert bundle["text/markdown"] == table.markdown()
    assert bundle["text/html"].startswith("<p>A caption.</p><table")
    assert bundle["text/plain"].startswith("A caption.\n")


def test_only_a_page_shows_roles_anchors_and_links() -> None:
    cells = ["{numref}`table-1`, {ref}`shown <label>`", "[RR-01]{#claim}", "[a b](a-b)", "rank [-1.00, 1.00] (1)"]
    table = plain(pd.DataFrame({"cell": cells}))
    assert [row[0] for row in table.rows] == cells
    assert table.frame()["Cell"].tolist() == ["table-1, shown", "RR-01", "a b", "rank [-1.00, 1.00] (1)"]
