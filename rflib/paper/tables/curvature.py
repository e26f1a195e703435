"""Width against field: accuracy, training loss and the top of the Hessian spectrum before and after training."""

from __future__ import annotations

import pandas as pd

from rflib.paper.frames import one_shot, summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_RUN = ["architecture", "pool_kernel", "width", "seed"]
_ACCURACY = ("dense", "pruned", "live", "lost", "lost_live")
_SPECTRUM = ("largest_initial", "spread_initial", "largest_last", "spread_last")


@traced
def curvature_runs(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network, width and seed: accuracy in percent, training loss, and its spectra.

    `width_multiple` counts from the profile's own width. `largest` is the largest eigenvalue and `spread` that minus
    the smallest of the computed ones, at `_initial` and `_last` weights; `lost` and `lost_live` are dense minus pruned
    at `rate`, globally and among live weights; `receptive_field` is in pixels.
    """
    frame = one_shot(study, role, "curvature")
    analyses = ("history", "spectrum", "architecture")
    history, spectra, networks = (study.frame(name, "curvature", role=role) for name in analyses)
    if frame.empty or any(each.empty for each in (history, spectra, networks)):
        return pd.DataFrame()
    frame = frame[(frame["rate"] - rate).abs() < 1e-9]
    frame = frame.rename(columns={"difference": "lost", "live_difference": "lost_live"})
    frame = frame[[*_RUN, *_ACCURACY]].assign(width_multiple=frame["width"] / study.profile.width)
    ended = history[(history["role"] == role) & (history["epoch"] == history["epochs"])]
    frame = frame.merge(ended[[*_RUN, "train_loss"]], on=_RUN)
    fields = networks[networks["role"] == role].drop_duplicates(["architecture", "pool_kernel"])
    frame = frame.merge(fields[["architecture", "pool_kernel", "receptive_field"]], on=["architecture", "pool_kernel"])
    return frame.merge(_spectra(spectra[spectra["role"] == role]), on=_RUN)


@traced
def by_width(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean, spread and n of every quantity of `curvature_runs`, one row a field and width."""
    if runs.empty:
        return runs
    keys = ["architecture", "pool_kernel", "receptive_field", "width_multiple"]
    table = summarise(runs, keys, [*_ACCURACY, "train_loss", *_SPECTRUM])
    return table.sort_values(["architecture", "pool_kernel", "width_multiple"], ignore_index=True)


def _spectra(frame: pd.DataFrame) -> pd.DataFrame:
    ends = frame.groupby([*_RUN, "checkpoint"])["eigenvalue"].agg(largest="max", smallest="min").reset_index()
    ends["spread"] = ends["largest"] - ends["smallest"]
    wide = ends.pivot(index=_RUN, columns="checkpoint", values=["largest", "spread"])
    wide.columns = ["_".join(names) for names in wide.columns]
    return wide.reset_index()
