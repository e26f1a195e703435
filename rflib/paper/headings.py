"""What the columns of a table are called, and in which units they are."""

from __future__ import annotations

# These come first, in this order.
HEADINGS = {
    "architecture": "Network",
    "pool_kernel": "k",
    "label": "Field, paper (px)",
    "receptive_field": "Field (px)",
    "last_map_size": "Last map (px)",
    "map_size": "Maps",
    "pool_dilation": "Pool dilation",
    "omitted_downsamplings": "Downsamplings left out",
    "parameters": "Parameters",
    "width": "Width",
    "width_multiple": "Width ×",
    "dense_reported": "Dense, paper",
    "dense": "Dense",
    "pruned_reported": "Pruned, paper",
    "pruned": "Pruned",
    "one_shot": "One-shot",
    "fine_tuned_reported": "Fine-tuned, paper",
    "fine_tuned": "Fine-tuned",
    "difference_reported": "Difference, paper",
    "difference": "Difference",
    "normalised_difference": "Difference / dense",
    "live": "Pruned among live",
    "layerwise": "Pruned by layer",
    "dense_calibrated": "Dense, anew",
    "pruned_calibrated": "Pruned, anew",
    "live_calibrated": "Among live, anew",
    "layerwise_calibrated": "By layer, anew",
    "n_calibrated": "n anew",
    "continued": "Dense, trained on",
    "gap": "Gap",
    "dead_share": "Dead taps (%)",
    "input_share": "Input seen (%)",
    "schedule": "Schedule",
    "test_accuracy": "Accuracy after the first epochs (%)",
    "distance": "Distance from the start (unit of the weights)",
    "initial_norm": "Norm at the start (unit of the weights)",
    "reach": "Farthest in all epochs (unit of the weights)",
    "n": "n",
}
# What else has a unit, or a name of more than one word; these come in the order of their frame.
_FURTHER = {
    "order": "Noise",
    "reading": "Reading",
    "recipe": "Recipe",
    "factor": "Dead taps ×",
    "largest_change": "Largest change of an output",
    "live_pruned_share": "Live weights pruned (%)",
    "kept_calibrated": "Kept, anew",
    "pruned_tested": "Pruned without noise",
    "tested": "Selected copy",
    "benefit": "Benefit (points)",
    "mean_benefit": "Benefit of the mean copy (points)",
    "noisy_fine_tuned": "Fine-tuned after noise",
    "saturation": "Saturation (%)",
    "shallow_saturation": "Saturation of the others (%)",
    "relative_rank": "Effective rank (%)",
    "zero_filters": "Filters of zeros (%)",
    "weight_share": "Weights (%)",
    "lost": "Lost (points)",
    "above_guessing": "Above guessing (points)",
    "margin": "Margin (points)",
    "seeds_agreeing": "Seeds agreeing (%)",
    "kept_live": "Kept among live",
    "imbalance": "Imbalance, trained",
    "uniform_imbalance": "Imbalance, equal weights",
    "ratio": "Most over least sensitive phase",
    "partially_dead": "Partially dead (%)",
    "accuracy_full": "Accuracy, whole",
    "accuracy_truncated": "Accuracy, truncated",
    "accuracy_original": "Accuracy, as it is",
    "accuracy_refined": "Accuracy, refined",
    "reported_accuracy": "Accuracy, paper",
    "parameters_full": "Parameters, whole",
    "parameters_truncated": "Parameters, truncated",
    "parameters_original": "Parameters, as it is",
    "parameters_refined": "Parameters, refined",
    "forward_flops": "Operations an image",
    "forward_flops_full": "Operations an image, whole",
    "forward_flops_truncated": "Operations an image, truncated",
    "forward_flops_original": "Operations an image, as it is",
    "forward_flops_refined": "Operations an image, refined",
    "flops_ratio": "Operations, refined over original",
    "efficiency_original": "Points a million parameters, as it is",
    "efficiency_refined": "Points a million parameters, refined",
    "image_size": "Image (px)",
    "smallest_pixels": "Smallest feasible (px)",
    "smallest_feasible_pixels": "Smallest feasible (px)",
    "smallest_pixels_refined": "Smallest feasible, refined (px)",
    "largest_pixels": "Largest feasible (px)",
}
_PERCENT = "%"
_POINTS = "points"
# Of quantities whose heading leaves the unit to a caption.
_UNITS = {
    **dict.fromkeys(
        ("dense", "dense_reported", "pruned", "pruned_reported", "one_shot", "live", "layerwise"), _PERCENT
    ),
    **dict.fromkeys(("fine_tuned", "fine_tuned_reported", "noisy_fine_tuned", "pruned_tested", "tested"), _PERCENT),
    **dict.fromkeys(
        ("dense_calibrated", "pruned_calibrated", "live_calibrated", "layerwise_calibrated", "continued"), _PERCENT
    ),
    "kept_calibrated": _PERCENT,
    "gap": _POINTS,
    **dict.fromkeys(
        ("accuracy", "dense_accuracy", "reported_accuracy", "shallow", "deep", "kept", "kept_live"), _PERCENT
    ),
    **dict.fromkeys((f"accuracy_{version}" for version in ("full", "truncated", "original", "refined")), _PERCENT),
    **dict.fromkeys(("difference", "difference_reported", "gain", "advantage", "change"), _POINTS),
}


def heading(column: str, *, unit: bool) -> str:
    """Return what a column is called; `unit`: with its unit where only a caption would give it."""
    text = column.replace("_", " ")
    name = HEADINGS.get(column) or _FURTHER.get(column) or text[:1].upper() + text[1:]
    return f"{name} ({_UNITS[column]})" if unit and column in _UNITS else name
