"""One look for every figure: a colour for each pool kernel, a style for each quantity, white ground, large type."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from io import BytesIO
from typing import Any, ParamSpec

import matplotlib.style
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rflib.paper import quantities
from rflib.study.coverage import filling_profile
from rflib.study.origin import METADATA, Asked, Origin, asking, lacking, recorded

Arguments = ParamSpec("Arguments")

_COMMAND_BOX = {"facecolor": "#F0F0F0", "edgecolor": "none", "pad": 6}

# The book's column is about 720 px wide, a phone's 360: at this width 11 pt is still read on both.
WIDTH_INCHES = 6.4
NOTE_SIZE_POINTS = 9.5
_NOTE_CHARACTERS = 94
_KERNEL = re.compile(r"k = \d+")

_RC: dict[str, Any] = {
    "figure.dpi": 200,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "axes.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
}

# Told apart under the three kinds of colour blindness; the marker says the same again.
_KERNELS = {
    1: ("#1F4E9E", "o"),
    2: ("#E08A00", "s"),
    3: ("#009E73", "^"),
    4: ("#C2549B", "D"),
    13: ("#56B4E9", "v"),
    18: ("#8C510A", "P"),
    30: ("#4D4D4D", "X"),
}
_OTHER_COLOURS = ("#999933", "#882255", "#44AA99", "#AA4499", "#117733", "#661100", "#6699CC", "#888888")
_OTHER_MARKERS = ("<", ">", "h", "p", "*", "8", "d")


class NothingToDraw(Exception):
    """What a figure would show was not measured."""


class Drawing(Figure):
    """A figure outside pyplot's registry that a notebook shows once, as a PNG on white.

    Where it comes from goes into the metadata of the output.
    """

    origin = Origin()

    def png(self, description: str = "") -> bytes:
        """Return the picture; `description` is kept in the file."""
        stream = BytesIO()
        with applied():
            self.savefig(stream, format="png", metadata={"Description": description} if description else None)
        return stream.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {METADATA: self.origin.described()} if self.origin else {}


def applied() -> AbstractContextManager[None]:
    """Return the context in which figures are made: this style and nothing of the reader's own settings."""
    return matplotlib.style.context(["default", _RC])


def drawn(make: Callable[Arguments, Drawing]) -> Callable[Arguments, Drawing]:
    """Run `make` in the book's style, and fix the layout it arrives at, so that every rendering is the same.

    The figure knows the measurements that it was drawn from. Of a study, its first argument, that has nothing to draw
    it says so, and which command would fill it.
    """
    with_origin = recorded(make)

    @wraps(make)
    def styled(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Drawing:
        with applied(), asking() as asked:
            try:
                figure, origin = with_origin(*args, **kwargs)
            except NothingToDraw:
                figure, origin = _not_covered(args[0], asked), Origin()
            figure.origin = origin
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return figure

    return styled


def covered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame that has rows; without one there is `NothingToDraw`."""
    if frame.empty:
        raise NothingToDraw
    return frame


def _not_covered(study: Any, asked: Sequence[Asked]) -> Drawing:
    """Return a figure whose text says that the study does not cover it, and which command would fill it."""
    figure = new(1.4)
    text = f"Not covered by the profile “{study.profile.name}” with these parameters."
    wanted = lacking(asked)
    filling = filling_profile(study, wanted) if wanted else None
    if filling is None:
        text += f"\nNo profile measures it in the chapter “{study.chapter}”."
        figure.text(0.5, 0.5, text, ha="center", va="center", linespacing=1.6)
        return figure
    figure.text(0.5, 0.66, f"{text}\nThis command fills it:", ha="center", va="center", linespacing=1.6)
    command = f"rflib run {study.chapter} --profile {filling}"
    figure.text(0.5, 0.22, command, ha="center", va="center", family="monospace", fontsize=10, bbox=_COMMAND_BOX)
    return figure


def new(height: float) -> Drawing:
    """Return an empty figure of the book's width; `height` in inches."""
    return Drawing(figsize=(WIDTH_INCHES, height), layout="constrained")


def kernel_style(pool_kernel: int) -> dict[str, Any]:
    """Return colour and marker of a pool kernel, the same in every figure."""
    if pool_kernel in _KERNELS:
        colour, marker = _KERNELS[pool_kernel]
    else:
        colour = _OTHER_COLOURS[pool_kernel % len(_OTHER_COLOURS)]
        marker = _OTHER_MARKERS[pool_kernel % len(_OTHER_MARKERS)]
    return {"color": colour, "marker": marker}


def quantity_style(quantity: str) -> dict[str, Any]:
    """Return colour, marker and line of a quantity such as `dense`, the same in every figure."""
    if not (look := quantities.quantity(quantity).drawn):
        raise KeyError(f"{quantity}: expected a quantity that `quantities.yml` says how to draw")
    return dict(look)


def key(label: str, **style: Any) -> Line2D:
    """Return a legend entry that explains a kind of line, whatever its colour."""
    return Line2D([], [], color="#333333", label=label, **style)


def legend(figure: Drawing, *, columns: int, keys: Sequence[Line2D] = (), across: bool = False) -> None:
    """Put one legend above all panels, each label once, and `keys` after them; `across`: to be read row by row.

    Pool kernels ascend, also where the first panel lacks one.
    """
    entries: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    entries |= {str(key.get_label()): key for key in keys}
    kernels = iter(sorted(filter(_KERNEL.fullmatch, entries), key=lambda name: int(name.removeprefix("k = "))))
    names = [next(kernels) if _KERNEL.fullmatch(name) else name for name in entries]
    columns = min(columns, len(entries))
    # matplotlib fills one column after the other, the first ones by one entry more.
    names = [name for column in range(columns) for name in names[column::columns]] if across else names
    figure.legend([entries[name] for name in names], names, loc="outside upper center", ncols=columns)


def note(figure: Drawing, *sentences: str) -> None:
    """Put sentences below all panels; empty ones are left out."""
    text = textwrap.fill(" ".join(sentence for sentence in sentences if sentence), _NOTE_CHARACTERS)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=NOTE_SIZE_POINTS, color="#333333")
