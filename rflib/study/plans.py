"""What each chapter measures: from a profile to measurement keys. Pure; nothing is computed here."""

from __future__ import annotations

import importlib

from rflib.errors import unknown
from rflib.study.items import Item
from rflib.study.profiles import PAPER, Profile

__all__ = ["ALL", "LEDGER", "PLANS", "Item", "measures", "plan"]

ALL = "all"
LEDGER = "ledger"

PLANS = importlib.import_module(PAPER).PLANS
"""What yields the measurements of each chapter that has any."""


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
