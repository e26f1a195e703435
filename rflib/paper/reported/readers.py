"""Typed readers of the tables in this folder. Every call returns a frame of its own, free to be changed."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

from rflib.errors import unknown
from rflib.paper.reported.labels import pool_kernel

_ARCHITECTURES = {"vgg19": "rf_vgg19", "resnet50": "rf_resnet50"}
_ROLES = {"cifar10": "small_images", "tiny-imagenet": "large_images"}
_PRINTED = [f"{quantity}_{part}" for quantity in ("dense", "pruned", "difference") for part in ("mean", "std")]
_SETTINGS = [
    "source",
    "dataset",
    "role",
    "architecture",
    "paper_architecture",
    "receptive_field_label",
    "pool_kernel",
    "width_multiplier",
    "pruning_rate",
    "finetune_epochs",
]
_STEM = r"^stem removal: (?P<network>ResNet\d+) (?P<what>test accuracy|computations) (?P<moment>before|after)$"


@cache
def _text(name: str) -> pd.DataFrame:
    """Return a shipped table with every cell as the text that was printed, "" where nothing was."""
    with files("rflib.paper.reported").joinpath(f"{name}.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str, keep_default_na=False)


@cache
def _accuracy() -> pd.DataFrame:
    frame = _text("accuracy").rename(columns={"architecture": "paper_architecture"})
    frame["architecture"] = frame["paper_architecture"].map(_ARCHITECTURES)
    frame["role"] = frame["dataset"].map(_ROLES)
    for column in ("receptive_field_label", "width_multiplier"):
        frame[column] = frame[column].astype(int)
    pairs = zip(frame["architecture"], frame["receptive_field_label"], strict=True)
    frame["pool_kernel"] = [pool_kernel(str(architecture), int(pixels)) for architecture, pixels in pairs]
    frame["finetune_epochs"] = pd.to_numeric(frame["finetune_epochs"]).astype("Int64")
    frame["pruning_rate"] = pd.to_numeric(frame["pruning_rate"])
    for column in _PRINTED:
        frame[f"{column}_printed"] = frame[column]
        frame[column] = pd.to_numeric(frame[column])
    return frame[[*_SETTINGS, *_PRINTED, *(f"{column}_printed" for column in _PRINTED), "note"]]


def accuracy() -> pd.DataFrame:
    """Return every accuracy entry of Tables 1-8 and S1-S8, in the paper's order.

    One row is one network at one receptive field. `source` names the table ("Table 1" ... "Table S8");
    `architecture` is ours, `paper_architecture` theirs; `role` says which of a profile's two data sets
    stands for the paper's: `small_images` (CIFAR-10) or `large_images` (Tiny ImageNet). `dense`, `pruned`
    and `difference` have a `_mean` and a `_std` in percent (NaN where nothing is printed), each also as
    the printed text in a column that ends in `_printed`, since 94.0 and 94.00 do not say the same. A
    `finetune_epochs` of 0 is one-shot pruning.
    """
    return _accuracy().copy()


def table(source: str) -> pd.DataFrame:
    """Return the rows of one table of the paper, such as "Table S3", in the columns of `accuracy`.

    Raises `UsageError` for a table that does not exist.
    """
    frame = _accuracy()
    names = frame["source"].unique()
    if source not in names:
        raise unknown("table", source, names)
    return frame[frame["source"] == source].reset_index(drop=True)


def claims() -> pd.DataFrame:
    """Return the claims of the five papers, one a row, as text.

    Columns: `id` (unique), `source`, `section`, `claim`, `measurable_as` (the quantity that decides it) and
    `expected_direction`.
    """
    return _text("claims").copy()


def training_protocol() -> pd.DataFrame:
    """Return the experimental settings of the paper, as text.

    Columns: `hyperparameter`, `value` ("" where nothing is stated), `where_stated`, `note`.
    """
    return _text("training_protocol").copy()


def go_deeper() -> pd.DataFrame:
    """Return the settings and numbers in the text of "Should You Go Deeper?", as text.

    Columns: `item`, `value`, `unit`, `section`, `quote_location`.
    """
    return _text("go_deeper").copy()


def stems() -> pd.DataFrame:
    """Return what "Should You Go Deeper?" reports of ResNets with and without their stem.

    Columns: `architecture` is ours, `reported_accuracy` in percent, `reported_gigaflops` a forward pass of one image.
    """
    frame = _text("go_deeper")
    parts = frame["item"].str.extract(_STEM).dropna().assign(value=pd.to_numeric(frame["value"], errors="coerce"))
    ending = parts["moment"].map({"before": "", "after": "_no_stem"})
    parts["architecture"] = parts["network"].str.lower() + ending
    parts["quantity"] = parts["what"].map({"test accuracy": "reported_accuracy", "computations": "reported_gigaflops"})
    wide = parts.pivot(index="architecture", columns="quantity", values="value")
    return wide.reset_index().rename_axis(columns=None)
