"""What the sentences about very large fields, about width and about depth are filled from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rflib.paper import frames
from rflib.paper.chapters import large_receptive_fields, width_and_depth
from rflib.paper.say import NOTHING, say

RESNET: dict[str, Any] = {"architecture": "rf_resnet50", "seed": 0}


def depths(**fields: dict[int, tuple[float, float]]) -> pd.DataFrame:
    """Return `width_and_depth.depth`: network to {k: (field, dense accuracy)}."""
    rows = [
        {"architecture": name, "pool_kernel": kernel, "receptive_field": field, "dense_mean": dense, "n": 1}
        for name, values in fields.items()
        for kernel, (field, dense) in values.items()
    ]
    return pd.DataFrame(rows, columns=["architecture", "pool_kernel", "receptive_field", "dense_mean", "n"])


def test_changes_are_taken_seed_by_seed_from_the_smallest_kernel_of_the_same_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(kernel: int, seed: int, dense: float, name: str = "rf_resnet50") -> dict[str, Any]:
        return {"architecture": name, "pool_kernel": kernel, "seed": seed, "rate": 0.9, "dense": dense}

    runs = {
        "grid": [run(1, 0, 95.0), run(1, 1, 97.0), run(2, 0, 50.0), run(1, 0, 10.0, "rf_vgg19")],
        "large": [run(13, 0, 60.0), run(13, 1, 61.0), run(18, 0, 14.0), run(18, 2, 90.0)],
    }
    sides = pd.DataFrame({**RESNET, "pool_kernel": [13, 18], "receptive_field": [1367.0, 1892.0]})
    monkeypatch.setattr(large_receptive_fields, "one_shot", lambda study, role, purpose: pd.DataFrame(runs[purpose]))
    monkeypatch.setattr(large_receptive_fields, "fields", lambda *_: sides)
    found = large_receptive_fields.beside_the_smallest(None)
    assert found[["receptive_field", "change_mean", "n"]].values.tolist() == [[1367, -35.5, 2], [1892, -81, 1]]


def test_networks_near_guessing_are_counted_for_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = {"dense": [90.0, 14.0], "pruned": [14.9, 15.1], "live": [10.0, 12.0], "layerwise": [10.0, 40.0]}
    table = pd.DataFrame({f"{way}_mean": means for way, means in ways.items()})
    study: Any = SimpleNamespace(profile=SimpleNamespace(roles={"small_images": SimpleNamespace(classes=10)}))
    monkeypatch.setattr(frames, "accuracy_and_pruning", lambda *_, **__: table)
    (row,) = frames.near_guessing(study).to_dict("records")
    assert row == {
        "networks": 2,
        "margin": 5.0,
        "dense_guess": 1,
        "pruned_guess": 1,
        "live_guess": 2,
        "layerwise_guess": 1,
    }
    monkeypatch.setattr(frames, "accuracy_and_pruning", lambda *_, **__: table.iloc[:0])
    assert say("{networks}", frames.near_guessing(study), per=[]) == NOTHING


def test_what_went_stands_beside_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of 100 weights 40 are dead and 90 are pruned, half of them (45) live: 45 / 60 of the live ones go.
    copies = pd.DataFrame([{**RESNET, "pool_kernel": 13, "scope": "global", "rate": 0.9}])
    copies = copies.assign(pruned_dead_share=50.0, live_pruned_share=75.0)
    others = [copies.assign(scope="live", live_pruned_share=90.0), copies.assign(rate=0.8, live_pruned_share=10.0)]
    table = pd.DataFrame([{**RESNET, "pool_kernel": 13, "dead_share": 40.0, "difference_mean": 0.5, "n": 2}])
    monkeypatch.setattr(large_receptive_fields, "pruned_copies", lambda *_: pd.concat([copies, *others]))
    monkeypatch.setattr(large_receptive_fields, "accuracy_and_pruning", lambda *_, **__: table)
    (row,) = large_receptive_fields.what_went(None).to_dict("records")
    assert (row["dead_share"], row["pruned_dead_share_mean"], row["live_pruned_share_mean"]) == (40, 50, 75)
    assert (row["difference_mean"], row["n"]) == (0.5, 2)


def test_depth_is_compared_at_equal_k_and_at_the_nearest_field(monkeypatch: pytest.MonkeyPatch) -> None:
    table = depths(rf_resnet26={3: (143.0, 90.0), 6: (284.0, 80.5), 7: (331.0, 84.0)}, rf_resnet50={3: (317.0, 80.0)})
    monkeypatch.setattr(width_and_depth, "depth", lambda *_, **__: table)
    assert width_and_depth.depth_compared(None).values.tolist() == [
        ["At equal k = 3", "rf_resnet26", 143.0, 90.0, "rf_resnet50", 317.0, 80.0, 10.0],
        ["At the nearest field measured", "rf_resnet26", 331.0, 84.0, "rf_resnet50", 317.0, 80.0, 4.0],
    ]


@pytest.mark.parametrize(
    ("shallow", "gaps"),
    [({3: (143.0, 70.0)}, [-10.0]), ({4: (200.0, 70.0)}, []), ({}, [])],
    ids=["the nearest is the one at equal k", "none at equal k", "no shallow network"],
)
def test_each_comparison_is_made_once(
    monkeypatch: pytest.MonkeyPatch, shallow: dict[int, tuple[float, float]], gaps: list[float]
) -> None:
    table = depths(rf_resnet26=shallow, rf_resnet50={3: (317.0, 80.0)})
    monkeypatch.setattr(width_and_depth, "depth", lambda *_, **__: table)
    assert width_and_depth.depth_compared(None)["gap"].tolist() == gaps
