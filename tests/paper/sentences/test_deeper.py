"""What the sentences about borders and stems are filled from."""

from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.chapters import should_you_go_deeper as chapter
from rflib.paper.say import NOTHING, say


def test_networks_without_a_border_are_told_apart() -> None:
    table = pd.DataFrame({"architecture": ["vgg16", "resnet18_no_stem"], "tail_layers": [6, 0], "layers": [13, 20]})
    assert say("{architecture} {layers}", chapter.borderless(table)).points == ("resnet18_no_stem 20",)
    assert say("{architecture}", chapter.borderless(pd.DataFrame())) == NOTHING


def test_a_stem_beside_the_paper() -> None:
    columns = ["architecture", "accuracy_mean", "reported_accuracy", "forward_flops", "smallest_feasible_pixels"]
    rows = [("resnet18", 80.0, 84.61, 10.0, 75.0), ("resnet18_no_stem", 90.0, 91.95, 105.0, 19.0)]
    alone = ("resnet34", 70.0, 80.0, 20.0, 80.0)
    (row,) = chapter.stems_compared(pd.DataFrame([*rows, alone], columns=columns)).to_dict("records")
    assert (row["architecture"], row["accuracy_stem"], row["accuracy_bare"]) == ("resnet18", 80.0, 90.0)
    assert (row["change"], row["reported"], row["operations"]) == (10.0, pytest.approx(7.34), 10.5)
    assert (row["feasible_stem"], row["feasible_bare"]) == (75.0, 19.0)
    assert chapter.stems_compared(pd.DataFrame()).empty
