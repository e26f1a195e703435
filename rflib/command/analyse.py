"""`rflib analyse`: the receptive fields of any network, as a table, as a picture or for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rflib.command.terminal import say, show, show_table
from rflib.errors import UsageError


def analyse(
    model: Annotated[str, typer.Argument(help="rf_resnet50, torchvision:resnet50 or path/to/file.py:ClassName.")],
    resolution: Annotated[int, typer.Option(min=1, help="Side of the images in pixels.")] = 32,
    channels: Annotated[int, typer.Option(min=1, help="Channels of the images: 1 for grey ones.")] = 3,
    pool_kernel: Annotated[int | None, typer.Option(min=1, help="Kernel k of the pool, for rf_ networks.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Draw the growth of the field into a page.")
    ] = None,
) -> None:
    """Show the receptive fields of a network, layer by layer."""
    from rflib.study.inspection import inspect_network

    if html is not None and not html.parent.is_dir():
        raise UsageError(f"--html {html}: expected a folder that is there, found none at {html.parent}")
    found = inspect_network(model, resolution=resolution, channels=channels, pool_kernel=pool_kernel)
    if html is not None:
        html.write_text(found.page, encoding="utf-8")
        say(f"Picture: {html}")
    if as_json:
        show(json.dumps(found.as_values(), indent=2))
        return
    show_table(found.headings, found.rows)
    show(found.summary)
