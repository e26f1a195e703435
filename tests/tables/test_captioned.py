"""Frames as pages show them."""

from __future__ import annotations

import pandas as pd
import pytest

from rflib.pipeline.study import Study
from rflib.tables import captioned, plain


def cells_of(**columns: list[object]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    table = plain(pd.DataFrame(columns))
    return table.headings, table.rows


def test_mean_and_spread_share_a_cell_and_reported_stands_first() -> None:
    headings, rows = cells_of(
        dense_mean=[80.54], dense_sd=[0.71], dense_reported_mean=[93.5], dense_reported_sd=[0.11], n=[2]
    )
    assert headings == ("Dense, paper", "Dense", "n")
    assert rows == (("93.5 ± 0.11", "80.5 ± 0.7", "2"),)


def test_printed_text_is_shown_as_printed() -> None:
    headings, rows = cells_of(
        dense_reported_mean=[94.0],
        dense_reported_sd=[0.1],
        dense_reported_mean_printed=["94.00"],
        dense_reported_sd_printed=["0.10"],
    )
    assert (headings, rows) == (("Dense, paper",), (("94.00 ± 0.10",),))


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
