"""What stands in the place of a figure for which a study measures nothing: why, and the command that fills it."""

from __future__ import annotations

from rflib.figures.style import Drawing, new
from rflib.pipeline.plans import PLANS, plan
from rflib.pipeline.profiles import RoleName, load_profile, profile_names
from rflib.pipeline.study import Study, describe

# From minutes to days.
_PROFILES = ("digits", "cifar10-cpu", "gpu-hour", "paper")
_COMMAND_BOX = {"facecolor": "#F0F0F0", "edgecolor": "none", "pad": 6}


def not_covered(
    study: Study, role: RoleName, analysis: str, *purposes: str, architecture: str | None = None
) -> Drawing:
    """Return a figure whose text says that the study does not cover it, and which command would fill it.

    The command names the first profile, from the study's own upwards and then the smaller ones, whose plan for the
    chapter holds such a measurement: `analysis` on `role`, for any of the purposes (none: whatever purpose).
    """
    figure = new(1.4)
    text = f"Not covered by the profile “{study.profile.name}” with these parameters."
    filling = _filling_profile(study, role, analysis, purposes, architecture)
    if filling is None:
        text += f"\nNo profile measures it in the chapter “{study.chapter}”."
        figure.text(0.5, 0.5, text, ha="center", va="center", linespacing=1.6)
        return figure
    figure.text(0.5, 0.66, f"{text}\nThis command fills it:", ha="center", va="center", linespacing=1.6)
    command = f"rflib run {study.chapter} --profile {filling}"
    figure.text(0.5, 0.22, command, ha="center", va="center", family="monospace", fontsize=10, bbox=_COMMAND_BOX)
    return figure


def _filling_profile(
    study: Study, role: RoleName, analysis: str, purposes: tuple[str, ...], architecture: str | None
) -> str | None:
    if study.chapter not in PLANS:
        return None
    own = _PROFILES.index(study.profile.name) if study.profile.name in _PROFILES else 0
    existing = profile_names()
    for name in _PROFILES[own:] + _PROFILES[:own]:
        if name not in existing:
            continue
        for item in plan(study.chapter, load_profile(name)):
            fits = item.role == role and item.key.analysis == analysis and (not purposes or item.purpose in purposes)
            if fits and architecture in (None, describe(item)["architecture"]):
                return name
    return None
