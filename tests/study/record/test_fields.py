"""What is recorded of fields and pixels, against the same quantity computed directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rflib import networks, pixel_sensitivity, receptive_field
from rflib.config import EffectiveFieldSettings, PixelSensitivitySettings, Run
from rflib.data import open_data_set
from rflib.data.splits import split_of
from rflib.seeding import stream_seed
from rflib.study.store.places import cache_root, data_root
from rflib.study.study import Study

Open = Callable[..., Study]


@pytest.fixture
def run(study: Study) -> Run:
    """A run that stays untrained, of a network whose outputs vary all the same."""
    run = study.items[1].key.runs[0]
    model = {"architecture": "resnet18", "width": 0.06, "classes": run.config.model.classes}
    return run.replace(config=run.config.replace(model=model))


def images(run: Run, part: Any, count: int) -> Tensor:
    data = open_data_set(run.config.data, data_root=data_root(), cache_root=cache_root())
    split = split_of(data, part, task=run.config.data.task).spread(count)
    return split.normalise(split.images)


def network(run: Run) -> nn.Module:
    return networks.build(run.config.model, seed=stream_seed(run.seed, "weights")).eval()


def with_statistics(model: nn.Module, batch: Tensor) -> nn.Module:
    """Give batch norms the statistics of one batch, layer by layer, as torch's own average does."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(batch)
    return model.eval()


def gradient_mass(model: nn.Module, layer: str, batch: Tensor) -> np.ndarray:
    """Return the magnitude of the gradient of the centre unit by each pixel, image by image."""
    outputs: list[Tensor] = []
    model.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: outputs.append(output * 1))
    mass = np.zeros(batch.shape[2:])
    for image in batch:
        pixels = image[None].clone().requires_grad_()
        outputs.clear()
        model(pixels)
        maps = outputs[0]
        maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2].sum().backward()
        assert pixels.grad is not None
        mass += pixels.grad[0].abs().double().sum(dim=0).numpy()
    return mass


@pytest.mark.parametrize("mirrored", [1, 2])
def test_the_effective_field_of_the_last_convolution_by_hand(recorded: Any, run: Run, mirrored: int) -> None:
    settings = EffectiveFieldSettings(images=3, mirrored=mirrored, layers=4, checkpoint="initial")
    values = recorded(settings, run).values
    side = images(run, "test", 1).shape[-1]
    assert (values["images"], values["image_size"], values["input_size"]) == (3, side, mirrored * side)
    model = with_statistics(network(run), images(run, "train", 256))
    half = (mirrored - 1) * side // 2
    edges = ((0, 0), (0, 0), (half, half), (half, half))
    inputs = torch.from_numpy(np.pad(images(run, "test", 3).numpy(), edges, mode="symmetric"))
    row = values["rows"][-1]
    mass = gradient_mass(model, row["name"], inputs)
    descending = np.sort(mass.ravel())[::-1].cumsum() / mass.sum()
    pixels = int((descending < 0.95).sum()) + 1
    assert row["area_side"] == pytest.approx(np.sqrt(pixels), rel=0.02)
    centres = np.indices(mass.shape)
    spreads = [np.sqrt(np.average((axis - np.average(axis, weights=mass)) ** 2, weights=mass)) for axis in centres]
    assert row["gaussian_width"] == pytest.approx(np.sqrt(np.prod(spreads)), rel=0.01)


def test_layers_are_taken_along_the_depth_to_the_last_one(recorded: Any, run: Run) -> None:
    rows = recorded(EffectiveFieldSettings(images=1, layers=4, checkpoint="initial"), run).values["rows"]
    side = images(run, "test", 1).shape[-1]
    fields = receptive_field.analyse(network(run), (3, side, side))
    assert [row["theoretical_field"] for row in rows] == sorted({row["theoretical_field"] for row in rows})
    assert len(rows) == 4
    assert rows[0]["name"] == fields.convolutions[0].name
    assert rows[-1]["name"] == fields.last_convolution.name
    assert rows[-1]["theoretical_field"] == fields.last_convolution.r_max[0]
    steps = np.diff([row["depth"] for row in rows])
    assert steps.max() - steps.min() <= 1


def test_pixels_are_compared_by_phase(recorded: Any, run: Run) -> None:
    measurement = recorded(PixelSensitivitySettings(images=6, periods=(2, 4), checkpoint="initial"), run)
    found = np.asarray(measurement.arrays["map"])
    for row in measurement.values["rows"]:
        period = row["period"]
        phases = [found[i::period, j::period].mean() for i in range(period) for j in range(period)]
        assert row["imbalance"] == pytest.approx(np.std(phases) / np.mean(phases))
        assert row["ratio"] == pytest.approx(max(phases) / min(phases))
        cells = found.reshape(len(found) // period, period, len(found) // period, period)
        dead = cells < 0.5 * cells.mean(axis=(1, 3), keepdims=True)
        assert row["partially_dead"] == pytest.approx(100 * dead.mean())
    uniform = pixel_sensitivity.uniform(network(run), (3, *found.shape)).values
    assert np.asarray(measurement.arrays["uniform"]) == pytest.approx(uniform)


def test_the_map_is_the_jacobian_of_the_outputs(recorded: Any, run: Run) -> None:
    """Against the exact derivative of each output, within what random signals leave open."""
    found = np.asarray(recorded(PixelSensitivitySettings(images=60, checkpoint="initial"), run).arrays["map"])
    model, squares = network(run), np.zeros(found.shape)
    pixels = images(run, "test", 60).requires_grad_()
    outputs = model(pixels)
    for output in outputs.unbind(dim=1):
        (gradient,) = torch.autograd.grad(output.sum(), pixels, retain_graph=True)
        squares += gradient.double().square().mean(dim=(0, 1)).numpy()
    assert np.corrcoef(found.ravel(), np.sqrt(squares).ravel())[0, 1] > 0.9
    assert found.mean() == pytest.approx(np.sqrt(squares).mean(), rel=0.1)


def test_the_response_to_a_shift_by_one_pixel(recorded: Any, run: Run) -> None:
    values = recorded(PixelSensitivitySettings(images=8, checkpoint="initial"), run).values
    batch, model = images(run, "test", 8), network(run)
    moved = []
    for down, right in ((0, 1), (1, 0), (1, 1)):
        padded = np.pad(batch.numpy(), ((0, 0), (0, 0), (0, 1), (0, 1)), mode="edge")
        moved.append(torch.from_numpy(padded[:, :, down:, right:][:, :, : batch.shape[2], : batch.shape[3]].copy()))
    with torch.no_grad():
        plain, shifted = model(batch).numpy(), [model(each).numpy() for each in moved]
    changed = np.mean([(each.argmax(axis=1) != plain.argmax(axis=1)).mean() for each in shifted])
    assert values["prediction_change"] == pytest.approx(100 * changed)
    change = np.sqrt(np.mean([(each - plain) ** 2 for each in shifted]))
    assert values["output_change"] == pytest.approx(change / np.sqrt(plain.var(axis=0).mean()), rel=1e-3)


def test_padding_leaves_only_pools_uneven(recorded: Any, run: Run) -> None:
    counts = []
    for padding in (False, True):
        model = run.config.model.replace(kernel_padding=padding)
        either = run.replace(config=run.config.replace(model=model))
        values = recorded(PixelSensitivitySettings(images=2, checkpoint="initial"), either).values
        counts.append((values["strided_layers"], values["uneven_layers"]))
    # Stem and pool, and three stages whose first convolution and projection have a stride.
    assert counts == [(8, 8), (8, 1)]


def test_the_task_of_shifts_is_measured_on_displaced_planes(recorded: Any, run: Run) -> None:
    config = run.config
    shifts = {"data": config.data.replace(task="shifts"), "model": config.model.replace(classes=4)}
    shifts["training"] = config.training.replace(horizontal_flip=False)
    shifted = run.replace(config=config.replace(**shifts))
    assert not torch.equal(images(shifted, "test", 4), images(run, "test", 4))
    settings = PixelSensitivitySettings(images=4, checkpoint="initial")
    found = np.asarray(recorded(settings, shifted).arrays["map"])
    expected = pixel_sensitivity.measure(network(shifted), images(shifted, "test", 4), seed=shifted.seed).values
    assert found == pytest.approx(expected, rel=1e-4)
