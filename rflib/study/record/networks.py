"""What is recorded of networks without training: fields, costs, and the image sizes that they are made for."""

from __future__ import annotations

from typing import Any

from torch import nn

from rflib import dead_taps, models, networks, receptive_field
from rflib.config import ArchitectureSettings, LayersSettings, ResolutionsSettings
from rflib.networks import image_cost
from rflib.receptive_field import Fields
from rflib.study.subject import Recorded

Values = dict[str, Any]


def architecture(settings: ArchitectureSettings) -> Recorded:
    """Field, stride and map of every convolution, parameters, dead taps and visible input of a network."""
    shape = (3, settings.image_size, settings.image_size)
    model = networks.build(settings.model)
    models.require_input(model, settings.image_size, name=settings.model.architecture)
    fields = receptive_field.analyse(model, shape)
    taps = dead_taps.share(model, shape)
    rows = [
        {
            "name": layer.name,
            "r_min": float(layer.r_min[0]),
            "r_max": float(layer.r_max[0]),
            "stride": float(layer.stride[0]),
            "map_size": int(layer.map_size[0]),
        }
        for layer in fields.convolutions
    ]
    values = {
        "rows": rows,
        "receptive_field": rows[-1]["r_max"],
        "last_map_size": rows[-1]["map_size"],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dead_share": taps.share,
        "input_share": taps.input_share,
    }
    return Recorded(values)


def layers(settings: LayersSettings) -> Recorded:
    """Fields of every convolution and of its input, the unproductive ones by both rules, and what a network costs."""
    side = settings.image_size
    model = networks.build(settings.model)
    models.require_input(model, side, name=settings.model.architecture)
    fields = receptive_field.analyse(model, (3, side, side))
    omitted = models.inside_attention(model)
    unproductive = {rule: set(fields.unproductive(side, rule=rule)) for rule in ("paper", "toolbox")}
    rows = [
        {
            "layer": index,
            "in_attention": layer.name in omitted,
            "name": layer.name,
            "r_min": float(layer.r_min[0]),
            "r_max": float(layer.r_max[0]),
            "input_r_min": float(layer.input_r_min[0]),
            "map_size": int(layer.map_size[0]),
            **{f"unproductive_{rule}": layer.name in names for rule, names in unproductive.items()},
        }
        for index, layer in enumerate(fields.convolutions, start=1)
    ]
    values = {
        "rows": rows,
        "border_layer": fields.border_layer(side),
        "border_layer_largest": fields.border_layer(side, field="largest"),
        "tail": fields.tail(side),
        "smallest_feasible_pixels": _feasible(fields),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "forward_flops": image_cost(settings.model, side).forward,
    }
    return Recorded(values)


def resolutions(settings: ResolutionsSettings) -> Recorded:
    """Feasible resolutions of a network without weights, and for each image size its layers and its refinement."""
    model = models.without_weights(settings.network)
    rows = [_row(model, side, settings.changes) for side in settings.image_sizes]
    return Recorded({"rows": rows, "parameters": _parameters(model)})


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


def _feasible(fields: Fields) -> float:
    """Return the side of the smallest image without an unproductive layer."""
    (smallest, _), _ = fields.resolution_range(lower_bound=True)
    return float(smallest)
