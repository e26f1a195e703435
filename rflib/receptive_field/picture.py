"""The growth of the field through the layers, as one self-contained HTML page with an inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from rflib.errors import UsageError
from rflib.receptive_field.fields import Fields
from rflib.receptive_field.layer import LayerField, Pair

_WIDTH, _HEIGHT = 1000, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 150
_MOST_LABELS = 50

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1040px; padding: 0 1rem; color: #222; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: #333; }
.grid { stroke: #ddd; } .largest { stroke: #999; fill: none; stroke-width: 1.5; stroke-dasharray: 5 3; }
.smallest { stroke: #1f5fa8; fill: none; stroke-width: 2; } .unit { fill: #1f5fa8; } .behind { fill: #f6d9d0; }
.image { stroke: #2a7d46; stroke-width: 1.5; } .border { stroke: #b3311a; stroke-width: 2.5; }
table { border-collapse: collapse; font-size: 13px; } th, td { text-align: left; padding: 2px 14px 2px 0; }
tr.unproductive td { background: #f6d9d0; } tr.first td { font-weight: bold; }
"""


def growth_page(fields: Fields, resolution: int, *, title: str) -> str:
    """Return an HTML page: the smallest and the largest field layer by layer, the image's size, the border layer.

    Fields are the larger of height and width, in pixels, on a logarithmic scale; layers are those with a bounded
    field, in order of execution. Unproductive layers (the paper's rule) are shaded, b_min is the thick line.
    Raises UsageError where no layer has a bounded field.

    Example:
        >>> fields = rflib.receptive_field.analyse(nn.Sequential(nn.Conv2d(3, 8, 5)), (3, 12, 12))
        >>> page = rflib.receptive_field.growth_page(fields, 12, title="One convolution")
        >>> "<svg" in page, "One convolution" in page
        (True, True)
    """
    layers = [layer for layer in fields.layers if layer.is_finite]
    if not layers:
        raise UsageError("expected a network with a layer whose field is bounded, found none")
    unproductive = fields.unproductive(resolution)
    chart = _Chart(layers, resolution, unproductive)
    caption = _caption(resolution, chart.border)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n{chart.svg(title, caption)}\n"
        f"<p>{escape(caption)}</p>\n{_table(layers, unproductive)}\n</body></html>\n"
    )


def _caption(resolution: int, border: str | None) -> str:
    found = (
        f"the border layer is {border}; layers whose input has already seen the whole image are shaded."
        if border
        else "no layer is unproductive."
    )
    return (
        "Theoretical receptive field (larger of height and width, logarithmic) over the shortest path (line) and over "
        f"all paths (dashed). At {resolution} pixels {found}"
    )


class _Chart:
    """The picture's parts and its two scales: layers from left to right, pixels upwards, logarithmic."""

    def __init__(self, layers: Sequence[LayerField], resolution: int, unproductive: Sequence[str]) -> None:
        self.layers, self.resolution, self.unproductive = layers, resolution, set(unproductive)
        self.border = unproductive[0] if unproductive else None
        # With context included fields may be infinite: their curve leaves the picture at the top.
        sizes = [size for layer in layers for size in (*layer.r_min, *layer.r_max) if math.isfinite(size)]
        self.octaves = math.ceil(math.log2(max(resolution, *sizes) + 1))
        self.step = (_WIDTH - _LEFT - _RIGHT) / len(layers)
        self.floor = _HEIGHT - _BOTTOM

    def x(self, index: float) -> float:
        return _LEFT + (index + 0.5) * self.step

    def y(self, pixels: float) -> float:
        return self.floor - min(math.log2(max(pixels, 1)), self.octaves) / self.octaves * (self.floor - _TOP)

    def svg(self, title: str, description: str) -> str:
        curves = [self.curve("largest", [max(layer.r_max) for layer in self.layers])]
        curves.append(self.curve("smallest", [max(layer.r_min) for layer in self.layers]))
        parts = [*self.shades(), *self.grid(), *curves, *self.border_line(), *self.points()]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-labelledby="picture-title picture-text"><title id="picture-title">{escape(title)}</title>'
            f'<desc id="picture-text">{escape(description)}</desc>\n' + "\n".join(parts) + "\n</svg>"
        )

    def shades(self) -> list[str]:
        return [
            f'<rect class="behind" x="{self.x(index) - self.step / 2:.1f}" y="{_TOP}" width="{self.step:.1f}" '
            f'height="{self.floor - _TOP}"/>'
            for index, layer in enumerate(self.layers)
            if layer.name in self.unproductive
        ]

    def grid(self) -> list[str]:
        parts = []
        for octave in range(self.octaves + 1):
            height = self.y(2**octave)
            parts.append(_line("grid", _LEFT, height, _WIDTH - _RIGHT, height))
            parts.append(_label(2**octave, f'x="{_LEFT - 8}" y="{height + 4:.1f}" text-anchor="end"'))
        image, middle = self.y(self.resolution), (_TOP + self.floor) / 2
        parts.append(_line("image", _LEFT, image, _WIDTH - _RIGHT, image))
        parts.append(_label(f"image: {self.resolution} px", f'x="{_LEFT + 4}" y="{image - 5:.1f}"'))
        parts.append(_label("field (px)", f'transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle"'))
        return parts

    def curve(self, kind: str, sizes: Sequence[float]) -> str:
        points = " ".join(f"{self.x(index):.1f},{self.y(size):.1f}" for index, size in enumerate(sizes))
        return f'<polyline class="{kind}" points="{points}"/>'

    def border_line(self) -> list[str]:
        if self.border is None:
            return []
        at = self.x([layer.name for layer in self.layers].index(self.border)) - self.step / 2
        anchor, shift = ("end", -6) if at > _WIDTH / 2 else ("start", 6)
        place = f'x="{at + shift:.1f}" y="{_TOP - 3}" text-anchor="{anchor}"'
        return [_line("border", at, _TOP - 12, at, self.floor), _label(f"border: {self.border}", place)]

    def points(self) -> list[str]:
        parts = []
        for index, layer in enumerate(self.layers):
            hint = f"{layer.name} ({layer.operation}): r_min {_text(layer.r_min)}, r_max {_text(layer.r_max)} px"
            at, height = self.x(index), self.y(max(layer.r_min))
            parts.append(f'<circle class="unit" cx="{at:.1f}" cy="{height:.1f}" r="2.5">')
            parts[-1] += f"<title>{escape(hint)}</title></circle>"
            if index % math.ceil(len(self.layers) / _MOST_LABELS) == 0:
                place = f'transform="translate({at + 4:.1f} {self.floor + 10}) rotate(-60)" text-anchor="end"'
                parts.append(_label(layer.name, place))
        return parts


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(text: object, place: str) -> str:
    return f"<text {place}>{escape(str(text))}</text>"


def _table(layers: Sequence[LayerField], unproductive: Sequence[str]) -> str:
    headings = "".join(f"<th>{name}</th>" for name in ("layer", "operation", "r_min", "r_max", "stride", "map"))
    rows = []
    for layer in layers:
        kinds = ["unproductive"] * (layer.name in unproductive) + ["first"] * (layer.name in unproductive[:1])
        cells = (layer.name, layer.operation, *map(_text, (layer.r_min, layer.r_max, layer.stride, layer.map_size)))
        mark = f' class="{" ".join(kinds)}"' if kinds else ""
        rows.append(f"<tr{mark}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<table><thead><tr>{headings}</tr></thead><tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _text(pair: Pair) -> str:
    height, width = ("∞" if math.isinf(value) else f"{value:g}" for value in pair)
    return height if height == width else f"{height}×{width}"
