"""What is measured beside the paper's grid to see what its central observation rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, PositiveInt

from rflib.config import Architecture, DataConfig, MeasurementKey, ModelConfig, RescaledTapsSettings, Settings
from rflib.paper.plans.paper import printed
from rflib.study.blocks import Block, GridPart, Seeds
from rflib.study.items import Item, Plan, described, grid, one_shot, trained

if TYPE_CHECKING:
    from rflib.study.profiles import Profile, Role, RoleName


class ReadingPlan(Block):
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

    def overridden(self, parameter: str, value: Any) -> Self:
        """Take the seeds of the role, but for networks that are not trained."""
        if parameter != "seeds":
            return self
        return self.replace(seeds={name: seeds for name, seeds in self.seeds.items() if not seeds})


class EnlargedPlan(Settings):
    """The role's images at another size beside their own: the same pictures, classes and steps, and larger maps.

    `runs` gives the seeds of each pool kernel. A study fills in the `fingerprint` of the images at that size.
    """

    image_size: PositiveInt = 64
    fingerprint: str = ""
    architecture: Architecture = "rf_vgg19"
    epochs: PositiveInt = 10
    runs: dict[PositiveInt, Seeds] = Field(default={2: (0,), 3: (0,), 4: (0,)})


class ControlPlan(Block):
    """What may stand behind one-shot pruning beside the field: the size of dead taps, weight decay, small maps.

    `undecayed` are networks of the grid, trained without weight decay. `seeds` None are the role's.
    """

    rescaled: RescaledTapsSettings | None = None
    undecayed: GridPart = Field(default={})
    seeds: Seeds | None = None
    enlarged: EnlargedPlan | None = None

    def overridden(self, parameter: str, value: Any) -> Self:
        """Take the seeds of the role, on enlarged images too."""
        if parameter != "seeds":
            return self
        enlarged = self.enlarged and self.enlarged.replace(runs=dict.fromkeys(self.enlarged.runs, value))
        return self.replace(seeds=None, enlarged=enlarged)

    def identified(self, data: DataConfig, identify: Callable[[DataConfig], DataConfig]) -> Self:
        """Give the enlarged images their fingerprint: they have other bytes than the role's own."""
        if self.enlarged is None:
            return self
        large = identify(data.replace(image_size=self.enlarged.image_size, fingerprint=""))
        return self.replace(enlarged=self.enlarged.replace(fingerprint=large.fingerprint))


def readings(profile: Profile, name: RoleName, role: Role) -> Plan:
    """The networks that the paper's may be, without training."""
    for model, purpose in _readings(profile, role):
        yield described(name, role, model, purpose)


def other_readings(profile: Profile, name: RoleName, role: Role) -> Plan:
    """The networks that the paper's may be, trained and pruned."""
    if role.readings is None:
        return
    for model, purpose in _readings(profile, role):
        for seed in role.readings.seeds.get(model.architecture, role.seeds):
            yield from trained(profile, name, role, profile.run(role, model, seed), purpose)


def controls(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Dead taps of other sizes, other recipes and another size of the images, each pruned as the grid is."""
    yield from _printed(profile, name, role)
    if role.controls is None:
        return
    if role.controls.rescaled is not None:
        for run in grid(profile, role):
            yield Item(MeasurementKey.of(role.controls.rescaled, run), name, "rescaled")
    undecayed = role.training.replace(optimiser=role.training.optimiser.replace(weight_decay=0.0))
    for architecture, kernels in role.controls.undecayed.items():
        for kernel in kernels:
            for seed in role.controls.seeds or role.seeds:
                run = profile.run(role, profile.model(role, architecture, kernel), seed, training=undecayed)
                yield from trained(profile, name, role, run, "undecayed")
    yield from _enlarged(profile, name, role)


def _readings(profile: Profile, role: Role) -> Iterator[tuple[ModelConfig, str]]:
    if role.readings is None:
        return
    for architecture, kernels in role.readings.overlapping.items():
        for k in kernels:
            yield profile.model(role, architecture, k + 1, pool_stride=k, pool_padding=1), "overlapping"
    for part, change in ((role.readings.others, {}), (role.readings.rounding_down, {"ceil_mode": False})):
        for architecture, kernels in part.items():
            for k in kernels:
                yield profile.model(role, architecture, k, **change), "other_reading"


def _printed(profile: Profile, name: RoleName, role: Role) -> Plan:
    """The first epochs of the printed protocol, pruned: its weight decay hardly shrinks a dead tap."""
    if role.protocol is None:
        return
    for kernel in role.protocol.pool_kernels:
        model = profile.model(role, role.protocol.architecture, kernel)
        for seed in role.seeds:
            for clipping in role.protocol.clippings:
                run = printed(profile, role, model, seed, clipping)
                yield from one_shot(profile, name, role, run, f"printed_{clipping}")


def _enlarged(profile: Profile, name: RoleName, role: Role) -> Plan:
    """The same pictures at two sizes, trained by as many steps: `enlarged`, and `unenlarged` at the role's own size."""
    plan = role.controls.enlarged if role.controls is not None else None
    if plan is None:
        return
    training = role.training.replace(epochs=plan.epochs, cosine_period_epochs=None)
    data = role.data.replace(image_size=plan.image_size, fingerprint=plan.fingerprint)
    large = role.replace(data=data, found_side_pixels=plan.image_size)
    for own, purpose in ((large, "enlarged"), (role, "unenlarged")):
        for kernel, seeds in plan.runs.items():
            for seed in seeds:
                model = profile.model(own, plan.architecture, kernel)
                yield from trained(profile, name, own, profile.run(own, model, seed, training=training), purpose)
