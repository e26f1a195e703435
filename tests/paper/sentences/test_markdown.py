"""Sentences as a page shows them."""

from __future__ import annotations

from rflib.paper.say import Sentences

EXPLAINED = "± in these sentences is a 95 % interval of the mean."


def test_an_interval_is_explained_where_a_sentence_of_the_block_has_one() -> None:
    plain, interval = Sentences(("It is 90.0 %.",)), Sentences(("It is 90.0 ± 0.2 %.",))
    assert str(plain) == "- It is 90.0 %."
    assert str(interval + plain) == f"- It is 90.0 ± 0.2 %.\n- It is 90.0 %.\n- {EXPLAINED}"
    assert (interval + plain)._repr_markdown_().count(EXPLAINED) == 1


def test_an_interval_that_a_sentence_explains_is_not_explained_again() -> None:
    told = Sentences(("It gains 2.0 points (95 % interval of the mean over runs: ± 0.3).",))
    assert "in these sentences" not in str(told)
