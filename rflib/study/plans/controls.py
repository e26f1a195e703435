"""What is measured beside the paper's grid to see what its central observation rests on."""

from __future__ import annotations

from collections.abc import Iterator

from rflib.config import MeasurementKey, ModelConfig
from rflib.study.plans.items import Item, Plan, described, grid, one_shot, trained
from rflib.study.profiles import Profile, Role, RoleName


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
                run = profile.printed(role, model, seed, clipping)
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
