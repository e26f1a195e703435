"""What the chapters of the paper measure."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

from pydantic import PositiveInt

from rflib.config import (
    Architecture,
    HistorySettings,
    MeasurementKey,
    ModelConfig,
    Run,
    TrainingConfig,
    TravelSettings,
)
from rflib.study.blocks import Block, Kernels
from rflib.study.items import Item, Plan, described, grid, trained

if TYPE_CHECKING:
    from rflib.study.profiles import Profile, Role, RoleName


class ProtocolPlan(Block):
    """The first epochs of the protocol as printed, clipped by norm, by value and not at all."""

    architecture: Architecture = "rf_vgg19"
    pool_kernels: Kernels = (2,)
    epochs: PositiveInt = 6
    clippings: tuple[Literal["norm", "value", "none"], ...] = ("norm", "value", "none")


class DoubledPlan(Block):
    """Figure 3: runs of twice the epochs, with T_max as printed and with T_max doubled as well."""

    architecture: Architecture = "rf_resnet50"
    pool_kernels: Kernels = (4,)


class WidthPlan(Block):
    """Table 8: multiples of the profile's width, and the shallower network beside the deep one."""

    architecture: Architecture = "rf_resnet50"
    multiples: tuple[float, ...] = (1.0, 2.0, 3.0)
    pool_kernels: Kernels = (3, 13, 30)
    shallow_architecture: Architecture = "rf_resnet26"
    shallow_pool_kernels: Kernels = ()


class VariantPlan(Block):
    """Other ways to set the field: pool dilation, maps of constant size by padding, or without shrinking.

    A dilated pool has a wider window, so it takes its own kernels: at 4 it leaves 32 pixels too few for a VGG.
    """

    architecture: Architecture = "rf_vgg19"
    pool_kernels: Kernels = (2, 3, 4)
    pool_dilations: Kernels = (2,)
    dilated_pool_kernels: Kernels = (2, 3)
    map_sizes: tuple[Literal["padded", "dilated"], ...] = ("padded", "dilated")


def networks(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Every network of the grid, and the large fields."""
    for architecture, kernels in role.pool_kernels.items():
        for kernel in kernels:
            yield described(name, role, profile.model(role, architecture, kernel), "grid")
    for kernel in role.large_pool_kernels:
        yield described(name, role, profile.model(role, "rf_resnet50", kernel), "large")


def dense(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Tables 1, 2 and S1 to S8: dense accuracy and one-shot pruning."""
    for run in grid(profile, role):
        yield from trained(profile, name, role, run, "grid")


def curves(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Figure 3: the course of training of every dense network."""
    for run in grid(profile, role):
        yield Item(MeasurementKey.of(HistorySettings(), run), name, "grid")


def fine_tuned(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Tables 3, 4 and 5: the pruned networks after fine-tuning, short and long, and the dense one after as much."""
    for run in grid(profile, role):
        if run.seed not in role.fine_tuning_seeds.get(run.config.model.architecture, role.seeds):
            continue
        # Nothing is pruned at rate 0: dense training goes on for as many epochs as fine-tuning has.
        for epochs, purpose in ((None, "continued"), (role.long_fine_tuning_epochs, "long_continued")):
            if epochs or purpose == "continued":
                further = profile.fine_tuned(role, run, 0.0, epochs=epochs)
                yield Item(MeasurementKey.of(HistorySettings(), further), name, purpose)
        for rate in role.fine_tuning_rates:
            short = profile.fine_tuned(role, run, rate)
            yield Item(MeasurementKey.of(HistorySettings(), short), name, "fine_tuned")
            if role.long_fine_tuning_epochs:
                long = profile.fine_tuned(role, run, rate, epochs=role.long_fine_tuning_epochs)
                yield Item(MeasurementKey.of(HistorySettings(), long), name, "long_fine_tuned")


def spectra(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Figures 1 and 2: the largest Hessian eigenvalues before and after training."""
    if role.initial_spectrum is not None:
        untrained = role.initial_spectrum.replace(checkpoint="initial")
        for run in grid(profile, role):
            if run.seed in role.initial_spectrum_seeds:
                yield Item(MeasurementKey.of(untrained, run), name, "initial")
    if role.spectrum is None:
        return
    for run in grid(profile, role):
        if run.seed not in role.spectrum_seeds:
            continue
        for checkpoint in ("initial", "last"):
            settings = role.spectrum.replace(checkpoint=checkpoint)
            yield Item(MeasurementKey.of(settings, run), name, "grid")
            if run.config.model.pool_kernel in role.frozen_spectrum_kernels:
                frozen = settings.replace(batch_statistics="frozen")
                yield Item(MeasurementKey.of(frozen, run), name, "frozen")


def protocol(profile: Profile, name: RoleName, role: Role) -> Plan:
    """The printed protocol's first epochs beside a dense run of the profile: the courses, and how far they went."""
    if role.protocol is None:
        return
    for kernel in role.protocol.pool_kernels:
        model = profile.model(role, role.protocol.architecture, kernel)
        for seed in role.seeds:
            runs = {"usual": profile.run(role, model, seed)}
            runs |= {f"printed_{c}": printed(profile, role, model, seed, c) for c in role.protocol.clippings}
            for purpose, run in runs.items():
                yield Item(MeasurementKey.of(HistorySettings(), run), name, purpose)
                yield Item(MeasurementKey.of(TravelSettings(), run), name, purpose)


def doubled(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Figure 3: twice the epochs, with T_max as it was and with T_max doubled."""
    if role.doubled is None:
        return
    epochs = 2 * role.training.epochs
    for kernel in role.doubled.pool_kernels:
        model = profile.model(role, role.doubled.architecture, kernel)
        for period in (role.training.epochs, epochs):
            training = role.training.replace(epochs=epochs, cosine_period_epochs=period)
            run = profile.run(role, model, role.seeds[0], training=training)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, f"doubled_{period}")


def similarities(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Figure 4: similarity of every two seeds' representations, and of each network with itself; also untrained."""
    if role.similarity is None or "rf_resnet50" not in role.pool_kernels:
        return
    for kernel in role.pool_kernels["rf_resnet50"]:
        model = profile.model(role, "rf_resnet50", kernel)
        runs = [profile.run(role, model, seed) for seed in role.seeds]
        for checkpoint in ("last", "initial"):
            settings = role.similarity.replace(checkpoint=checkpoint)
            for pair in itertools.combinations(runs, 2):
                yield Item(MeasurementKey.of(settings, *pair), name, "grid")
            for run in runs:
                yield Item(MeasurementKey.of(settings, run, run), name, "within")


def large(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Tables 6 and 7: fields far larger than the image."""
    for kernel in role.large_pool_kernels:
        for seed in role.seeds:
            run = profile.run(role, profile.model(role, "rf_resnet50", kernel), seed)
            yield from trained(profile, name, role, run, "large")


def widths(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Table 8: multiples of the width, and the shallower network."""
    if role.widths is None:
        return
    runs = [
        (role.widths.architecture, kernel, multiple)
        for kernel in role.widths.pool_kernels
        for multiple in role.widths.multiples
    ]
    runs += [(role.widths.shallow_architecture, kernel, 1.0) for kernel in role.widths.shallow_pool_kernels]
    for architecture, kernel, multiple in runs:
        model = profile.model(role, architecture, kernel, width=profile.width * multiple)
        for seed in role.seeds:
            purpose = "shallow" if architecture == role.widths.shallow_architecture else "width"
            yield from trained(profile, name, role, profile.run(role, model, seed), purpose)


def variants(profile: Profile, name: RoleName, role: Role) -> Plan:
    """What the draft promised: pool dilation, and maps of constant size by two ways."""
    if role.variants is None:
        return
    plan = role.variants
    changes: list[tuple[int, dict[str, object]]]
    changes = [(kernel, {"map_size": size}) for kernel in plan.pool_kernels for size in plan.map_sizes]
    changes += [(k, {"pool_dilation": dilation}) for k in plan.dilated_pool_kernels for dilation in plan.pool_dilations]
    for kernel, change in changes:
        model = profile.model(role, plan.architecture, kernel, **change)
        for seed in role.seeds:
            yield from trained(profile, name, role, profile.run(role, model, seed), "variant")


def printed(profile: Profile, role: Role, model: ModelConfig, seed: int, clipping: str) -> Run:
    """Return the run of the first epochs of the paper's protocol; batches and augmentation are the profile's."""
    plan = role.protocol or ProtocolPlan()
    unstated = {name: getattr(role.training, name) for name in ("batch_size", "crop_padding", "horizontal_flip")}
    schedule = TrainingConfig(epochs=plan.epochs, cosine_period_epochs=TrainingConfig().epochs, **unstated)
    clip = {"gradient_clip": None} if clipping == "none" else {"gradient_clip_by": clipping}
    return profile.run(role, model, seed, training=schedule.replace(**clip))
