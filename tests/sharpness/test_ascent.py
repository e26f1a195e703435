"""SAM's and ASAM's sharpness against closed forms, finite differences and a search for worse points."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.func import functional_call

from rflib import activations, sharpness
from rflib.errors import RflibError, UsageError
from rflib.pruning import Mask, pruned

LOSS = nn.CrossEntropyLoss()
POINT = [(torch.zeros(1), torch.zeros(1))]
SCALES = torch.tensor([1.0, 10.0], dtype=torch.float64)


class Quadratic(nn.Module):
    """Its output is ½ wᵀ diag(1, 10) w."""

    def __init__(self, *weights):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(weights, dtype=torch.float64))

    def forward(self, images):
        return 0.5 * (SCALES * self.w**2).sum()


def value_itself(outputs, labels):
    return outputs


@pytest.mark.parametrize(
    ("weights", "adaptive", "perturbation"),
    [
        ((1.0, 1.0), False, (0.00497519, 0.04975186)),
        ((1.0, 1.0), True, (0.00497519, 0.04975186)),
        ((2.0, 1.0), True, (0.03713907, 0.04642383)),
        ((-2.0, 1.0), True, (-0.03713907, 0.04642383)),
    ],
)
def test_a_quadratic_has_the_closed_form(weights, adaptive, perturbation):
    found = sharpness.measure(Quadratic(*weights), value_itself, POINT, 0.05, adaptive=adaptive)
    (a, b), (c, d) = weights, perturbation
    assert found.loss == pytest.approx(a**2 / 2 + 5 * b**2, rel=1e-12)
    assert found.perturbed_loss == pytest.approx((a + c) ** 2 / 2 + 5 * (b + d) ** 2, rel=1e-7)
    assert found.value == found.perturbed_loss - found.loss
    assert (found.rho, found.adaptive, found.each_batch, found.images) == (0.05, adaptive, False, 1)


def loss_function(model, batches, shapes, kept):
    """Mean loss of flat weights, pruned ones 0."""

    def of(flat):
        parts = (flat * kept).split([shape.numel() for shape in shapes.values()])
        weights = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        losses = [
            nn.functional.cross_entropy(functional_call(model, weights, (images,)), labels, reduction="sum")
            for images, labels in batches
        ]
        return sum(losses).item() / sum(len(labels) for _, labels in batches)

    return of


def rise(function, flat, kept, rho, adaptive):
    """Loss before and after: the gradient by central differences, one coordinate after the other."""
    gradient = torch.zeros_like(flat)
    for index in kept.nonzero().flatten().tolist():
        step = torch.zeros_like(flat)
        step[index] = 1e-6
        gradient[index] = (function(flat + step) - function(flat - step)) / 2e-6
    if adaptive:
        perturbation = rho * flat**2 * gradient / ((flat * gradient) ** 2).sum().sqrt()
    else:
        perturbation = rho * gradient / (gradient**2).sum().sqrt()
    return function(flat), function(flat + perturbation)


@pytest.mark.parametrize(
    ("adaptive", "each_batch", "masked", "statistics"),
    [
        (False, False, False, "batch"),
        (True, False, True, "batch"),
        (False, True, True, "frozen"),
        (True, True, False, "frozen"),
    ],
)
def test_brute_force_agrees(build, batches, mask, untouched, adaptive, each_batch, masked, statistics):
    model, reference = build(), build()
    check = untouched(model)
    options = {"mask": mask if masked else None, "batch_statistics": statistics}
    found = sharpness.measure(model, LOSS, batches, 0.1, adaptive=adaptive, each_batch=each_batch, **options)
    check()

    if masked:
        mask.apply_(reference)
    shapes = {name: value.shape for name, value in reference.named_parameters()}
    flat = torch.cat([value.detach().flatten() for value in reference.parameters()])
    keep = mask.keep if masked else {}
    kept = torch.cat([keep.get(name, torch.ones(shape) > 0).flatten() for name, shape in shapes.items()])
    mode = activations.batch_statistics(reference)
    if statistics == "frozen":
        mode = activations.frozen_statistics(reference, [images for images, _ in batches])
    groups = [[batches[0]], [batches[1]]] if each_batch else [batches]
    with mode, torch.no_grad():
        rises = [rise(loss_function(reference, g, shapes, kept), flat, kept, 0.1, adaptive) for g in groups]
    weights = [5 / 8, 3 / 8] if each_batch else [1.0]
    before, after = (sum(w * r[i] for w, r in zip(weights, rises, strict=True)) for i in (0, 1))
    assert found.loss == pytest.approx(before, rel=1e-12)
    assert found.perturbed_loss == pytest.approx(after, rel=1e-7)
    assert found.value > 1e-3


@pytest.mark.parametrize("adaptive", [False, True])
def test_no_other_small_perturbation_is_worse(build, batches, adaptive):
    """Of the same radius, towards 300 random places: to first order none can be, and the second is too small."""
    model = build(norm=False).eval()
    found = sharpness.measure(model, LOSS, batches, 1e-5, adaptive=adaptive)
    shapes = {name: value.shape for name, value in model.named_parameters()}
    flat = torch.cat([value.detach().flatten() for value in model.parameters()])
    function = loss_function(model, batches, shapes, torch.ones_like(flat))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(300):
            sphere = torch.randn(len(flat), generator=generator, dtype=torch.float64)
            sphere *= 1e-5 / sphere.norm()
            assert function(flat + sphere * (flat if adaptive else 1)) - function(flat) < found.value


def test_rescaling_the_network_moves_sam_but_not_asam(build, batches):
    """Weights before a ReLU doubled and those behind it halved leave the network's function alone."""
    model, scaled = build(norm=False), build(norm=False)
    with torch.no_grad():
        for name, factor in (("0.weight", 2), ("0.bias", 2), ("2.weight", 0.5)):
            scaled.get_parameter(name).mul_(factor)
    sam, asam = (
        [sharpness.measure(m, LOSS, batches, 0.1, adaptive=adaptive).value for m in (model, scaled)]
        for adaptive in (False, True)
    )
    assert asam[1] == pytest.approx(asam[0], rel=1e-12)
    assert abs(sam[1] / sam[0] - 1) > 0.01


@pytest.mark.parametrize("adaptive", [False, True])
def test_one_perturbation_for_all_is_never_sharper_than_one_a_batch(build, batches, adaptive):
    whole, each = (
        sharpness.measure(build(), LOSS, batches, 1e-4, adaptive=adaptive, each_batch=each) for each in (False, True)
    )
    assert each.value > whole.value > 0
    assert each.loss == pytest.approx(whole.loss, rel=1e-12)
    single = sharpness.measure(build(), LOSS, batches[:1], 1e-4, adaptive=adaptive, each_batch=True)
    assert single.value == sharpness.measure(build(), LOSS, batches[:1], 1e-4, adaptive=adaptive).value


def test_pruned_weights_stay_at_zero_while_perturbed(build, batches, mask):
    model = build()
    seen = []

    def watched(outputs, labels):
        parameters = dict(model.named_parameters())
        seen.append({name: parameters[name].detach().clone() for name in mask.keep})
        return LOSS(outputs, labels)

    masked = sharpness.measure(model, watched, batches, 0.1, mask=mask)
    assert len(seen) == 4
    for weights, (name, kept) in itertools.product(seen, mask.keep.items()):
        assert not weights[name][~kept].any()
    assert all((seen[2][name] != seen[1][name])[kept].any() for name, kept in mask.keep.items())
    with pruned(model, mask):
        assert masked.loss == sharpness.measure(model, LOSS, batches, 0.1).loss
        assert masked.value != sharpness.measure(model, LOSS, batches, 0.1).value


def test_frozen_parameters_are_not_perturbed(build, batches):
    model = build()
    model[0].requires_grad_(False)
    some, every = (sharpness.measure(m, LOSS, batches, 0.1) for m in (model, build()))
    assert some.loss == pytest.approx(every.loss, rel=1e-12)
    assert some.value < every.value


@pytest.mark.parametrize("adaptive", [False, True])
def test_without_a_radius_or_a_gradient_nothing_rises(build, batches, adaptive):
    assert sharpness.measure(build(), LOSS, batches, 0, adaptive=adaptive).value == 0
    assert sharpness.measure(Quadratic(0.0, 0.0), value_itself, POINT, 0.1, adaptive=adaptive).value == 0


def test_the_weights_come_back_after_an_exception(build, batches, mask, untouched):
    model = build()
    check = untouched(model)
    calls = []

    def interrupted(outputs, labels):
        calls.append(len(labels))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return LOSS(outputs, labels)

    with pytest.raises(KeyboardInterrupt):
        sharpness.measure(model, interrupted, batches, 0.5, mask=mask, batch_statistics="frozen")
    check()


@pytest.mark.parametrize("rho", [-0.1, float("nan"), float("inf")])
def test_a_radius_that_cannot_be(build, batches, rho):
    with pytest.raises(UsageError, match=f"sharpness: expected a finite radius rho of at least 0, found {rho}"):
        sharpness.measure(build(), LOSS, batches, rho)


def test_requests_that_cannot_be_right_are_refused(build, batches):
    model = build()
    with pytest.raises(UsageError, match="mask of 'x': expected shape"):
        sharpness.measure(model, LOSS, batches, 0.1, mask=Mask({"x": torch.ones(1, dtype=torch.bool)}))
    with pytest.raises(UsageError, match="mean loss: expected at least one batch"):
        sharpness.measure(model, LOSS, [], 0.1)
    with pytest.raises(UsageError, match="unknown batch statistics 'running'"):
        sharpness.measure(model, LOSS, batches, 0.1, batch_statistics="running")
    nn.init.constant_(model[-1].weight, float("nan"))
    with pytest.raises(RflibError, match="sharpness: expected a finite gradient, found NaN or infinity"):
        sharpness.measure(model, LOSS, batches, 0.1)
    model.requires_grad_(False)
    with pytest.raises(UsageError, match="sharpness: expected parameters that require gradients, found none"):
        sharpness.measure(model, LOSS, batches, 0.1)
