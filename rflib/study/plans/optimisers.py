"""What the chapters on optimisers and on curvature by width measure."""

from __future__ import annotations

from rflib.config import MeasurementKey
from rflib.study.optimiser_plans import BUDGETS
from rflib.study.plans.items import Item, Plan, trained
from rflib.study.profiles import Profile, Role, RoleName


def optimisers(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Networks of every optimiser at equal epochs and at equal evaluations, pruned; their sharpness at equal epochs."""
    if role.optimisers is None:
        return
    plan = role.optimisers
    for budget in BUDGETS:
        purpose = f"equal_{budget}"
        for kernel in plan.pool_kernels:
            model = profile.model(role, plan.architecture, kernel)
            for training in plan.schedules(role.training, budget).values():
                for seed in role.seeds:
                    run = profile.run(role, model, seed, training=training)
                    yield from trained(profile, name, role, run, purpose)
                    if budget == "epochs":
                        yield Item(MeasurementKey.of(plan.sharpness, run), name, purpose)


def curvature(profile: Profile, name: RoleName, role: Role) -> Plan:
    """Accuracy, training loss and spectra, before and after training, of several widths at several fields."""
    if role.curvature is None:
        return
    plan = role.curvature
    for multiple in plan.multiples:
        for kernel in plan.pool_kernels:
            model = profile.model(role, plan.architecture, kernel, width=profile.width * multiple)
            for seed in role.seeds:
                run = profile.run(role, model, seed)
                yield from trained(profile, name, role, run, "curvature")
                for checkpoint in ("initial", "last"):
                    spectrum = plan.spectrum.replace(checkpoint=checkpoint)
                    yield Item(MeasurementKey.of(spectrum, run), name, "curvature")
