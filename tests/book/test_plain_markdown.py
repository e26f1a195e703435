from __future__ import annotations

from pathlib import Path

import pytest

from rflib.book.plain_markdown import plain, read_citations

CITATIONS = {"bee2020": ("Bee", "2020"), "cat2021": ("Cat et al.", "2021")}


def converted(text: str) -> str:
    return plain(text, citations=CITATIONS, chapters=["other-chapter"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as {cite:t}`bee2020` says", "as Bee (2020) says"),
        ("as {cite:t}`bee2020, cat2021` say", "as Bee (2020) and Cat et al. (2021) say"),
        ("it is known {cite:p}`bee2020,cat2021`.", "it is known (Bee, 2020; Cat et al., 2021)."),
        ("unknown {cite:p}`nobody`", "unknown (nobody)"),
        ("see {numref}`table-1`", "see Table 1"),
        ("see {numref}`table-s3`", "see Table S3"),
        ("see {numref}`fig-share-kept`", "see the figure “share kept”"),
        ("see {numref}`the last one <fig-share-kept>`", "see the last one"),
        ("a {term}`seed` and {term}`masks <mask>`", "a seed and masks"),
        ("[another](other-chapter), [two\nlines](other-chapter#part)", None),
        ("[a page](../book/page) and [the web](https://example.org/x)", "a page and [the web](https://example.org/x)"),
        ("![a picture](picture.png)", "![a picture](picture.png)"),
        ("`notebooks/{profile}` and `x`", "`notebooks/{profile}` and `x`"),
        ("(a-label)=\n## Heading", "## Heading"),
        ("$$\na\n$$ (equation-a)", "$$\na\n$$"),
    ],
)
def test_roles_links_and_labels(text: str, expected: str | None) -> None:
    links = "[another](other-chapter.ipynb), [two\nlines](other-chapter.ipynb)"
    assert converted(text) == (links if expected is None else expected)


def test_an_admonition_becomes_a_quote_under_its_title() -> None:
    text = "Before.\n\n```{admonition} What to know\n:class: tip\n\nOne.\n\nTwo {term}`seeds <seed>`.\n```\n\nAfter."
    assert converted(text) == "Before.\n\n> **What to know**\n>\n> One.\n>\n> Two seeds.\n\nAfter."
    assert converted(":::{warning}\nMind this.\n:::") == "> **Warning**\n>\n> Mind this."


def test_an_exercise_with_a_hint_and_code_is_a_quote_within_a_quote() -> None:
    text = (
        "````{exercise} ★ Find it\n:label: exercise-1\n\nHow?\n\n```python\nx = 1\n```\n\n"
        "~~~{admonition} Hint\n:class: dropdown\n\nLook.\n~~~\n````"
    )
    assert converted(text).splitlines() == [
        *("> **Exercise: ★ Find it**", ">", "> How?", ">", "> ```python", "> x = 1", "> ```", ">"),
        *("> > **Hint**", "> >", "> > Look."),
    ]


def test_the_gates_of_a_solution_leave_a_heading() -> None:
    text = "```{solution-start} exercise-1\n:class: dropdown\n```\n\nBecause.\n\n```{solution-end}\n```"
    assert converted(text) == "**Solution**\n\n\nBecause.\n"


def test_code_fences_stay() -> None:
    assert converted("```sh\nmake book\n```") == "```sh\nmake book\n```"


def test_authors_are_shortened_and_accents_are_letters(tmp_path: Path) -> None:
    (tmp_path / "references.bib").write_text(
        "@article{one, author={Avenda{\\~n}o, L.}, title={T}, journal={J}, year={2020}}\n"
        "@article{two, author={A. Bee and C. van Dee}, title={T}, journal={J}, year={2021}}\n"
        "@article{three, author={A. Bee and C. Dee and E. Fee}, title={T}, journal={J}, year={2022}}\n"
        "@misc{none, title={A tool}}\n"
    )
    assert read_citations(tmp_path / "references.bib") == {
        "one": ("Avendaño", "2020"),
        "two": ("Bee and van Dee", "2021"),
        "three": ("Bee et al.", "2022"),
        "none": ("A tool", "no year"),
    }
    assert read_citations(tmp_path / "missing.bib") == {}
