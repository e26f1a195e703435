"""What profiles say of the controls of the paper's observation: other statistics, recipes, resolutions and networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from rflib.config import Architecture, RescaledTapsSettings, Settings
from rflib.study.thesis_plans import GridPart

Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class ReadingPlan(Settings):
    """Networks that the paper's may be instead of those of the grid, by kernel as the grid has them.

    `overlapping`: the pool's window is one pixel wider than its stride k, and its padding is 1; at k = 2 that is the
    pool of an ordinary ResNet. `others` have the grid's own pool, and `rounding_down` that pool without the rows and
    columns that do not fill a window, as torch's pools are by default. `seeds` of an architecture that is not named are
    the role's; without any it is looked at and not trained.
    """

    overlapping: GridPart = Field(default={})
    others: GridPart = Field(default={})
    rounding_down: GridPart = Field(default={})
    seeds: dict[Architecture, tuple[Annotated[int, Field(ge=0)], ...]] = Field(default={})


class EnlargedPlan(Settings):
    """The role's images at another size beside their own: the same pictures, classes and steps, and larger maps.

    `runs` gives the seeds of each pool kernel. A study fills in the `fingerprint` of the images at that size.
    """

    image_size: PositiveInt = 64
    fingerprint: str = ""
    architecture: Architecture = "rf_vgg19"
    epochs: PositiveInt = 10
    runs: dict[PositiveInt, Seeds] = Field(default={2: (0,), 3: (0,), 4: (0,)})


class ControlPlan(Settings):
    """What may stand behind one-shot pruning beside the field: the size of dead taps, weight decay, small maps.

    `undecayed` are networks of the grid, trained without weight decay. `seeds` None are the role's.
    """

    rescaled: RescaledTapsSettings | None = None
    undecayed: GridPart = Field(default={})
    seeds: Seeds | None = None
    enlarged: EnlargedPlan | None = None
