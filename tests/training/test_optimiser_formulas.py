"""Steps of every optimiser on quadratic functions against their formulas, written out in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rflib.config import TrainingConfig
from rflib.optimisers import build_optimiser
from rflib.training.steps import Steps

Schedule = Callable[..., TrainingConfig]
Walk = Callable[..., np.ndarray]


class Quadratic(nn.Module):
    """½ wᵀAw of the weights w, which may be a matrix of which A multiplies the flat form."""

    def __init__(self, weight: Any, curvature: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))
        self.curvature = torch.tensor(curvature, dtype=torch.float64)

    def evaluate(self) -> tuple[Tensor, Tensor]:
        flat = self.weight.flatten()
        return 0.5 * flat @ self.curvature @ flat, self.weight


@pytest.fixture
def walk(schedule: Schedule) -> Walk:
    """Return the weights after some steps on a quadratic function."""

    def make(
        weight: Any, curvature: Any, *, steps: int = 1, rate: float = 0.1, clip: float | None = None, **options: Any
    ) -> np.ndarray:
        model = Quadratic(weight, curvature)
        config = schedule(optimiser=options, gradient_clip=clip)
        optimiser = build_optimiser(config.optimiser, model.parameters(), learning_rate=rate)
        stepper = Steps(model, optimiser, config, seed=0, mask=None)
        for _ in range(steps):
            stepper.take(model.evaluate)
        return model.weight.detach().numpy()

    return make


A = np.diag([1.0, 10.0])


def test_sgd(walk: Walk) -> None:
    assert walk([1.0, 1.0], A, weight_decay=0.0) == pytest.approx([0.9, 0.0])


def test_adamw(walk: Walk) -> None:
    weight, first, second = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for step in range(1, 4):
        gradient = A @ weight
        first = 0.8 * first + 0.2 * gradient
        second = 0.9 * second + 0.1 * gradient**2
        weight = weight * (1 - 0.1 * 0.5)
        weight = weight - 0.1 * (first / (1 - 0.8**step)) / (np.sqrt(second / (1 - 0.9**step)) + 0.01)
    found = walk([1.0, -2.0], A, steps=3, name="adamw", betas=(0.8, 0.9), weight_decay=0.5, eps=0.01)
    assert found == pytest.approx(weight, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [
        ("sam", [1.0, 1.0], [0.89950248, -0.04975186]),
        ("sam", [2.0, 1.0], [1.79901942, -0.04902903]),
        ("asam", [1.0, 1.0], [0.89950248, -0.04975186]),
        ("asam", [2.0, 1.0], [1.79628609, -0.04642383]),
    ],
)
def test_known_steps_of_sam_and_asam(walk: Walk, name: str, start: list[float], expected: list[float]) -> None:
    """The values are those of the formulas of Foret et al. (2021) and Kwon et al. (2021) at rho 0.05."""
    assert walk(start, A, name=name, rho=0.05, weight_decay=0.0) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["sam", "asam"])
@pytest.mark.parametrize("clip", [None, 3.0])
def test_sam_and_asam_with_momentum_decay_and_clipping(walk: Walk, name: str, clip: float | None) -> None:
    """The gradient at the worst point is clipped; the one that leads there gives a direction alone."""
    weight, velocity = np.array([2.0, 1.0]), np.zeros(2)
    for _ in range(3):
        gradient = A @ weight
        scale = np.abs(weight) if name == "asam" else np.ones(2)
        gradient = A @ (weight + 0.3 * scale**2 * gradient / np.linalg.norm(scale * gradient))
        if clip is not None:
            gradient *= min(1, clip / np.linalg.norm(gradient))
        velocity = 0.5 * velocity + gradient + 0.2 * weight
        weight = weight - 0.1 * velocity
    options = {"rho": 0.3, "momentum": 0.5, "weight_decay": 0.2}
    assert walk([2.0, 1.0], A, steps=3, clip=clip, name=name, **options) == pytest.approx(weight, rel=1e-5)


@pytest.mark.parametrize("curvature", [A, np.diag([0.01, 3.0])])
def test_the_first_step_of_adahessian_shrinks_by_the_rate_whatever_the_curvature(
    walk: Walk, curvature: np.ndarray
) -> None:
    found = walk([1.0, -2.0], curvature, name="adahessian", weight_decay=0.0, eps=1e-12)
    assert found == pytest.approx([0.9, -1.8], rel=1e-9)


@pytest.mark.parametrize("interval", [1, 2])
def test_adahessian(walk: Walk, interval: int) -> None:
    """Between updates the last estimate enters again: where curvature is constant, an interval changes nothing."""
    weight, first, second = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for step in range(1, 5):
        first = 0.8 * first + 0.2 * (A @ weight)
        second = 0.9 * second + 0.1 * np.diag(A) ** 2
        weight = weight * (1 - 0.1 * 0.5)
        root = (second / (1 - 0.9**step)) ** (0.5 * 0.75)
        weight = weight - 0.1 * (first / (1 - 0.8**step)) / (root + 0.01)
    options = {"betas": (0.8, 0.9), "weight_decay": 0.5, "eps": 0.01, "hessian_power": 0.75}
    found = walk([1.0, -2.0], A, steps=4, name="adahessian", update_interval=interval, **options)
    assert found == pytest.approx(weight, rel=1e-12)


def eigenbasis(statistics: np.ndarray) -> np.ndarray:
    return np.linalg.eigh(statistics)[1][:, ::-1]


def power_iteration(statistics: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the refreshed basis and the order into which it sorts the old one."""
    order = np.argsort(-np.diag(basis.T @ statistics @ basis), kind="stable")
    return np.linalg.qr((statistics @ basis)[:, order])[0], order


def test_soap(walk: Walk) -> None:
    """Adam in the eigenbases of GGᵀ and GᵀG, refreshed every second step; the first gradient only fills these."""
    start, curvature = np.array([[2.0, 1.0], [-1.0, 3.0], [0.5, 0.25]]), np.diag([1.0, 10.0, 2.0, 5.0, 3.0, 0.5])
    weight = start.copy()
    gradient = (curvature @ weight.ravel()).reshape(3, 2)
    left, right = 0.1 * gradient @ gradient.T, 0.1 * gradient.T @ gradient
    bases = (eigenbasis(left), eigenbasis(right))
    first, second = np.zeros((3, 2)), np.zeros((3, 2))
    for step in range(1, 5):
        gradient = (curvature @ weight.ravel()).reshape(3, 2)
        first = 0.8 * first + 0.2 * gradient
        second = 0.9 * second + 0.1 * (bases[0].T @ gradient @ bases[1]) ** 2
        rotated = (bases[0].T @ first @ bases[1]) / (np.sqrt(second) + 0.01)
        weight = weight - 0.1 * np.sqrt(1 - 0.9**step) / (1 - 0.8**step) * bases[0] @ rotated @ bases[1].T
        weight = weight * (1 - 0.1 * 0.5)
        left, right = 0.9 * left + 0.1 * gradient @ gradient.T, 0.9 * right + 0.1 * gradient.T @ gradient
        if step % 2 == 0:
            (one, rows), (two, columns) = power_iteration(left, bases[0]), power_iteration(right, bases[1])
            bases, second = (one, two), second[rows][:, columns]
    options = {"betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.5, "update_interval": 2}
    assert walk(start, curvature, steps=5, name="soap", **options) == pytest.approx(weight, rel=1e-5)


def test_soap_without_rotations_is_adam_one_step_later(walk: Walk) -> None:
    """With every dimension too large, SOAP is Adam whose eps stands beside the uncorrected root."""
    weight, first, second = np.array([[2.0, 1.0], [-1.0, 3.0]]), np.zeros((2, 2)), np.zeros((2, 2))
    for step in range(1, 3):
        first, second = 0.8 * first + 0.2 * weight, 0.9 * second + 0.1 * weight**2
        scale = np.sqrt(1 - 0.9**step) / (1 - 0.8**step)
        weight = weight - 0.1 * scale * first / (np.sqrt(second) + 0.01)
    options = {"betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.0, "largest_dimension": 1}
    found = walk([[2.0, 1.0], [-1.0, 3.0]], np.eye(4), steps=3, name="soap", **options)
    assert found == pytest.approx(weight, rel=1e-12)


def diagonal_of(curvature: Sequence[Sequence[float]], seed: int, schedule: Schedule, probes: int) -> np.ndarray:
    model = Quadratic([1.0] * len(curvature), curvature)
    config = schedule(optimiser={"name": "adahessian", "probes": probes})
    optimiser = build_optimiser(config.optimiser, model.parameters(), learning_rate=0.1)
    Steps(model, optimiser, config, seed=seed, mask=None).take(model.evaluate)
    return optimiser.state[model.weight]["hessian"].numpy()


def test_hutchinsons_estimate_is_the_diagonal_on_average(schedule: Schedule) -> None:
    """Probes of one sign would give (3, 4), the sums of the rows."""
    found = diagonal_of([[2, 1], [1, 3]], 0, schedule, probes=400)
    assert found == pytest.approx([2, 3], abs=5 / np.sqrt(400))


def test_one_probe_gives_one_of_the_two_possible_estimates(schedule: Schedule) -> None:
    found = {tuple(diagonal_of([[2, 1], [1, 3]], seed, schedule, probes=1)) for seed in range(12)}
    assert found == {(3.0, 4.0), (1.0, 2.0)}
