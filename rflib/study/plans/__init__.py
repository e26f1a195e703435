"""What each chapter measures: from a profile to measurement keys. Pure; nothing is computed here."""

from __future__ import annotations

from collections.abc import Callable

from rflib.errors import unknown
from rflib.study.plans.controls import controls, other_readings, readings
from rflib.study.plans.items import Item, Plan
from rflib.study.plans.neighbours import deeper, effective_field, refinement
from rflib.study.plans.optimisers import curvature, optimisers
from rflib.study.plans.paper import (
    curves,
    dense,
    doubled,
    fine_tuned,
    large,
    networks,
    protocol,
    similarities,
    spectra,
    variants,
    widths,
)
from rflib.study.plans.thesis import noise, redundancy
from rflib.study.profiles import Profile, Role, RoleName

__all__ = ["ALL", "LEDGER", "PLANS", "Item", "measures", "plan"]

ALL = "all"
LEDGER = "ledger"

PLANS: dict[str, tuple[Callable[[Profile, RoleName, Role], Plan], ...]] = {
    "experimental-settings": (protocol,),
    "manipulating-the-receptive-field": (networks, readings),
    "accuracy-and-pruning": (dense,),
    "fine-tuning": (dense, fine_tuned),
    "loss-landscape": (curves, spectra, doubled),
    "representations": (similarities,),
    "large-receptive-fields": (dense, large),
    "width-and-depth": (widths,),
    "pruning-rates": (dense,),
    "open-questions": (dense, variants, controls, other_readings),
    "should-you-go-deeper": (deeper,),
    "effective-receptive-field": (effective_field,),
    "receptive-field-refinement": (refinement,),
    "noise-before-pruning": (noise,),
    "redundancy-and-saturation": (dense, redundancy),
    "optimisers-and-prunability": (optimisers,),
    "width-and-curvature": (curvature,),
    "claims": (
        *(networks, dense, curves, fine_tuned, spectra, doubled, similarities, large, widths, variants, controls),
        *(deeper, effective_field, refinement, noise, redundancy, optimisers, curvature),
    ),
}


def measures(chapter: str) -> bool:
    """Return whether a plan names what `chapter` reads; one without opens studies of its own, or none."""
    return chapter in PLANS or chapter == LEDGER


def plan(chapter: str, profile: Profile) -> tuple[Item, ...]:
    """Return the measurements of `chapter` under `profile`, each once, in the order of the chapter.

    "all" and the chapter "ledger" stand for every one: what a profile needs, each key once whatever it is there for.
    """
    if chapter in (ALL, LEDGER):
        everything = {item.key.id: item for name in PLANS for item in plan(name, profile)}
        return tuple(everything.values())
    if chapter not in PLANS:
        raise unknown("chapter with measurements", chapter, PLANS)
    items: dict[tuple[str, str, str], Item] = {}
    for name, role in profile.roles.items():
        for make in PLANS[chapter]:
            for item in make(profile, name, role):
                items.setdefault((item.key.id, item.role, item.purpose), item)
    return tuple(items.values())
