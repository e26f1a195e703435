"""One figure at several values of a parameter: frames that a slider turns over, and that stand without one too."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from rflib.errors import UsageError
from rflib.paper.style import Drawing, applied
from rflib.study.origin import METADATA, Origin


@dataclass(frozen=True)
class Frame:
    """A figure with the parameter's value in words and what the figure shows there."""

    label: str
    figure: Drawing
    description: str


@dataclass(frozen=True)
class Frames:
    """Frames in the parameter's order, as HTML without scripts: the one at `shown`, the others folded below it.

    `book/_static/frames.js` makes one picture with a slider of them. Where there is no HTML, the one at `shown` stands
    for all.
    """

    parameter: str
    frames: tuple[Frame, ...]
    shown: int

    def html(self) -> str:
        """Return the frames as pictures within the page, each with its own alternative text."""
        pictures = [self._picture(place) for place in range(len(self.frames))]
        first = pictures.pop(self.shown)
        summary = f"<summary>Other values of the {escape(self.parameter)}</summary>"
        # Paper shows one frame: it has nothing to unfold.
        others = f'<details class="d-print-none">{summary}{"".join(pictures)}</details>' if pictures else ""
        settings = f'data-parameter="{escape(self.parameter)}" data-shown="{self.shown}"'
        return f'<div class="rf-frames" {settings}>{first}{others}</div>'

    def _picture(self, place: int) -> str:
        frame = self.frames[place]
        data = b64encode(frame.figure.png()).decode()
        return (
            f'<figure data-place="{place}" data-label="{escape(frame.label)}">'
            f'<img alt="{escape(frame.description)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{escape(_capitalised(self.parameter))}: {escape(frame.label)}</figcaption></figure>"
        )

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        shown = self.frames[self.shown]
        bundle = {
            "text/html": self.html(),
            "image/png": b64encode(shown.figure.png(shown.description)).decode(),
            "text/plain": f"{_capitalised(self.parameter)}: {shown.label}. {shown.description}",
        }
        origin = Origin.of([source for frame in self.frames for source in frame.figure.origin.sources])
        return bundle, {METADATA: origin.described()} if origin else {}


def slider(
    figures: Mapping[str, Drawing], descriptions: Mapping[str, str], *, parameter: str, shown: str | None = None
) -> Frames:
    """Return figures of one kind as frames, by the value of `parameter` in words, all with the same axes.

    `shown` is the most telling value (None, or one without a figure: the last). `descriptions` says what each figure
    shows, in numbers: it is the picture's alternative text and stands beside the slider. Figures without axes, of a
    study that measures nothing of the kind, become a single frame. Raises UsageError without figures, for figures that
    differ in their number of axes, and for a figure without a description.
    """
    if not figures:
        raise UsageError("frames: expected at least one figure, found none")
    if missing := [label for label in figures if not descriptions.get(label)]:
        raise UsageError(f"frames: expected a description of every figure, found none of {', '.join(missing)}")
    if not any(figure.axes for figure in figures.values()):
        figures = dict([next(iter(figures.items()))])
    _share_axes(list(figures.values()))
    labels = list(figures)
    place = labels.index(shown) if shown in labels else len(labels) - 1
    return Frames(parameter, tuple(Frame(label, figures[label], descriptions[label]) for label in labels), place)


def _share_axes(figures: Sequence[Drawing]) -> None:
    """Give every panel the widest limits that it has in any frame, and lay the figures out again."""
    counts = [len(figure.axes) for figure in figures]
    if len(set(counts)) > 1:
        raise UsageError(f"frames: expected figures with the same panels, found {counts} axes")
    for panel in zip(*(figure.axes for figure in figures), strict=True):
        for axis in ("xaxis", "yaxis"):
            limits = [getattr(axes, axis).get_view_interval() for axes in panel]
            low, high = min(low for low, _ in limits), max(high for _, high in limits)
            for axes in panel:
                getattr(axes, f"set_{axis[0]}lim")(low, high)
    for figure in figures:
        with applied():
            figure.set_layout_engine("constrained")
            figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
