"""What stands in the place of a figure for which a study measures nothing: why, and the command that fills it."""

from __future__ import annotations

from rflib.paper.figures.style import Drawing, new
from rflib.study import origin
from rflib.study.coverage import filling_profile
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_COMMAND_BOX = {"facecolor": "#F0F0F0", "edgecolor": "none", "pad": 6}


def not_covered(
    study: Study, role: RoleName, analysis: str, *purposes: str, architecture: str | None = None
) -> Drawing:
    """Return a figure whose text says that the study does not cover it, and which command would fill it.

    `analysis` on `role`, for any of the purposes (none: whatever purpose), is what it would draw. What was read in
    search of it is no origin of the text.
    """
    origin.discard()
    figure = new(1.4)
    text = f"Not covered by the profile “{study.profile.name}” with these parameters."
    filling = filling_profile(study, role, analysis, purposes, architecture=architecture)
    if filling is None:
        text += f"\nNo profile measures it in the chapter “{study.chapter}”."
        figure.text(0.5, 0.5, text, ha="center", va="center", linespacing=1.6)
        return figure
    figure.text(0.5, 0.66, f"{text}\nThis command fills it:", ha="center", va="center", linespacing=1.6)
    command = f"rflib run {study.chapter} --profile {filling}"
    figure.text(0.5, 0.22, command, ha="center", va="center", family="monospace", fontsize=10, bbox=_COMMAND_BOX)
    return figure
