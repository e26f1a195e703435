from __future__ import annotations

import pandas as pd

from rflib.paper import reported, tables
from rflib.paper.frames import renamed


def test_a_plain_table_is_the_pipe_table_alone() -> None:
    frame = pd.DataFrame({"pool_kernel": [1, 2], "VGG, paper": [181, None], "dense_mean": [90.04, 80.0]})
    frame["dense_sd"] = [0.25, float("nan")]
    lines = tables.plain(frame).markdown().splitlines()
    assert lines == [
        "| k | Dense (%) | VGG, paper |",
        "| --- | --- | --- |",
        "| 1 | 90.0\xa0±\xa00.2 | 181 |",
        "| 2 | 80.0 | – |",
    ]


def test_every_form_of_a_plain_table_has_the_cells() -> None:
    forms, _metadata = tables.plain(pd.DataFrame({"n": [5]}))._repr_mimebundle_()
    assert set(forms) == {"text/markdown", "text/html", "text/plain"}
    assert all("5" in form for form in forms.values())


def test_an_empty_frame_says_so() -> None:
    assert "no measurements" in tables.plain(pd.DataFrame()).markdown()


def test_reported_values_keep_the_digits_of_the_paper() -> None:
    markdown = tables.plain(renamed(reported.table("Table 1"))).markdown()
    assert "| 94.0 ± 0.16 | 91.7 ± 0.98 | 2.25 ± 0.90 |" in markdown.replace("\xa0", " ")
    assert "printed" not in markdown


def test_what_belongs_together_is_not_broken_on_a_page() -> None:
    frame = pd.DataFrame({"id": ["PT-01"], "text": ["16-32 px"], "dense_mean": [1.0], "dense_sd": [0.5], "n": [2]})
    table = tables.plain(frame[["n", "id", "text", "dense_mean", "dense_sd"]])
    assert table.headings == ("Dense (%)", "Id", "Text", "n"), "the number of seeds comes last"
    assert table.markdown().splitlines()[-1] == "| 1.0\xa0±\xa00.5 | PT-\u206001 | 16-32 px | 2 |"
    assert table.rows == (("1.0 ± 0.5", "PT-01", "16-32 px", "2"),), "only the page needs it"
