"""The tables of `should-you-go-deeper` on two networks whose layers are written down here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rflib.paper import reported
from rflib.paper.chapters import should_you_go_deeper
from rflib.study.study import Study

# Input field, and whether it is larger than 32 px; saturation; probe accuracy of seed 0.
LAYERS = [(1, 0.2, 50.0), (20, 0.6, 70.0), (33, 0.3, 71.0), (40, 0.1, 69.0)]


@pytest.fixture
def study(filled: Callable[..., Study]) -> Study:
    deeper = {"architectures": ["vgg11", "resnet18", "resnet18_no_stem"], "truncated": ["vgg11"]}
    return filled("should-you-go-deeper", lambda key: (values_of(key), {}), pool_kernels={}, deeper=deeper)


def values_of(key: Any) -> dict[str, Any]:
    if key.analysis == "layers":
        cut = key.settings.model.truncated_for is not None
        bordered = "no_stem" not in key.settings.model.architecture
        rows = [
            {
                "layer": index,
                "name": f"conv{index}",
                "in_attention": False,
                "r_min": field + 2.0,
                "r_max": field + 2.0,
                "input_r_min": float(field),
                "map_size": 8,
                "unproductive_paper": bordered and field > 32,
                "unproductive_toolbox": False,
            }
            for index, (field, _, _) in enumerate(LAYERS, start=1)
        ]
        gate = rows[1] | {"layer": 5, "name": "gate", "in_attention": True}
        costs = {"parameters": 10 if cut else 100, "forward_flops": 5 if cut else 20, "smallest_feasible_pixels": 40.0}
        return {"rows": [*rows, gate], **costs}
    seed = key.runs[0].seed
    if key.analysis == "history":
        base = 81.0 if key.runs[0].config.model.truncated_for is not None else 80.0
        rows = [{"epoch": epoch, "test_accuracy": base + 2 * seed + epoch} for epoch in (1, 2)]
        return {"rows": rows, "best_epoch": 2}
    rows = [
        {"name": f"conv{index}", "saturation": used, "saturation_delve": used, "features": 8, "accuracy": probe + seed}
        for index, (_, used, probe) in enumerate(LAYERS, start=1)
    ]
    return {"rows": rows}


def test_layers_are_joined_by_name_and_gates_left_out(study: Study) -> None:
    frame = should_you_go_deeper.layers(study)
    assert len(frame) == 3 * 2 * 4
    one = frame[(frame["architecture"] == "vgg11") & (frame["seed"] == 1)]
    assert one["name"].tolist() == ["conv1", "conv2", "conv3", "conv4"]
    assert one["accuracy"].tolist() == [51, 71, 72, 70]
    assert one["saturation"].tolist() == [0.2, 0.6, 0.3, 0.1]
    assert one["position"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_both_sides_of_the_border_by_hand(study: Study) -> None:
    table = should_you_go_deeper.productivity(study).set_index("architecture")
    row = table.loc["vgg11"]
    assert (row["border"], row["tail_layers"], row["layers"], row["n"]) == ("conv3", 2, 4, 2)
    assert row["saturation_before_mean"] == pytest.approx(100 * (0.2 + 0.6) / 2)
    assert row["saturation_tail_mean"] == pytest.approx(100 * (0.3 + 0.1) / 2)
    assert row["probe_gain_before_mean"] == pytest.approx(70 - 50)
    assert row["probe_gain_tail_mean"] == pytest.approx(69 - 70)
    assert row["probe_gain_best_mean"] == pytest.approx(71 - 70)
    assert row["reached_mean"] == pytest.approx(100 * (70 / 71 + 71 / 72) / 2)
    assert row["parameters"] == 100
    alone = table.loc["resnet18_no_stem"]
    assert (alone["border"], alone["tail_layers"]) == ("none", 0)


def test_truncation_is_paired_by_seed(study: Study) -> None:
    (row,) = should_you_go_deeper.truncation(study).to_dict("records")
    assert (row["accuracy_full_mean"], row["accuracy_truncated_mean"]) == (83, 84)
    assert (row["gain_mean"], row["gain_sd"], row["n"]) == (1, 0, 2)
    assert (row["parameters_full"], row["parameters_truncated"]) == (100, 10)
    assert (row["forward_flops_full"], row["forward_flops_truncated"]) == (20, 5)


def test_stems_stand_beside_the_paper(study: Study) -> None:
    table = should_you_go_deeper.stems(study).set_index("architecture")
    assert table.index.tolist() == ["resnet18", "resnet18_no_stem"]
    assert table["reported_accuracy"].tolist() == [84.61, 91.95]
    assert table["reported_gigaflops"].tolist() == [0.04, 0.56]
    assert table["accuracy_mean"].tolist() == [83, 83]


def test_what_the_paper_reports_of_stems() -> None:
    frame = reported.stems().set_index("architecture")
    assert frame.loc["resnet34", "reported_accuracy"] == 82.76
    assert frame.loc["resnet34_no_stem"].tolist() == [92.21, 1.16]


# Probes of seed 0 at k = 1 in the order of the network; the projection and the linear layer are not in that order.
PROBES = {"conv1": 30.0, "block.conv1": 50.0, "block.downsample.0": 90.0, "block.conv2": 40.0, "last": 58.0, "fc": 95.0}


@pytest.fixture
def probed(filled: Callable[..., Study]) -> Study:
    """A network with a pool at two kernels; each further kernel takes 4 points from its last layer, a seed adds 1."""

    def content(key: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        (run,) = key.runs
        fallen = 4.0 * (run.config.model.pool_kernel - 1)
        rows = [
            {"name": name, "accuracy": accuracy + run.seed * (name == "last") - fallen * (name == "last")}
            for name, accuracy in PROBES.items()
        ]
        return {"rows": rows}, {}

    return filled("should-you-go-deeper", content, deeper={"architectures": [], "grid": True})


def test_what_the_deeper_half_adds_by_hand(probed: Study) -> None:
    halves = should_you_go_deeper.probe_halves(probed)
    assert halves[["pool_kernel", "seed", "shallow", "deep", "gain"]].to_numpy().tolist() == [
        [1, 0, 50, 58, 8],
        [1, 1, 50, 59, 9],
        [2, 0, 50, 54, 4],
        [2, 1, 50, 55, 5],
    ]
    means = should_you_go_deeper.probe_gains(probed)
    assert means[["pool_kernel", "gain_mean", "n"]].to_numpy().tolist() == [[1, 8.5, 2], [2, 4.5, 2]]


def test_a_profile_without_the_plan_has_no_tables(study: Study) -> None:
    bare = Study(study.chapter, study.profile, (), study.store)
    for table in (
        should_you_go_deeper.layers,
        should_you_go_deeper.productivity,
        should_you_go_deeper.truncation,
        should_you_go_deeper.stems,
        should_you_go_deeper.probe_gains,
    ):
        assert table(bare).empty
