"""What each chapter measures, and the blocks of a profile that say of how much. Pure, and quick to import.

The engine finds this package by its name: profiles and plans know nothing else of the paper.
"""

from __future__ import annotations

from collections.abc import Callable

from rflib.paper.plans.controls import ControlPlan, ReadingPlan, controls, other_readings, readings
from rflib.paper.plans.neighbours import DeeperPlan, FieldPlan, RefinementPlan, deeper, effective_field, refinement
from rflib.paper.plans.paper import (
    DoubledPlan,
    ProtocolPlan,
    VariantPlan,
    WidthPlan,
    curves,
    dense,
    doubled,
    fine_tuned,
    large,
    networks,
    protocol,
    similarities,
    spectra,
    variants,
    widths,
)
from rflib.paper.plans.thesis import (
    CurvaturePlan,
    NoisePlan,
    OptimiserPlan,
    RedundancyPlan,
    curvature,
    noise,
    optimisers,
    redundancy,
)
from rflib.study.blocks import Block
from rflib.study.items import Plan

BLOCKS: dict[str, type[Block]] = {
    "protocol": ProtocolPlan,
    "widths": WidthPlan,
    "doubled": DoubledPlan,
    "variants": VariantPlan,
    "readings": ReadingPlan,
    "controls": ControlPlan,
    "deeper": DeeperPlan,
    "refinement": RefinementPlan,
    "effective_field": FieldPlan,
    "noise": NoisePlan,
    "redundancy": RedundancyPlan,
    "optimisers": OptimiserPlan,
    "curvature": CurvaturePlan,
}
"""What a role of a profile may say of chapters, by the name of the block."""

PLANS: dict[str, tuple[Callable[..., Plan], ...]] = {
    "experimental-settings": (protocol,),
    "manipulating-the-receptive-field": (networks, readings),
    "accuracy-and-pruning": (dense,),
    "fine-tuning": (dense, fine_tuned),
    "loss-landscape": (curves, spectra, doubled),
    "representations": (similarities,),
    "large-receptive-fields": (dense, large),
    "width-and-depth": (widths,),
    "pruning-rates": (dense,),
    "open-questions": (dense, variants, controls, other_readings),
    "should-you-go-deeper": (deeper,),
    "effective-receptive-field": (effective_field,),
    "receptive-field-refinement": (refinement,),
    "noise-before-pruning": (noise,),
    "redundancy-and-saturation": (dense, redundancy),
    "optimisers-and-prunability": (optimisers,),
    "width-and-curvature": (curvature,),
    "claims": (
        *(networks, dense, curves, fine_tuned, spectra, doubled, similarities, large, widths, variants, controls),
        *(deeper, effective_field, refinement, noise, redundancy, optimisers, curvature),
    ),
}
