"""What a study holds, as frames that claims are decided on; whatever is missing is simply not in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from rflib.paper.frames import one_shot
from rflib.paper.verdicts.margins import GUESSING_POINTS
from rflib.paper.verdicts.statistics import DECIMALS
from rflib.study.study import Study

# The combinations of the paper, by the names that `combinations` gives them.
VGG_SMALL, VGG_LARGE = "rf_vgg19, small images", "rf_vgg19, large images"
RESNET_SMALL, RESNET_LARGE = "rf_resnet50, small images", "rf_resnet50, large images"
EVERY = (VGG_SMALL, RESNET_SMALL, VGG_LARGE, RESNET_LARGE)

_PURPOSES = ("grid", "large", "width", "shallow", "variant")


@dataclass(frozen=True)
class Readings:
    """The complete measurements of a study of the chapter `claims`; accuracies and their differences in percent."""

    study: Study

    @classmethod
    def of(cls, study: Study) -> Readings:
        """Return the readings of what `study` has, without computing or asking for what it lacks."""
        missing = {item.key.id for item in study.missing()}
        return cls(replace(study, items=tuple(item for item in study.items if item.key.id not in missing)))

    @cached_property
    def pruning(self) -> pd.DataFrame:
        """One row a network, seed and rate: `dense`, `pruned`, `live`, and `lost`, `lost_live`: dense minus pruned.

        `share_lost_live` divides `lost_live` by what the dense network has above guessing; NaN if that is too little.
        What ends in `_calibrated` is with batch-norm statistics re-estimated, NaN where that was not measured.
        """
        frames = [
            one_shot(self.study, role, purpose).assign(role=role, purpose=purpose)
            for role in self.study.profile.roles
            for purpose in _PURPOSES
        ]
        frame = pd.concat([frame for frame in frames if len(frame)] or [pd.DataFrame()])
        if frame.empty:
            return frame
        frame = frame.rename(columns={"difference": "lost", "live_difference": "lost_live"})
        above = frame["dense"] - frame["role"].map(self.guess)
        return frame.assign(
            share_lost_live=frame["lost_live"] / above.where(above > GUESSING_POINTS),
            lost_calibrated=frame["dense_calibrated"] - frame["pruned_calibrated"],
            lost_live_calibrated=frame["dense_calibrated"] - frame["live_calibrated"],
        )

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch of every training run, whatever its purpose: rules choose their runs by it."""
        return self.study.frame("history")

    @cached_property
    def last_epochs(self) -> pd.DataFrame:
        """The last epoch of every training run, whatever its purpose."""
        return self.history if self.history.empty else self.history[self.history["epoch"] == self.history["epochs"]]

    @cached_property
    def networks(self) -> pd.DataFrame:
        """One row a network: field, image side and last map in pixels, parameters, names of the convolutions."""
        rows = []
        for item, measurement in self.study.select("architecture"):
            settings, values = item.key.settings, measurement.values
            rows.append(
                {
                    "role": item.role,
                    "purpose": item.purpose,
                    **settings.model.model_dump(),  # type: ignore[attr-defined]
                    "image_size": settings.image_size,  # type: ignore[attr-defined]
                    **{name: values[name] for name in ("receptive_field", "last_map_size", "parameters")},
                    "layers": tuple(row["name"] for row in values["rows"]),
                }
            )
        return pd.DataFrame(rows)

    def over_roles(self, table: Callable[..., pd.DataFrame], **settings: object) -> pd.DataFrame:
        """Return the rows of a table, such as `tables.field_runs`, for every role of the profile, with the role."""
        roles = self.study.profile.roles
        frames = [table(self.study, role=role, **settings).assign(role=role) for role in roles]
        return pd.concat([frame for frame in frames if len(frame)] or [pd.DataFrame()])

    def guess(self, role: str) -> float:
        """Return the accuracy of guessing, in percent."""
        return 100 / self.study.profile.roles[role].classes  # type: ignore[index]

    def guesses(self, role: str, accuracies: pd.Series) -> bool:
        """Return whether the best of some mean accuracies is hardly above guessing: then nothing is left to order."""
        return bool(accuracies.max() <= self.guess(role) + GUESSING_POINTS)

    def telling(self, group: pd.DataFrame, way: str) -> pd.DataFrame:
        """Return the rows of those rates at which networks pruned in this way do not guess at every field."""
        cells = []
        for _, cell in groups(group, "rate"):
            means = cell.groupby("pool_kernel")[way].mean().dropna()
            if len(means) and not self.guesses(cell["role"].iloc[0], means):
                cells.append(cell)
        return pd.concat(cells or [group.iloc[:0]])

    @cached_property
    def test_images(self) -> dict[str, int]:
        """How many test images the accuracies of each role are shares of."""
        return {role: self.study.data_facts(role).test_images for role in self.study.profile.roles}


def chosen(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Return the rows whose columns have these values; a tuple stands for any of its values."""
    for column, value in values.items():
        if frame.empty:
            return frame
        if isinstance(value, float):
            frame = frame[(frame[column] - value).abs() < 1e-9]
        else:
            frame = frame[frame[column].isin(value if isinstance(value, tuple) else (value,))]
    return frame


def combinations(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every network and role, named, with its rows."""
    for (architecture, role), group in groups(frame, "architecture", "role"):
        yield f"{architecture}, {images(role)}", group


def each_network(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every network, role and pool kernel, named, with its rows."""
    for (architecture, role, kernel), group in groups(frame, "architecture", "role", "pool_kernel"):
        yield f"{architecture}, {images(role)}, k = {kernel}", group


def groups(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield the rows that share values of these columns, under those values, in the order of appearance."""
    if not frame.empty:
        yield from frame.groupby(list(columns), sort=False)


def images(role: str) -> str:
    """Return the name of a role in a sentence, such as "small images"."""
    return role.replace("_", " ")


def by_seed(frame: pd.DataFrame, value: str, columns: str = "pool_kernel") -> pd.DataFrame:
    """Return one row a seed and one column a pool kernel, ascending; NaN where a seed lacks one."""
    return frame.pivot_table(index="seed", columns=columns, values=value, aggfunc="mean").round(DECIMALS)
