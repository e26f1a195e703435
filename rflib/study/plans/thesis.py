"""What the chapters after the thesis on prunability measure, on the dense runs of the paper's grid."""

from __future__ import annotations

from collections.abc import Iterator

from rflib.config import HistorySettings, MaskRecipe, MeasurementKey, Run
from rflib.study.plans.items import Item, Plan, grid, trained
from rflib.study.profiles import Profile, Role, RoleName
from rflib.study.thesis_plans import GridPart


def noise(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Noise before pruning: among all weights, among live ones, with new batch-norm statistics, and fine-tuned."""
    if role.noise is None:
        return
    plan = role.noise
    sweeps = {
        "noise": plan.noise,
        "noise_live": plan.noise.replace(scope="live"),
        "noise_calibrated": plan.noise.replace(calibration_images=plan.calibration_images),
        "variance": plan.variance,
        "variance_live": plan.variance.replace(scope="live"),
    }
    for run in _chosen(profile, role, plan.pool_kernels):
        for purpose, settings in sweeps.items():
            yield Item(MeasurementKey.of(settings, run), name, purpose)
        for rate in role.fine_tuning_rates if plan.fine_tuned else ():
            plain = profile.fine_tuned(role, run, rate)
            yield Item(MeasurementKey.of(HistorySettings(), plain), name, "fine_tuned")
            for recipe in plan.fine_tuned:
                config = plain.config.replace(mask=MaskRecipe(rate=rate, noise=recipe))
                noisy = plain.replace(config=config)
                yield Item(MeasurementKey.of(HistorySettings(), noisy), name, "noisy_fine_tuned")


def redundancy(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Saturation and filters of every layer, dense and pruned, and what pruning the deep layers alone costs.

    Beside them networks with fields below those of the grid, trained and pruned.
    """
    if role.redundancy is None:
        return
    plan = role.redundancy
    for run in _chosen(profile, role, plan.pool_kernels):
        yield Item(MeasurementKey.of(plan.redundancy, run), name, "redundancy")
        yield Item(MeasurementKey.of(plan.redundancy.replace(scope="live"), run), name, "redundancy_live")
        yield Item(MeasurementKey.of(plan.deep_pruning, run), name, "deep_pruning")
    for architecture, counts in plan.omitted_downsamplings.items():
        for omitted in counts:
            model = profile.model(role, architecture, 1, omitted_downsamplings=omitted)
            for seed in role.seeds:
                yield from trained(profile, name, role, profile.run(role, model, seed), "smaller_fields")


def _chosen(profile: Profile, role: Role, part: GridPart | None) -> Iterator[Run]:
    """Yield the dense runs of a part of the grid, None for all."""
    for run in grid(profile, role):
        model = run.config.model
        if part is None or model.pool_kernel in part.get(model.architecture, ()):
            yield run
