"""Which profile would measure what a study does not."""

from __future__ import annotations

from rflib.study.origin import Asked
from rflib.study.plans import PLANS, plan
from rflib.study.profiles import PUBLISHED, load_profile, profile_names
from rflib.study.study import Study, describe

# From minutes to days.
_PROFILES = ("digits", "cifar10-cpu", "gpu-hour", "paper")


def filling_profile(study: Study, asked: Asked) -> str | None:
    """Return the profile to run for what was asked for, for any of its purposes (none: whatever purpose), or None.

    The first one, from the study's own upwards and then the smaller ones, whose plan for the chapter holds such a
    measurement. Beside what is published the smallest one comes last: its images are not the paper's.
    """
    if study.chapter not in PLANS:
        return None
    existing = profile_names()
    for name in _from(study.profile.name):
        if name not in existing:
            continue
        for item in plan(study.chapter, load_profile(name)):
            fits = asked.role in (None, item.role) and item.key.analysis == asked.analysis
            fits = fits and (not asked.purposes or item.purpose in asked.purposes)
            if fits and asked.architecture in (None, describe(item)["architecture"]):
                return name
    return None


def _from(own: str) -> tuple[str, ...]:
    start = 1 if own == PUBLISHED else _PROFILES.index(own) if own in _PROFILES else 0
    return _PROFILES[start:] + _PROFILES[:start]
