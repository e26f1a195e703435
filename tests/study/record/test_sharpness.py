"""What is recorded of a solution, against the same quantities computed directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib import networks
from rflib.config import MeasurementKey, Run, SharpnessSettings
from rflib.data import open_data_set
from rflib.data.splits import split_of
from rflib.seeding import stream_seed
from rflib.study.compute import measure
from rflib.study.store.places import cache_root, data_root
from rflib.study.study import Study

SETTINGS = SharpnessSettings(
    images=16,
    batch_size=16,
    eigenvalues=1,
    tolerance=1e-3,
    probes=3,
    rate=0.0,
    rho=0.01,
    eigenvector_steps=(-0.02, 0.0, 0.02),
    random_steps=(0.0, 0.5),
    checkpoint="initial",
)


@pytest.fixture
def found(study: Study, run: Run) -> dict[str, Any]:
    key = MeasurementKey.of(SETTINGS, run)
    measure(key, study.store, lambda _message: None)
    return study.store.load_measurement(key).values


@pytest.fixture
def loss(run: Run) -> tuple[nn.Module, Callable[[], Tensor]]:
    """The untrained network, and its loss on the first sixteen training images with their own statistics."""
    model = networks.build(run.config.model, seed=stream_seed(run.seed, "weights")).train()
    data = open_data_set(run.config.data, data_root=data_root(), cache_root=cache_root())
    part = split_of(data, "train").spread(16)
    return model, lambda: F.cross_entropy(model(part.normalise(part.images)), part.labels)


def test_the_largest_eigenvalue_is_that_of_power_iteration(found: dict[str, Any], loss: Any) -> None:
    model, evaluate = loss
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(evaluate(), parameters, create_graph=True)
    vector = [torch.ones_like(parameter) for parameter in parameters]
    for _ in range(40):
        length = torch.cat([part.flatten() for part in vector]).norm()
        unit = [part / length for part in vector]
        vector = list(torch.autograd.grad(gradients, parameters, unit, retain_graph=True))
    quotient = sum(float((a * b).sum()) for a, b in zip(unit, vector, strict=True))
    assert found["largest"] == pytest.approx(quotient, rel=1e-2)
    assert found["converged"]
    assert found["eigenvalues"] == [found["largest"]]


def test_the_loss_is_taken_along_both_lines(found: dict[str, Any]) -> None:
    steps = {(row["line"], row["step"]) for row in found["rows"]}
    assert steps == {*(("eigenvector", step) for step in (-0.02, 0.0, 0.02)), ("random", 0.0), ("random", 0.5)}


def test_sharpness_is_the_rise_along_the_gradient(found: dict[str, Any], loss: Any) -> None:
    model, evaluate = loss
    start = evaluate()
    gradients = torch.autograd.grad(start, list(model.parameters()))
    start = start.detach()
    length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    with torch.no_grad():
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter += 0.01 * gradient / length
        rise = evaluate() - start
    assert found["sam"] == pytest.approx(float(rise), rel=1e-3)
    assert float(start) == pytest.approx(next(r["loss"] for r in found["rows"] if r["step"] == 0), rel=1e-5)
    assert found["asam"] > 0


def test_pruning_nothing_changes_nothing(found: dict[str, Any]) -> None:
    assert found["largest_pruned"] == pytest.approx(found["largest"], rel=1e-3)
    assert found["trace_pruned"] == pytest.approx(found["trace"], rel=1e-3)
    assert found["trace_error"] > 0


def test_pruning_takes_coordinates_away(study: Study, run: Run) -> None:
    key = MeasurementKey.of(SETTINGS.replace(rate=0.5), run)
    measure(key, study.store, lambda _message: None)
    values = study.store.load_measurement(key).values
    assert values["largest_pruned"] != pytest.approx(values["largest"], rel=1e-3)


def test_filters_are_compared_pair_by_pair(found: dict[str, Any], loss: Any) -> None:
    means, ranks = [], []
    for module in loss[0].modules():
        if isinstance(module, nn.Conv2d):
            rows = module.weight.detach().double().flatten(1).numpy()
            unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            cosines = np.abs(unit @ unit.T)[~np.eye(len(rows), dtype=bool)]
            means += [cosines.mean()] if len(rows) > 1 else []
            shares = np.linalg.svd(rows, compute_uv=False)
            shares = shares / shares.sum()
            ranks.append(np.exp(-(shares * np.log(shares)).sum()) / min(rows.shape))
    assert found["filter_similarity"] == pytest.approx(np.mean(means))
    assert found["relative_rank"] == pytest.approx(np.mean(ranks))
