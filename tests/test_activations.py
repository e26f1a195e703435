"""Recording and freezing: what is recorded is right, and nothing is left behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rflib import activations
from rflib.errors import UsageError


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Conv2d(3, 2, 1)
    )


@pytest.fixture
def images():
    return torch.randn(6, 2, 5, 5, generator=torch.Generator().manual_seed(1)) + 2


def trace(model):
    """Everything that an analysis may disturb."""
    return {
        "state": {name: value.clone() for name, value in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "norm": [(m.momentum, m.track_running_stats) for m in model.modules() if isinstance(m, nn.BatchNorm2d)],
        "rng": torch.get_rng_state(),
    }


def assert_same(before, after):
    for key in ("modes", "hooks", "norm"):
        assert before[key] == after[key], key
    assert torch.equal(before["rng"], after["rng"])
    assert before["state"].keys() == after["state"].keys()
    assert all(torch.equal(value, after["state"][name]) for name, value in before["state"].items())


CONTEXTS = {
    "stream": lambda model, images: activations.stream(model, ["0"], lambda name, output: None),
    "record": lambda model, images: activations.record(model, ["0", "2"]),
    "evaluation_mode": lambda model, images: activations.evaluation_mode(model),
    "batch_statistics": lambda model, images: activations.batch_statistics(model),
    "frozen_statistics": lambda model, images: activations.frozen_statistics(model, images.split(4)),
}


@pytest.mark.parametrize("name", CONTEXTS)
@pytest.mark.parametrize("training", [True, False])
def test_contexts_leave_no_trace(model, images, name, training):
    model.train(training)
    model[1].eval()  # a mixture of modes must come back as a mixture
    before = trace(model)
    with CONTEXTS[name](model, images):
        if name not in ("stream", "record"):
            model(images)
    assert_same(before, trace(model))


@pytest.mark.parametrize("name", CONTEXTS)
def test_contexts_leave_no_trace_after_an_exception(model, images, name):
    before = trace(model)
    with pytest.raises(ZeroDivisionError), CONTEXTS[name](model, images):
        raise ZeroDivisionError
    assert_same(before, trace(model))


def test_a_buffer_changed_inside_a_mode_comes_back(model):
    with activations.evaluation_mode(model):
        model[1].running_mean.fill_(7)
        model[1].running_var = torch.full((3,), 9.0)
    assert torch.equal(model[1].running_mean, torch.zeros(3))
    assert torch.equal(model[1].running_var, torch.ones(3))


def test_recorded_outputs_survive_an_inplace_relu(model, images):
    with activations.evaluation_mode(model), activations.record(model, ["1", "2"]) as outputs:
        model(images)
        expected = model[1](model[0](images))
    norm, relu = outputs["1"][0], outputs["2"][0]
    assert (norm < 0).any()
    torch.testing.assert_close(norm, expected)
    assert torch.equal(relu, norm.relu())
    assert not norm.requires_grad


def test_record_keeps_one_output_for_each_run(model, images):
    with activations.evaluation_mode(model), activations.record(model, ["4"]) as outputs:
        whole = model(images)
        for part in images.split(4):
            model(part)
    assert [len(output) for output in outputs["4"]] == [6, 4, 2]
    torch.testing.assert_close(torch.cat(outputs["4"][1:]), whole)


def test_stream_hands_over_the_live_output_before_it_is_overwritten(model, images):
    sums = {}
    with (
        activations.evaluation_mode(model),
        activations.stream(model, ["1"], lambda name, output: sums.update({name: output.sum()})),
    ):
        model(images)
        torch.testing.assert_close(sums["1"], model[1](model[0](images)).sum())
    assert sums["1"].requires_grad


def test_a_failing_consumer_leaves_no_hook(model, images):
    before = trace(model.eval())
    with pytest.raises(KeyError), activations.stream(model, ["0", "1"], lambda name, output: {}[name]):
        model(images)
    assert_same(before, trace(model))


def test_unknown_names_are_refused_without_leaving_hooks(model):
    before = trace(model)
    with (
        pytest.raises(UsageError, match=r"unknown module '9'.*0, 1, 2, 3, 4"),
        activations.record(model, ["0", "9"]),
    ):
        pass
    assert_same(before, trace(model))


def test_outputs_that_are_no_tensor_are_refused(images):
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    model = nn.Sequential(Pair())
    with (
        pytest.raises(UsageError, match=r"module '0': expected one tensor.*found tuple"),
        activations.record(model, ["0"]),
    ):
        model(images)


def normalised(x):
    """Batch normalisation written out."""
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-5).sqrt()


def test_batch_statistics_normalise_with_the_batch_and_drop_nothing(model, images):
    with activations.batch_statistics(model):
        output = model(images)
        again = model(images)
    assert torch.equal(output, again)
    torch.testing.assert_close(output, model[4](normalised(model[0](images)).relu()))


def test_frozen_statistics_are_the_mean_weighted_by_images(model, images):
    batches = images.split(4)
    with activations.frozen_statistics(model, batches):
        mean, variance = model[1].running_mean.clone(), model[1].running_var.clone()
        outputs = [model[0](batch).detach() for batch in batches]
        assert not model[1].training
    weights = torch.tensor([4 / 6, 2 / 6])
    torch.testing.assert_close(mean, sum(w * o.mean((0, 2, 3)) for w, o in zip(weights, outputs, strict=True)))
    torch.testing.assert_close(variance, sum(w * o.var((0, 2, 3)) for w, o in zip(weights, outputs, strict=True)))


def test_frozen_statistics_of_equal_batches_are_the_cumulative_average_of_torch(model, images):
    with activations.frozen_statistics(model, images.split(2)):
        mean, variance = model[1].running_mean.clone(), model[1].running_var.clone()
    model[1].momentum = None
    with torch.no_grad():
        for batch in images.split(2):
            model[:2](batch)
    torch.testing.assert_close(mean, model[1].running_mean)
    torch.testing.assert_close(variance, model[1].running_var)


def test_frozen_statistics_say_what_they_need(model, images):
    with (
        pytest.raises(UsageError, match="expected at least one batch"),
        activations.frozen_statistics(model, []),
    ):
        pass
    model[1] = nn.BatchNorm2d(3, track_running_stats=False)
    refused = pytest.raises(UsageError, match=r"batch norm '1'.*track_running_stats=False")
    with refused, activations.frozen_statistics(model, [images]):
        pass
