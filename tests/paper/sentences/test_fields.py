"""What the sentences about the networks themselves are filled from."""

from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.chapters import manipulating_the_receptive_field as chapter
from rflib.paper.say import NOTHING, say


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Let `receptive_fields` return two networks at three kernels each."""
    rows = [
        ("rf_vgg19", 1, 181, 180.0, 4, 20_000, 0.0, 100.0),
        ("rf_vgg19", 2, 359, 358.0, 2, 20_000, 3.1, 100.0),
        ("rf_vgg19", 3, 537, 536.0, 1, 30_000, 78.6, 93.85),
        ("rf_resnet50", 1, 110, 107.0, 4, 25_000, 0.0, 100.0),
        ("rf_resnet50", 2, None, 212.0, 2, 25_000, 0.0, 100.0),
        ("rf_resnet50", 18, 1920, 1892.0, 1, 25_000, 0.0, 35.3),
    ]
    columns = ["architecture", "pool_kernel", "label", "receptive_field", "last_map_size", "parameters"]
    frame = pd.DataFrame(rows, columns=[*columns, "dead_share", "input_share"])
    monkeypatch.setattr(chapter, "receptive_fields", lambda *_, **__: frame)
    return frame


def test_labels_one_pixel_above_are_told_from_the_others(table: pd.DataFrame) -> None:
    labels = chapter.labels(None)
    assert say("{label[count]} {above[sum]}", labels, per=[]).points == ("5 3",)
    others = labels[~labels["above"].astype(bool)]
    assert others[["pool_kernel", "label", "receptive_field"]].values.tolist() == [[1, 110, 107], [18, 1920, 1892]]


def test_what_is_the_same_at_every_field_is_said_once(table: pd.DataFrame) -> None:
    assert say("{parameters[range]}", table).points == ("20,000 to 30,000", "25,000")
    assert say("{dead_share:.0f}", table).points == ("0 % at 180 px, 3 % at 358 px, 79 % at 536 px", "0 %")


def test_a_profile_without_networks_has_no_labels(monkeypatch: pytest.MonkeyPatch, table: pd.DataFrame) -> None:
    monkeypatch.setattr(chapter, "receptive_fields", lambda *_, **__: table.iloc[:0])
    assert say("{label[count]}", chapter.labels(None), per=[]) == NOTHING
