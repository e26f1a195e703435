"""Tables 3, 4 and 5: accuracy after fine-tuning a pruned network."""

from __future__ import annotations

import pandas as pd

from rflib.paper import reported
from rflib.paper.frames import NETWORK, fields, one_shot, renamed, summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_SOURCES = {
    ("small_images", False): "Table 3",
    ("large_images", False): "Table 4",
    ("large_images", True): "Table 5",
}


@traced
def fine_tuning(
    study: Study, *, role: RoleName = "small_images", long: bool = False, rate: float = 0.9
) -> pd.DataFrame:
    """Return one row a network: accuracy in percent dense, pruned one-shot, and after fine-tuning, over seeds.

    `difference` is dense minus fine-tuned, seed by seed. `long` takes the longer fine-tuning of Table 5. Weights
    of the last epoch throughout.
    """
    tuned = _tuned(study, role, rate, long=long)
    before = one_shot(study, role)
    if tuned.empty or before.empty:
        return pd.DataFrame()
    before = before[(before["rate"] - rate).abs() < 1e-9]
    per_seed = before.merge(tuned, on=[*NETWORK, "seed"]).drop(columns="difference")
    per_seed = per_seed.rename(columns={"pruned": "one_shot"})
    per_seed["difference"] = per_seed["dense"] - per_seed["fine_tuned"]
    measured = summarise(per_seed, NETWORK, ["dense", "one_shot", "fine_tuned", "difference"])
    table = fields(study, role)[[*NETWORK, "receptive_field", "dead_share", "input_share"]].merge(measured, on=NETWORK)
    table.insert(
        2,
        "label",
        [reported.label(*pair) for pair in zip(table["architecture"], table["pool_kernel"], strict=True)],
    )
    source = _SOURCES.get((role, long))
    if source is None or rate != 0.9:
        return table
    printed = renamed(reported.table(source))
    printed.columns = printed.columns.str.replace("pruned_", "fine_tuned_")
    return table.merge(printed, on=NETWORK, how="left")


@traced
def continued(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network: accuracy in percent dense, after as many epochs more, and fine-tuned, over seeds.

    `gap` is the dense network that went on minus the fine-tuned one, seed by seed, in points.
    """
    tuned, frame = _tuned(study, role, rate, long=False), study.frame("history", "continued", role=role)
    frame = frame[(frame["role"] == role) & (frame["epoch"] == frame["epochs"])] if len(frame) else frame
    before = one_shot(study, role)
    if tuned.empty or frame.empty or before.empty:
        return pd.DataFrame()
    reference = frame[[*NETWORK, "seed", "test_accuracy"]].rename(columns={"test_accuracy": "continued"})
    dense = before[[*NETWORK, "seed", "dense"]].drop_duplicates()
    both = dense.merge(reference, on=[*NETWORK, "seed"]).merge(tuned, on=[*NETWORK, "seed"])
    both["gap"] = both["continued"] - both["fine_tuned"]
    measured = summarise(both, NETWORK, ["dense", "continued", "fine_tuned", "gap"])
    return fields(study, role)[[*NETWORK, "receptive_field", "dead_share"]].merge(measured, on=NETWORK)


def _tuned(study: Study, role: RoleName, rate: float, *, long: bool) -> pd.DataFrame:
    frame = study.frame("history", "long_fine_tuned" if long else "fine_tuned", role=role)
    if frame.empty:
        return frame
    last = frame[(frame["role"] == role) & (frame["epoch"] == frame["epochs"]) & (frame["mask_rate"] == rate)]
    return last[[*NETWORK, "seed", "test_accuracy", "epochs"]].rename(
        columns={"test_accuracy": "fine_tuned", "epochs": "fine_tuning_epochs"}
    )
