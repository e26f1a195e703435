"""Which profile would measure what a study does not."""

from __future__ import annotations

from collections.abc import Iterable

from rflib.study.plans import PLANS, plan
from rflib.study.profiles import PUBLISHED, RoleName, load_profile, profile_names
from rflib.study.study import Study, describe

# From minutes to days.
_PROFILES = ("digits", "cifar10-cpu", "gpu-hour", "paper")


def filling_profile(
    study: Study, role: RoleName, analysis: str, purposes: Iterable[str] = (), *, architecture: str | None = None
) -> str | None:
    """Return the profile to run for `analysis` on `role`, for any of the purposes (none: whatever purpose), or None.

    The first one, from the study's own upwards and then the smaller ones, whose plan for the chapter holds such a
    measurement. Beside what is published the smallest one comes last: its images are not the paper's.
    """
    if study.chapter not in PLANS:
        return None
    wanted, existing = set(purposes), profile_names()
    for name in _from(study.profile.name):
        if name not in existing:
            continue
        for item in plan(study.chapter, load_profile(name)):
            fits = item.role == role and item.key.analysis == analysis and (not wanted or item.purpose in wanted)
            if fits and architecture in (None, describe(item)["architecture"]):
                return name
    return None


def _from(own: str) -> tuple[str, ...]:
    start = 1 if own == PUBLISHED else _PROFILES.index(own) if own in _PROFILES else 0
    return _PROFILES[start:] + _PROFILES[:start]
