"""Steps of every optimiser on networks: statistics of batch norm, masks, clipping, probes and what a step costs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rflib.config import OptimiserConfig, TrainingConfig
from rflib.data.splits import Split
from rflib.optimisers import build_optimiser
from rflib.pruning import Mask, magnitude_mask
from rflib.training.steps import Steps, rademacher

Make = Callable[..., nn.Module]
Images = Callable[..., Split]
Schedule = Callable[..., TrainingConfig]
Begin = Callable[..., tuple[Steps, Callable[[], tuple[Tensor, Tensor]]]]

NAMES = get_args(OptimiserConfig.model_fields["name"].annotation)


@pytest.fixture
def begin(tiny_split: Images, schedule: Schedule) -> Begin:
    """Return the steps of an optimiser on a network, and the loss of one batch."""

    def make(model: nn.Module, name: str, *, mask: Mask | None = None, **settings: Any) -> Any:
        options = settings.pop("options", {})
        config = schedule(optimiser={"name": name, **options}, **settings)
        optimiser = build_optimiser(config.optimiser, model.parameters(), learning_rate=0.01)
        split = tiny_split(8)
        images = split.images / 255 - 0.5

        def evaluate() -> tuple[Tensor, Tensor]:
            logits = model(images)
            return F.cross_entropy(logits, split.labels), logits

        return Steps(model.train(), optimiser, config, seed=0, mask=mask), evaluate

    return make


@pytest.mark.parametrize("name", NAMES)
def test_a_step_moves_the_running_statistics_once(tiny_model: Make, begin: Begin, name: str) -> None:
    """They are those of one forward pass at the weights before the step, the count of batches included."""
    model = tiny_model("rf_resnet26")
    once = copy.deepcopy(model)
    begin(once, name)[1]()
    steps, evaluate = begin(model, name)
    steps.take(evaluate)
    assert all(torch.equal(buffer, once.get_buffer(path)) for path, buffer in model.named_buffers())
    assert all(module.track_running_stats for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def test_batch_norm_keeps_its_statistics_again_after_a_second_pass_that_fails(tiny_model: Make, begin: Begin) -> None:
    model = tiny_model("rf_resnet26")
    steps, evaluate = begin(model, "sam")
    answers = iter([evaluate()])
    with pytest.raises(StopIteration):
        steps.take(lambda: next(answers))
    assert all(module.track_running_stats for module in model.modules() if isinstance(module, nn.BatchNorm2d))


@pytest.mark.parametrize("name", NAMES)
def test_pruned_weights_are_zero_in_every_pass_and_kept_ones_move(tiny_model: Make, begin: Begin, name: str) -> None:
    model = tiny_model("rf_resnet26")
    mask = magnitude_mask(model, 0.8, scope="layerwise")
    mask.apply_(model)
    before = copy.deepcopy(model)
    steps, evaluate = begin(model, name, mask=mask)
    passes = []

    def watched() -> tuple[Tensor, Tensor]:
        passes.append({path: model.get_parameter(path).detach().clone() for path in mask.keep})
        return evaluate()

    for _ in range(3):
        steps.take(watched)
    assert len(passes) == (6 if name in ("sam", "asam") else 3)
    if name in ("sam", "asam"):
        assert any(not torch.equal(passes[0][path], passes[1][path]) for path in mask.keep)
    passes.append({path: model.get_parameter(path).detach() for path in mask.keep})
    for path, kept in mask.keep.items():
        assert all((weights[path][~kept] == 0).all() for weights in passes)
        assert (passes[-1][path] != before.get_parameter(path))[kept].float().mean() > 0.9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", ["norm", "value"])
def test_the_gradient_that_moves_the_weights_is_clipped(tiny_model: Make, begin: Begin, name: str, by: str) -> None:
    model = tiny_model("rf_resnet26")
    steps, evaluate = begin(model, name, gradient_clip=0.01, gradient_clip_by=by)
    steps.take(evaluate)
    flat = torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])
    assert float(flat.norm() if by == "norm" else flat.abs().max()) == pytest.approx(0.01, rel=1e-4)


# AdaHessian's probes.


def test_probes_have_both_signs_equally_often(tiny_model: Make) -> None:
    probes = torch.cat([p.flatten() for p in rademacher(tiny_model(), None, torch.Generator().manual_seed(0))])
    assert set(probes.tolist()) == {-1.0, 1.0}
    assert abs(float(probes.mean())) < 5 / len(probes) ** 0.5


def test_every_step_has_probes_of_its_own(tiny_model: Make, begin: Begin) -> None:
    """Hessians of equal weights under different probes: the seed and the number of the step decide alone."""

    def estimates(count: int) -> list[Tensor]:
        model = tiny_model("rf_resnet26")
        steps, evaluate = begin(model, "adahessian")
        found = []
        for _ in range(count):
            torch.rand(3)  # moves torch's own generator, on which nothing may depend
            for group in steps.optimiser.param_groups:
                group["lr"] = 0.0
            steps.take(evaluate)
            found.append(steps.optimiser.state[model.get_parameter("fc.weight")]["hessian"])
        return found

    first, again = estimates(2), estimates(2)
    assert [torch.equal(one, other) for one, other in zip(first, again, strict=True)] == [True, True]
    assert not torch.equal(*first)


def test_pruned_weights_have_no_part_in_the_estimate() -> None:
    """Between the kept coordinates 1 and 3 there is no curvature, so that one probe finds theirs exactly."""
    model = nn.Module()
    model.weight = nn.Parameter(torch.tensor([1.0, 0.0, 1.0]))
    curvature = torch.tensor([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 4.0]])
    config = TrainingConfig(optimiser=OptimiserConfig(name="adahessian"))
    optimiser = build_optimiser(config.optimiser, model.parameters(), learning_rate=0.1)
    mask = Mask({"weight": torch.tensor([True, False, True])})
    Steps(model, optimiser, config, seed=1, mask=mask).take(
        lambda: (0.5 * model.weight @ curvature @ model.weight, model.weight)
    )
    assert optimiser.state[model.weight]["hessian"].tolist() == [2.0, 0.0, 4.0]


@pytest.mark.parametrize("masked", [False, True])
def test_spatial_averaging_takes_the_mean_magnitude_of_the_kept_weights_of_a_kernel(
    tiny_model: Make, begin: Begin, masked: bool
) -> None:
    found = {}
    for averaging in (False, True):
        model = tiny_model("rf_resnet26")
        mask = magnitude_mask(model, 0.5) if masked else None
        steps, evaluate = begin(model, "adahessian", mask=mask, options={"spatial_averaging": averaging})
        steps.take(evaluate)
        found[averaging] = {path: steps.optimiser.state[p]["hessian"] for path, p in model.named_parameters()}
    path = "layer1.0.conv2.weight"
    kept = mask.keep[path] if mask is not None else torch.ones_like(found[True][path], dtype=torch.bool)
    kernels = (tensor.flatten(0, 1) for tensor in (found[False][path], found[True][path], kept))
    for plain, averaged, keep in zip(*kernels, strict=True):
        assert (averaged[~keep] == 0).all()
        if keep.any():
            torch.testing.assert_close(averaged[keep], plain[keep].abs().mean().expand(int(keep.sum())))
    assert torch.equal(found[False]["fc.weight"], found[True]["fc.weight"])


# Cost.


@pytest.mark.parametrize("name", ["sgd", "sam", "adahessian"])
def test_gradient_evaluations_are_those_of_counted_operations(begin: Begin, name: str) -> None:
    """The first layer has no gradient with respect to its input, which makes whole multiples approximate."""
    layers = [layer for _ in range(3) for layer in (nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())]
    model = nn.Sequential(nn.Conv2d(3, 64, 4, stride=4), nn.ReLU(), *layers, nn.Flatten(), nn.Linear(1024, 4))
    steps, evaluate = begin(model, name)
    with FlopCounterMode(display=False) as gradient:
        evaluate()[0].backward()
    with FlopCounterMode(display=False) as step:
        steps.take(evaluate)
    expected = steps.config.optimiser.gradient_evaluations
    assert step.get_total_flops() / gradient.get_total_flops() == pytest.approx(expected, rel=0.05)
