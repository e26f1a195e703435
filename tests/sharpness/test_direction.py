"""Directions filter by filter, the network put back from every place on a line, and its loss there."""

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
from rflib.sharpness.direction import line


def lengths(weight):
    """Lengths of the filters, one by one."""
    return [sum(number**2 for number in row.flatten().tolist()) ** 0.5 for row in weight]


def test_each_filter_is_as_long_as_the_networks(build):
    model = build()
    direction = filter_normalised_direction(model)
    assert [*direction.parts] == ["0.weight", "3.weight", "7.weight"]
    for name, part in direction.parts.items():
        assert lengths(part) == pytest.approx(lengths(model.get_parameter(name)), rel=1e-12)
    squares = [number**2 for part in direction.parts.values() for number in part.flatten().tolist()]
    assert direction.norm == pytest.approx(sum(squares) ** 0.5, rel=1e-12)


def test_within_filters_the_numbers_are_normal():
    model = nn.Conv2d(8, 50, 5)
    part = filter_normalised_direction(model).parts["weight"]
    standard = torch.cat([row.flatten() / row.std() for row in part])
    quantiles = torch.quantile(standard, torch.tensor([0.1587, 0.5, 0.8413]))
    torch.testing.assert_close(quantiles, torch.tensor([-1.0, 0, 1]), rtol=0, atol=0.05)


def test_pruned_weights_do_not_move_and_the_lengths_are_those_of_survivors(build, mask):
    model = build()
    direction, whole = (filter_normalised_direction(model, mask=m) for m in (mask, None))
    for name, kept in mask.keep.items():
        assert not direction.parts[name][~kept].any()
        assert lengths(direction.parts[name]) == pytest.approx(lengths(model.get_parameter(name) * kept), rel=1e-12)
    assert torch.equal(direction.parts["7.weight"], whole.parts["7.weight"])
    ratios = (direction.parts["3.weight"] / whole.parts["3.weight"])[1][mask.keep["3.weight"][1]]
    torch.testing.assert_close(ratios, ratios[:1].expand_as(ratios))


def test_a_direction_is_a_function_of_seed_and_names(build):
    first, second, other = (filter_normalised_direction(build(), seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(first.parts[name], second.parts[name]) for name in first.parts)
    assert not any(torch.equal(first.parts[name], other.parts[name]) for name in first.parts)
    head = nn.Sequential(nn.Conv2d(2, 3, 3)).double()
    head[0].load_state_dict(build()[0].state_dict())
    assert torch.equal(filter_normalised_direction(head).parts["0.weight"], first.parts["0.weight"])


def test_a_line_starts_at_the_weights_whatever_the_step_before(build, untouched):
    model = build()
    check = untouched(model)
    start = model[0].weight.detach().clone()
    direction = Direction({"0.weight": torch.ones_like(start)})
    with line(model, direction) as move:
        for step in (3.0, 1e300, -0.5):
            move(step)
            assert torch.equal(model[0].weight, start + step)
    check()


def test_the_weights_come_back_bit_for_bit_after_an_exception(build, untouched):
    model = build()
    with torch.no_grad():
        model[0].weight[0] = -0.0
        model[0].weight[1] = 1e-310
    check = untouched(model)

    def interrupted():
        with line(model, filter_normalised_direction(model)) as move:
            move(0.1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    check()


def test_requests_that_cannot_be_right_are_refused(build):
    model = build()
    for name, found in (("0.weight", r"\(3, 2, 3, 3\)"), ("9.weight", "no such parameter")):
        with pytest.raises(UsageError, match=rf"direction of '{name}': expected shape \(2,\), found {found}"):
            Direction({name: torch.ones(2)}).check(model)
    with pytest.raises(UsageError, match=r"mask of '0.weight': expected shape \(1,\), found \(3, 2, 3, 3\)"):
        filter_normalised_direction(model, mask=Mask({"0.weight": torch.ones(1, dtype=torch.bool)}))


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


def test_losses_along_what_cannot_be_right_are_refused(build, batches):
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
