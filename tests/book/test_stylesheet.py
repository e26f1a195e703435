"""The colours of badges are read on light and on dark ground."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib.colors import to_rgb

STYLES = (Path(__file__).parents[2] / "book" / "_static" / "book.css").read_text(encoding="utf-8")
# The theme's page and the striped rows of its tables.
GROUNDS = {"light": ("#ffffff", "#f3f4f5"), "dark": ("#121212", "#29313d")}


def luminance(colour: str) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", GROUNDS)
@pytest.mark.parametrize("badge", ["success", "warning", "danger", "secondary"])
def test_a_badge_stands_out_as_text_must(theme: str, badge: str) -> None:
    (rule,) = re.findall(rf'html\[data-theme="{theme}"\] \{{([^}}]*--rf-{badge}[^}}]*)\}}', STYLES)
    colour = re.search(rf"--rf-{badge}: (#[0-9a-f]{{6}});", rule)[1]
    assert min(contrast(colour, ground) for ground in GROUNDS[theme]) >= 4.5


def test_the_formula_is_the_one_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
