"""What is recorded of a network and its refinement: the image sizes that it is made for, before and after."""

from __future__ import annotations

from typing import Any

from torch import nn

from rflib import models
from rflib.analyses import receptive_field
from rflib.config import ResolutionsSettings

Values = dict[str, Any]


def resolutions(settings: ResolutionsSettings) -> Values:
    """Feasible resolutions of a network without weights, and for each image size its layers and its refinement."""
    model = models.without_weights(settings.network)
    rows = [_row(model, side, settings.changes) for side in settings.image_sizes]
    return {"rows": rows, "parameters": _parameters(model)}


def _row(model: nn.Module, side: int, changes: int) -> Values:
    """Describe the network at one image size: its layers, and the cheapest refinement if one is needed and found."""
    failing = models.failing_layer(model, side)
    row: Values = {"image_size": side, "takes_image": failing is None, "failing_layer": failing}
    if failing is not None:
        return row
    fields = receptive_field.analyse(model, (3, side, side))
    (smallest, _), (largest, _) = fields.resolution_range()
    row |= {
        "smallest_pixels": float(smallest),
        "largest_pixels": float(largest),
        "convolutions": len(fields.convolutions),
        "unproductive": len(fields.unproductive(side)),
        "needs_refinement": smallest >= side,
    }
    if smallest < side:
        return row
    return row | _refinement(receptive_field.refine(model, side, changes=changes, only_cheapest=True))


def _refinement(found: list[receptive_field.Refinement]) -> Values:
    """Describe the cheapest of the refinements; nothing where there is none."""
    return (
        {}
        if not found
        else {
            "changes": len(found[0].changes),
            "refinement": str(found[0]),
            "smallest_pixels_refined": float(max(found[0].smallest_after)),
            "forward_flops": found[0].flops_before,
            "forward_flops_refined": found[0].flops_after,
            "parameters_refined": _parameters(found[0].model),
        }
    )


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
