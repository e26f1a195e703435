"""Whether the optimiser decides how well a network can be pruned."""

from rflib.paper.chapters.optimisers_and_prunability import prunability, solutions
from rflib.paper.chapters.optimisers_and_prunability.prunability import (
    draw_cost_of_optimisers,
    draw_prunability_by_optimiser,
    near_guessing,
    second_order,
)
from rflib.paper.chapters.optimisers_and_prunability.runs import by_optimiser, optimiser_runs, optimisers
from rflib.paper.chapters.optimisers_and_prunability.solutions import (
    draw_loss_around_solutions,
    draw_solutions_by_optimiser,
    explanations,
    loss_lines,
)

__all__ = [
    "CLAIMS",
    "by_optimiser",
    "draw_cost_of_optimisers",
    "draw_loss_around_solutions",
    "draw_prunability_by_optimiser",
    "draw_solutions_by_optimiser",
    "explanations",
    "loss_lines",
    "near_guessing",
    "optimiser_runs",
    "optimisers",
    "second_order",
]

CLAIMS = {**prunability.CLAIMS, **solutions.CLAIMS}
