"""The explorer's scripts without a page: run in a JavaScript engine. As a program it writes the static picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py_mini_racer import MiniRacer

STATIC = Path(__file__).parents[2] / "book" / "_static"
STATIC_PICTURE = STATIC.parent / "receptive-field-explorer.inc.html"

_CAPTION = (
    "The explorer's first view: <code>{architecture}</code> at <i>k</i> = {pool_kernel} on images of {image_size} "
    "pixels, at its border layer, <code>{layer[name]}</code>, where a unit sees a square of {layer[r_max]} pixels. "
    "Right or below: the field from the first layer to the last."
)


class Explorer:
    """What the explorer computes and draws, as Python values."""

    def __init__(self, engine: MiniRacer) -> None:
        self._engine = engine
        for name in ("explorer-field.js", "explorer-picture.js"):
            engine.eval((STATIC / name).read_text(encoding="utf-8"))

    def value(self, expression: str) -> Any:
        """Return what an expression gives, through JSON."""
        return json.loads(str(self._engine.eval(f"JSON.stringify({expression})")))

    def analyse(self, **settings: Any) -> dict[str, Any]:
        """Return the analysis of settings over their defaults."""
        return dict(self.value(f"rfField.analyse({{...rfField.defaults, ...{json.dumps(settings)}}})"))

    def static_picture(self) -> str:
        """Return the first view's two pictures, for readers without scripts."""
        self._engine.eval("const first = rfField.analyse(rfField.defaults)")
        arguments = "first, rfPicture.firstShown(first), rfField.defaults.image_size"
        pictures = [self.value(f"rfPicture.{name}({arguments})") for name in ("overImage", "growth")]
        view = self.value("{...rfField.defaults, layer: first.layers[rfPicture.firstShown(first)]}")
        caption = _CAPTION.format(**view)
        return '<div class="explorer-pictures">\n{}\n{}\n</div>\n<p>{}</p>\n'.format(*pictures, caption)


@contextmanager
def explorer() -> Iterator[Explorer]:
    """Run the explorer's scripts in an engine of their own."""
    with MiniRacer() as engine:
        yield Explorer(engine)


if __name__ == "__main__":
    with explorer() as scripts:
        STATIC_PICTURE.write_text(scripts.static_picture(), encoding="utf-8")
