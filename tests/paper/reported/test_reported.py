"""The shipped numbers against the printed ones, and the inconsistencies that the README names."""

from __future__ import annotations

import math
from importlib.resources import files

import pandas as pd
import pytest

from rflib.errors import UsageError
from rflib.paper import reported

# Entries: 4 fields of each network on CIFAR-10, 4 + 3 on Tiny ImageNet, 3 large fields, 3 x 3 widths.
COUNTS = {
    "Table 1": 8,
    "Table 2": 7,
    "Table 3": 8,
    "Table 4": 7,
    "Table 5": 7,
    "Table 6": 3,
    "Table 7": 3,
    "Table 8": 9,
}
COUNTS |= {f"Table S{number}": 8 if number % 2 else 7 for number in range(1, 9)}

# Typed from the paper: table, network, label, width, then dense, pruned and difference as printed.
PRINTED = [
    ("Table 1", "rf_vgg19", 359, 1, "91.1 0.23", "32.4 15.7", "58.7 15.8"),
    ("Table 1", "rf_resnet50", 110, 1, "94.8 0.29", "56 20.7", "38.7 20.5"),
    ("Table 1", "rf_resnet50", 213, 1, "94.0 0.16", "91.7 0.98", "2.25 0.90"),
    ("Table 2", "rf_vgg19", 715, 1, "38.5 1.69", "21.8 6.57", "16.7 7.21"),
    ("Table 3", "rf_resnet50", 423, 1, "90.23 0.169", "90.23 0.147", "-0.007 0.087"),
    ("Table 4", "rf_vgg19", 359, 1, "53.25 0.207", "3.558 2.027", "49.69 2.188"),
    ("Table 5", "rf_resnet50", 318, 1, "59.10 0.368", "49.83 0.583", "9.274 0.413"),
    ("Table 6", "rf_resnet50", 3100, 1, "22.84 0.370", "22.84 0.370", "0.000 0.000"),
    ("Table 7", "rf_resnet50", 1920, 1, "53.37 1.293", "53.37 1.293", "0.000 0.000"),
    ("Table 8", "rf_resnet50", 1415, 3, "38.0 ", " ", " "),
    ("Table 8", "rf_resnet50", 318, 3, " ", " ", " "),
    ("Table S1", "rf_vgg19", 537, 1, "87.87 0.193", "87.87 0.193", "0.00 0.0"),
    ("Table S2", "rf_resnet50", 423, 1, "56.53 0.279", "49.27 0.580", "7.260 0.412"),
    ("Table S6", "rf_vgg19", 537, 1, "41.05 1.917", "41.05 1.913", "-0.000 0.071"),
    ("Table S8", "rf_resnet50", 423, 1, "56.53 0.279", "56.29 0.408", "0.248 0.180"),
]


def entry(source: str, architecture: str, label: int, width: int = 1) -> pd.Series:
    """Return the one row of a table for a network, a label and a width."""
    rows = reported.table(source)
    chosen = rows[
        (rows["architecture"] == architecture)
        & (rows["receptive_field_label"] == label)
        & (rows["width_multiplier"] == width)
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


def column(source: str, architecture: str, name: str) -> list[float]:
    """Return one column of a table for one network, from the smallest field to the largest."""
    rows = reported.table(source)
    rows = rows[rows["architecture"] == architecture].sort_values("receptive_field_label")
    return rows[name].to_list()


def test_every_table_is_there_in_full() -> None:
    frame = reported.accuracy()
    assert frame["source"].value_counts().to_dict() == COUNTS
    assert len(frame) == 112
    assert len(frame[["source", "architecture", "receptive_field_label", "width_multiplier"]].drop_duplicates()) == 112


@pytest.mark.parametrize(("source", "architecture", "label", "width", "dense", "pruned", "difference"), PRINTED)
def test_entries_are_the_printed_ones(
    source: str, architecture: str, label: int, width: int, dense: str, pruned: str, difference: str
) -> None:
    row = entry(source, architecture, label, width)
    for quantity, printed in (("dense", dense), ("pruned", pruned), ("difference", difference)):
        for part, text in zip(("mean", "std"), printed.split(" "), strict=True):
            assert row[f"{quantity}_{part}_printed"] == text
            number = row[f"{quantity}_{part}"]
            assert math.isnan(number) if text == "" else number == float(text)


def test_settings_of_the_tables() -> None:
    frame = reported.accuracy()
    rates = frame.groupby("source")["pruning_rate"].unique()
    assert all(rates[f"Table {number}"].tolist() == [0.9] for number in range(1, 8))
    assert [rates[f"Table S{number}"].tolist() for number in (1, 3, 5, 7)] == [[0.8], [0.7], [0.6], [0.5]]
    assert frame[frame["source"] == "Table 8"][["pruning_rate", "finetune_epochs"]].isna().all(axis=None)
    tuned = frame[frame["finetune_epochs"] > 0].groupby("source")["finetune_epochs"].unique()
    assert {source: epochs.tolist() for source, epochs in tuned.items()} == {
        "Table 3": [10],
        "Table 4": [10],
        "Table 5": [100],
    }


def test_names_of_networks_and_data_sets() -> None:
    frame = reported.accuracy()
    assert set(zip(frame["paper_architecture"], frame["architecture"], strict=True)) == {
        ("vgg19", "rf_vgg19"),
        ("resnet50", "rf_resnet50"),
    }
    assert set(zip(frame["dataset"], frame["role"], strict=True)) == {
        ("cifar10", "small_images"),
        ("tiny-imagenet", "large_images"),
    }


def test_unknown_table_names_what_exists() -> None:
    with pytest.raises(UsageError, match=r"unknown table 'Table S9': expected one of Table 1, .*Table S8"):
        reported.table("Table S9")


def test_a_changed_frame_does_not_change_the_next_one() -> None:
    readers = (reported.accuracy, reported.claims, reported.training_protocol, reported.go_deeper)
    for reader in readers:
        frame = reader()
        frame.loc[:, frame.columns[0]] = "changed"
        assert "changed" not in set(reader()[frame.columns[0]])
    rows = reported.table("Table 1")
    rows["dense_mean"] = 0.0
    assert reported.table("Table 1")["dense_mean"].min() > 0


@pytest.mark.parametrize(("architecture", "slope"), [("rf_vgg19", 178), ("rf_resnet50", 105)])
def test_pool_kernel_is_the_integer_with_the_nearest_field(architecture: str, slope: int) -> None:
    frame = reported.accuracy()
    labels = frame[frame["architecture"] == architecture]["receptive_field_label"].unique()
    for pixels in labels:
        nearest = min(range(1, 50), key=lambda kernel: abs(slope * kernel + 2 - pixels))
        assert reported.pool_kernel(architecture, int(pixels)) == nearest
        assert reported.label(architecture, nearest) == pixels
    assert (frame["pool_kernel"] > 0).all()


def test_pool_kernel_and_label_outside_the_paper() -> None:
    assert reported.label("rf_vgg19", 13) is None
    assert reported.label("rf_resnet26", 1) is None
    with pytest.raises(UsageError, match=r"unknown receptive-field label of rf_vgg19 '110': expected one of 181"):
        reported.pool_kernel("rf_vgg19", 110)
    with pytest.raises(UsageError, match=r"unknown architecture of the reported tables 'vgg19'.*'rf_vgg19'"):
        reported.pool_kernel("vgg19", 181)
    with pytest.raises(UsageError, match=r"unknown architecture 'rf_resnet5'.*Did you mean 'rf_resnet50'"):
        reported.label("rf_resnet5", 1)


def test_dense_values_disagree_between_tables() -> None:
    assert entry("Table 1", "rf_resnet50", 110)["dense_mean"] == 94.8
    later = ["Table 3", "Table S1", "Table S3", "Table S5", "Table S7"]
    assert {entry(source, "rf_resnet50", 110)["dense_mean"] for source in later} == {94.69}
    vgg = {source: entry(source, "rf_vgg19", 537)["dense_mean"] for source in later}
    assert vgg.pop("Table S1") == 87.87
    assert set(vgg.values()) == {87.88}


@pytest.mark.parametrize(("short", "full", "networks"), [("1", "3", 1), ("2", "4", 2)])
def test_dense_values_of_the_first_tables_are_cut(short: str, full: str, networks: int) -> None:
    for architecture in ["rf_vgg19", "rf_resnet50"][:networks]:
        cut = column(f"Table {short}", architecture, "dense_mean_printed")
        source = column(f"Table {full}", architecture, "dense_mean_printed")
        assert cut == [text[:4] for text in source]
    rounded = [f"{number:.1f}" for number in column(f"Table {full}", "rf_vgg19", "dense_mean")]
    assert rounded != column(f"Table {short}", "rf_vgg19", "dense_mean_printed")


@pytest.mark.parametrize("architecture", ["rf_vgg19", "rf_resnet50"])
@pytest.mark.parametrize("source", ["Table 1", "Table 2"])
def test_the_gap_falls_with_the_field(source: str, architecture: str) -> None:
    gaps = column(source, architecture, "difference_mean")
    assert gaps == sorted(gaps, reverse=True)


def test_pruned_accuracy_does_not_only_rise() -> None:
    pruned = [column("Table 1", "rf_vgg19", "pruned_mean"), column("Table 1", "rf_resnet50", "pruned_mean")]
    assert all(values != sorted(values) for values in [*pruned, column("Table 2", "rf_vgg19", "pruned_mean")])


def fits(thousandths: int, models: int) -> bool:
    """Say whether a mean of `models` differences of whole images in 10,000 can print as this many 0.001 %."""
    nearest = round(thousandths * models / 10)
    return abs(nearest * 10 / models - thousandths) <= 0.5


def test_resnet50_differences_need_three_models_not_five() -> None:
    texts = [
        text
        for source in ("Table 3", "Table S1", "Table S3", "Table S5", "Table S7")
        for text in column(source, "rf_resnet50", "difference_mean_printed")
    ]
    thousandths = [round(float(text) * 1000) for text in texts]
    assert all(fits(number, models=3) for number in thousandths)
    assert sum(not fits(number, models=5) for number in thousandths) >= 5


def test_longer_fine_tuning_prints_lower() -> None:
    for pixels in (537, 715):
        long = entry("Table 5", "rf_vgg19", pixels)["pruned_mean"]
        assert long < entry("Table 4", "rf_vgg19", pixels)["pruned_mean"]


def test_width_helps_at_the_smallest_field_of_table_8_too() -> None:
    assert entry("Table 8", "rf_resnet50", 318, 2)["dense_mean"] > entry("Table 8", "rf_resnet50", 318)["dense_mean"]


def test_weight_decay_differs_between_training_and_fine_tuning() -> None:
    protocol = reported.training_protocol().set_index("hyperparameter")["value"]
    assert (float(protocol["weight decay"]), float(protocol["fine-tuning weight decay"])) == (5e-5, 5e-4)
    assert protocol["batch size"] == ""


def test_claims_are_unique_and_complete() -> None:
    claims = reported.claims()
    assert claims["id"].is_unique
    assert claims["source"].value_counts().to_dict() == {
        "rf-representations": 25,
        "go-deeper": 20,
        "prunability-thesis": 15,
        "dead-pixel": 8,
        "rf-refinement": 6,
        "this-book": 6,
    }
    assert not (claims == "").any(axis=None)


def test_go_deeper_prints_the_gain_of_removing_the_stem() -> None:
    values = reported.go_deeper().set_index("item")["value"]
    assert values["stem removal: ResNet34 test accuracy before"] == "82.76"
    assert values["stem removal: ResNet34 test accuracy after"] == "92.21"


def test_files_lie_inside_the_package() -> None:
    folder = files("rflib.paper.reported")
    for name in ("accuracy.csv", "claims.csv", "go_deeper.csv", "training_protocol.csv", "README.md"):
        assert folder.joinpath(name).is_file()
