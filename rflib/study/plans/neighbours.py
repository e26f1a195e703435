"""What the chapters on neighbouring works measure."""

from __future__ import annotations

import itertools

from rflib.config import FIXED_WIDTH, HistorySettings, LayersSettings, MeasurementKey, ResolutionsSettings
from rflib.study.plans.items import Item, Plan, grid
from rflib.study.profiles import Profile, Role, RoleName


def deeper(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Every layer of whole networks, the accuracy of truncated ones, and probes over the pool kernel.

    The first two as in "Should You Go Deeper?".
    """
    if role.deeper is None:
        return
    plan, side = role.deeper, role.side_pixels
    cuts: list[tuple[str, dict[str, int], str]] = [(each, {}, "full") for each in plan.architectures]
    cuts += [(each, {"truncated_for": side}, "truncated") for each in plan.truncated]
    for architecture, change, purpose in cuts:
        model = profile.model(role, architecture, 1, **change)
        yield Item(MeasurementKey.of(LayersSettings(model=model, image_size=side)), name, purpose)
        for seed in plan.seeds or role.seeds:
            run = profile.run(role, model, seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, purpose)
            if purpose == "full":
                yield Item(MeasurementKey.of(plan.saturation, run), name, purpose)
                yield Item(MeasurementKey.of(plan.probes, run), name, purpose)
    for run in grid(profile, role) if plan.grid else ():
        if run.seed in (plan.seeds or role.seeds):
            yield Item(MeasurementKey.of(plan.probes, run), name, "grid")


def effective_field(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Effective fields and pixel sensitivity, with and without kernel padding, as in "Dead Pixel Test"."""
    if role.effective_field is None:
        return
    plan = role.effective_field
    for architecture in plan.architectures:
        for seed in role.seeds:
            run = profile.run(role, profile.model(role, architecture, 1), seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, "field")
            yield Item(MeasurementKey.of(plan.pixel_sensitivity, run), name, "field")
            for checkpoint in ("initial", "last"):
                for settings, purpose in ((plan.effective_field, "field"), (plan.mirrored, "mirrored")):
                    yield Item(MeasurementKey.of(settings.replace(checkpoint=checkpoint), run), name, purpose)
    for architecture in plan.padded:
        for padding in (False, True):
            model = profile.model(role, architecture, 1, kernel_padding=padding)
            for seed in role.seeds:
                for run in (profile.run(role, model, seed), profile.shifted(role, model, seed)):
                    yield Item(MeasurementKey.of(HistorySettings(), run), name, "kernel_padding")
                    yield Item(MeasurementKey.of(plan.pixel_sensitivity, run), name, "kernel_padding")
    for multiple, cardinality in plan.scales:
        change = {"width": profile.width * multiple, "cardinality": cardinality}
        model = profile.model(role, plan.scaled_architecture, plan.scaled_pool_kernel, **change)
        yield Item(MeasurementKey.of(LayersSettings(model=model, image_size=role.side_pixels)), name, "constant_field")
        for seed in role.seeds:
            run = profile.run(role, model, seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, "constant_field")


def refinement(profile: Profile, name: RoleName, role: Role) -> Plan:
    """What "Receptive Field Refinement" would change in many networks, and what it does to those that are trained."""
    if role.refinement is None:
        return
    plan, side = role.refinement, role.side_pixels
    for network in plan.networks:
        settings = ResolutionsSettings(network=network, image_sizes=plan.image_sizes)
        yield Item(MeasurementKey.of(settings), name, "resolutions")
    for architecture, purpose in itertools.product(plan.trained, ("original", "refined")):
        width = 1.0 if architecture in FIXED_WIDTH else profile.width
        change = {"refined_for": side} if purpose == "refined" else {}
        model = profile.model(role, architecture, 1, width=width, **change)
        yield Item(MeasurementKey.of(LayersSettings(model=model, image_size=side)), name, purpose)
        for seed in role.seeds:
            run = profile.run(role, model, seed)
            yield Item(MeasurementKey.of(HistorySettings(), run), name, purpose)
            if purpose == "original":
                yield Item(MeasurementKey.of(plan.probes, run), name, purpose)
