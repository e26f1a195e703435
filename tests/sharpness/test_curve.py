"""Curves against closed forms, Hessian eigenvalues and losses computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from rflib import activations
from rflib.errors import UsageError
from rflib.hessian import top_eigenvalues
from rflib.pruning import Mask
from rflib.sharpness import Direction, filter_normalised_direction, loss_along

LOSS = nn.CrossEntropyLoss()


def at(model, weights, batches):
    """Mean loss by another road: all weights given to the call, images weighted one by one."""
    values = [(functional_call(model, weights, (images,)), labels) for images, labels in batches]
    singles = torch.cat([nn.functional.cross_entropy(out, labels, reduction="none") for out, labels in values])
    return singles.mean().item()


@pytest.mark.parametrize("statistics", ["batch", "frozen"])
@pytest.mark.parametrize("masked", [False, True])
def test_losses_are_those_of_networks_with_other_weights(build, batches, mask, untouched, statistics, masked):
    """Frozen statistics belong to the (pruned) network at step 0 and are held along the line."""
    model, reference = build(), build()
    check = untouched(model)
    direction = filter_normalised_direction(model, seed=2)
    steps = [0.5, -1.0, 0.0]
    curve = loss_along(
        model, LOSS, direction, steps, batches, mask=mask if masked else None, batch_statistics=statistics
    )
    check()
    if masked:
        mask.apply_(reference)
    mode = activations.batch_statistics(reference)
    if statistics == "frozen":
        mode = activations.frozen_statistics(reference, [images for images, _ in batches])
    keep = mask.keep if masked else {}
    with mode, torch.no_grad():
        centre = dict(reference.named_parameters())
        moved = [
            {**centre, **{n: centre[n] + step * part * keep.get(n, 1) for n, part in direction.parts.items()}}
            for step in steps
        ]
        expected = [at(reference, weights, batches) for weights in moved]
    np.testing.assert_allclose(curve.losses, expected, rtol=1e-12)
    assert (curve.steps.tolist(), curve.images, curve.batch_statistics) == (steps, 8, statistics)
    assert len(set(curve.losses)) == 3


@pytest.mark.parametrize("statistics", ["batch", "frozen"])
@pytest.mark.parametrize("masked", [False, True])
def test_along_the_top_eigenvector_the_curvature_is_the_top_eigenvalue(build, batches, mask, statistics, masked):
    chosen = mask if masked else None
    options = {"mask": chosen, "batch_statistics": statistics}
    model = build()
    spectrum = top_eigenvalues(model, LOSS, batches, 2, tolerance=1e-8, vectors=True, **options)
    for value, vector in zip(spectrum.values, spectrum.vectors, strict=True):
        direction = Direction(vector)
        assert direction.norm == pytest.approx(1, rel=1e-12)
        below, centre, above = loss_along(model, LOSS, direction, [-1e-4, 0, 1e-4], batches, **options).losses
        assert (below - 2 * centre + above) / 1e-8 == pytest.approx(value, rel=1e-4)


def test_the_length_of_weights_before_batch_norm_matters_only_to_frozen_statistics(build, batches):
    model = build()
    longer = Direction({name: model.get_parameter(name).detach().clone() for name in ("0.weight", "0.bias")})
    batch, frozen = (
        loss_along(model, LOSS, longer, [0, 1], batches, batch_statistics=s).losses for s in ("batch", "frozen")
    )
    assert batch[1] == pytest.approx(batch[0], abs=1e-4)
    assert abs(frozen[1] - frozen[0]) > 1e-3


def test_a_line_may_leave_finite_losses(build, batches):
    direction = filter_normalised_direction(build())
    losses = loss_along(build(), LOSS, direction, [1e308], batches).losses
    assert not np.isfinite(losses).all()


def test_the_weights_come_back_after_an_exception(build, batches, mask, untouched):
    model = build()
    check = untouched(model)
    calls = []

    def interrupted(outputs, labels):
        calls.append(len(labels))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return LOSS(outputs, labels)

    with pytest.raises(KeyboardInterrupt):
        loss_along(model, interrupted, filter_normalised_direction(model), [1, 2, 3], batches, mask=mask)
    check()


@pytest.mark.parametrize(
    ("steps", "found"), [([], "found none"), ([0, float("nan")], "found nan"), ([0, float("inf"), 1], "found inf")]
)
def test_steps_that_cannot_be_taken(build, batches, steps, found):
    model = build()
    with pytest.raises(UsageError, match=f"loss curve: expected at least one step, all finite, {found}"):
        loss_along(model, LOSS, filter_normalised_direction(model), steps, batches)


def test_requests_that_cannot_be_right_are_refused(build, batches):
    model = build()
    direction = filter_normalised_direction(model)
    with pytest.raises(UsageError, match=r"direction of '0.weight': expected shape \(2,\), found \(3, 2, 3, 3\)"):
        loss_along(model, LOSS, Direction({"0.weight": torch.ones(2)}), [1], batches)
    with pytest.raises(UsageError, match="mask of 'x': expected shape"):
        loss_along(model, LOSS, direction, [1], batches, mask=Mask({"x": torch.ones(1, dtype=torch.bool)}))
    with pytest.raises(UsageError, match="mean loss: expected at least one batch"):
        loss_along(model, LOSS, direction, [1], [])
    with pytest.raises(UsageError, match="mean loss: expected a loss with reduction='mean', found 'sum'"):
        loss_along(model, nn.CrossEntropyLoss(reduction="sum"), direction, [1], batches)
    with pytest.raises(UsageError, match="unknown batch statistics 'running'"):
        loss_along(model, LOSS, direction, [1], batches, batch_statistics="running")
