"""What is values_of of noise before pruning and of redundancy in depth, against the same quantity computed directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rflib import dead_taps, networks, receptive_field
from rflib.config import (
    DeepPruningSettings,
    FeatureVarianceSettings,
    MaskRecipe,
    NoiseRecipe,
    NoiseSettings,
    RedundancySettings,
    Run,
)
from rflib.data import open_data_set
from rflib.data.splits import Split, split_of
from rflib.errors import UsageError
from rflib.paper.plans.thesis import NoisePlan
from rflib.pruning import magnitude_mask, prunable_weights
from rflib.seeding import stream_seed
from rflib.study import training
from rflib.study.record import noise as record
from rflib.study.store.places import cache_root, data_root
from rflib.study.study import Study
from rflib.study.subject import open_subject

Open = Callable[..., Study]


def split(run: Run, part: Any) -> Split:
    return split_of(open_data_set(run.config.data, data_root=data_root(), cache_root=cache_root()), part)


def network(study: Study, run: Run) -> nn.Module:
    """Return the trained network, its weights read from the store."""
    model = networks.build(run.config.model, seed=stream_seed(run.seed, "weights"))
    weights = study.store.load_weights(run, "last")
    model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    return model.eval()


def noisy_weights(model: nn.Module, seed: int, draw: int, scale: float) -> dict[str, torch.Tensor]:
    """Return weights with multiplicative noise, drawn here in the order of the parameters."""
    generator = torch.Generator().manual_seed(stream_seed(seed, "pruning noise", draw))
    return {
        name: weight * (1 + scale * torch.randn(weight.shape, generator=generator))
        for name, weight in prunable_weights(model).items()
    }


def prune(weights: dict[str, torch.Tensor], rate: float) -> dict[str, torch.Tensor]:
    """Return weights without the smallest ones of all layers together."""
    sizes = torch.cat([weight.abs().flatten() for weight in weights.values()])
    smallest = sizes.sort().values[round(rate * len(sizes)) - 1]
    return {name: weight * (weight.abs() > smallest) for name, weight in weights.items()}


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        return 100 * float((model(images).argmax(dim=1) == labels).double().mean())


def test_copies_are_selected_on_even_images_and_scored_on_odd_ones(study: Study, values_of: Any, run: Run) -> None:
    settings = NoiseSettings(kinds=("multiplicative",), scales=(0.5,), rates=(0.9,), orders=("before",), draws=3)
    values = values_of(settings, run)
    (row,) = values["rows"]
    test, model = split(run, "test"), network(study, run)
    pixels = test.normalise(test.images)
    scores = []
    for draw in range(3):
        model.load_state_dict(prune(noisy_weights(network(study, run), run.seed, draw, 0.5), 0.9), strict=False)
        scores.append([accuracy(model, pixels[half::2], test.labels[half::2]) for half in (0, 1)])
    model.load_state_dict(prune(prunable_weights(network(study, run)), 0.9), strict=False)
    plain = [accuracy(model, pixels[half::2], test.labels[half::2]) for half in (0, 1)]
    selection = [score[0] for score in scores]
    best = int(np.argmax(selection))
    assert (values["selection_images"], values["test_images"]) == (len(test) / 2, len(test) / 2)
    assert row["mean"] == pytest.approx(np.mean(selection))
    assert row["deviation"] == pytest.approx(np.std(selection))
    assert (row["selected"], row["tested"]) == (selection[best], scores[best][1])
    assert (row["pruned_selection"], row["pruned_tested"]) == tuple(plain)
    assert row["benefit"] == pytest.approx(scores[best][1] - plain[1])
    assert row["mean_benefit"] == pytest.approx(np.mean(selection) - plain[0])


def test_every_recipe_has_a_row_and_says_how_it_was_pruned(values_of: Any, run: Run) -> None:
    settings = NoiseSettings(scales=(0.1, 0.2), rates=(0.5, 0.9), draws=1, scope="live", calibration_images=8)
    values = values_of(settings, run)
    assert len(values["rows"]) == 2 * 2 * 2 * 2
    assert (values["scope"], values["calibrated"], values["draws"]) == ("live", True, 1)


def test_a_single_test_image_cannot_select_and_score(study: Study, run: Run) -> None:
    subject = open_subject(run, study.store)
    with pytest.raises(UsageError, match="expected at least 2 test images, one to select on and one to score, found 1"):
        record._halves(subject.test_split.first(1), NoiseSettings())


def test_the_discrepancy_of_a_pruned_network_by_hand(study: Study, values_of: Any, run: Run) -> None:
    settings = FeatureVarianceSettings(scales=(0.3,), rates=(0.8,), draws=2, images=16, calibration_images=16)
    rows = values_of(settings, run)["rows"]
    cases = [(row["order"], row["calibrated"]) for row in rows]
    assert cases == [(order, calibrated) for order in ("none", "before", "after") for calibrated in (False, True)]
    part = split(run, "train").spread(16)
    pixels = part.normalise(part.images)
    dense = layer_variances(network(study, run), pixels)
    model = network(study, run)
    plain = prune(prunable_weights(model), 0.8)
    model.load_state_dict(plain, strict=False)
    assert rows[0]["discrepancy"] == pytest.approx(distance(layer_variances(model, pixels), dense), rel=1e-3)
    again = [layer_variances(with_statistics(each, pixels), pixels) for each in (model, network(study, run))]
    assert rows[1]["discrepancy"] == pytest.approx(distance(*again), rel=1e-3)
    found = []
    for draw in range(2):
        model = network(study, run)
        noisy = noisy_weights(network(study, run), run.seed, draw, 0.3)
        model.load_state_dict({name: noisy[name] * (plain[name] != 0) for name in noisy}, strict=False)
        found.append(distance(layer_variances(model, pixels), dense))
    assert rows[4]["discrepancy"] == pytest.approx(np.mean(found), rel=1e-3)


def with_statistics(model: nn.Module, pixels: torch.Tensor) -> nn.Module:
    """Give batch norms the statistics of one batch, as torch's own average does."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        model.train()(pixels)
    return model.eval()


def layer_variances(model: nn.Module, pixels: torch.Tensor) -> list[float]:
    found: list[float] = []
    hooks = [
        module.register_forward_hook(
            lambda _module, _inputs, output: found.append(
                output.double().var(dim=(0, 2, 3), correction=0).mean().item()
            )
        )
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        model.eval()(pixels)
    for hook in hooks:
        hook.remove()
    return found


def distance(ours: list[float], theirs: list[float]) -> float:
    """Return the mean |ln| of the ratios, each bounded as a layer that falls silent is."""
    return float(np.mean(np.abs(np.log((np.array(ours) / np.array(theirs)).clip(1e-12, 1e12)))))


def test_noise_to_be_fine_tuned_is_that_of_the_copies(study: Study, values_of: Any, run: Run) -> None:
    values_of(NoiseSettings(scales=(0.1,), rates=(0.9,), draws=1), run)
    recipe = MaskRecipe(rate=0.9, noise=NoiseRecipe(scale=0.5, draw=2))
    config = run.config.model_copy(update={"parent": run.config, "mask": recipe})
    noisy = run.replace(config=config.model_dump())
    plain = run.replace(config=config.model_copy(update={"mask": MaskRecipe(rate=0.9)}).model_dump())
    assert "noise" not in plain.model_dump()["config"]["mask"], "runs without noise keep their identity"
    assert noisy.id != plain.id
    subject = open_subject(noisy, study.store)
    started = training._starting_network(subject)
    expected = noisy_weights(network(study, run), run.seed, 2, 0.5)
    weights = prunable_weights(started)
    assert all(torch.allclose(weights[name], expected[name]) for name in expected)
    mask = training._mask(subject)
    assert mask is not None
    kept = prune(expected, 0.9)
    assert all(torch.equal(mask.keep[name], kept[name] != 0) for name in kept)


def test_the_default_noise_to_be_fine_tuned_is_swept_too() -> None:
    plan = NoisePlan()
    assert all(recipe.kind in plan.noise.kinds and recipe.scale in plan.noise.scales for recipe in plan.fine_tuned)


def test_layers_dense_and_pruned(study: Study, values_of: Any, run: Run) -> None:
    values = values_of(RedundancySettings(rates=(0.9,), images=16), run)
    dense, pruned = ([row for row in values["rows"] if row["rate"] == rate] for rate in (0, 0.9))
    assert [row["deep"] for row in dense] == [False] * 11 + [True] * 5, "five of sixteen convolutions"
    fields = receptive_field.analyse(network(study, run), (3, 16, 16))
    assert [row["name"] for row in dense if row["tail"]] == fields.tail(16)
    model = network(study, run)
    for rows in (dense, pruned):
        row, weight = rows[-1], model.get_submodule(rows[-1]["name"]).weight.detach().flatten(1).double()  # type: ignore[union-attr]
        nonzero = weight[weight.norm(dim=1) > 0]
        assert row["zero_filters"] == pytest.approx(100 * (1 - len(nonzero) / len(weight)))
        cosines = np.abs(np.corrcoef(nonzero.numpy())) if len(nonzero) > 1 else None
        assert (row["similarity"] is None) == (cosines is None)
        shares = np.linalg.svd(weight.numpy(), compute_uv=False)
        shares = shares[shares > 0] / max(shares.sum(), 1e-300)
        rank = np.exp(-(shares * np.log(shares)).sum()) if len(shares) else 0
        assert row["relative_rank"] == pytest.approx(100 * rank / min(weight.shape), rel=1e-6)
        model.load_state_dict(prune(prunable_weights(model), 0.9), strict=False)


def test_only_the_deep_layers_are_pruned(study: Study, values_of: Any, run: Run) -> None:
    values = values_of(DeepPruningSettings(rates=(0.5, 0.9), scopes=("global", "live")), run)
    parts = {row["part"] for row in values["rows"]}
    model = network(study, run)
    fields = receptive_field.analyse(model, (3, 16, 16))
    assert parts == ({"deep", "tail"} if fields.tail(16) else {"deep"})
    names = [layer.name for layer in fields.convolutions][-5:]
    live = dead_taps.share(model, (3, 16, 16)).live_masks(model)
    weights = sum(live[f"{name}.weight"].numel() for name in names)
    dead = sum(int((~live[f"{name}.weight"]).sum()) for name in names)
    row = next(r for r in values["rows"] if (r["part"], r["scope"], r["rate"]) == ("deep", "global", 0.9))
    assert (row["layers"], row["dead_share"]) == (5, pytest.approx(100 * dead / weights))
    assert row["weight_share"] == pytest.approx(
        100 * weights / sum(w.numel() for w in prunable_weights(model).values())
    )
    deep = {name: weight for name, weight in prunable_weights(model).items() if name.removesuffix(".weight") in names}
    model.load_state_dict(prune(deep, 0.9), strict=False)
    test = split(run, "test")
    assert row["accuracy"] == accuracy(model, test.normalise(test.images), test.labels)
    mask = magnitude_mask(network(study, run), 0.9, layers=names)
    assert mask.pruned == round(0.9 * weights)
