"""What each analysis records, against the same quantity computed directly from the stored weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib import cka, hessian
from rflib.config import (
    ArchitectureSettings,
    DeepPruningSettings,
    HistorySettings,
    ModelConfig,
    OneShotSettings,
    RescaledTapsSettings,
    Run,
    SimilaritySettings,
    SpectrumSettings,
    TravelSettings,
)
from rflib.data import open_data_set
from rflib.data.splits import Split, draw_augmentation, order
from rflib.models import build
from rflib.pruning import magnitude_mask
from rflib.seeding import stream_seed
from rflib.study.store import Measurement, Store
from rflib.study.store.places import cache_root
from rflib.study.study import Study

Open = Callable[..., Study]
Measure = Callable[..., Measurement]

# rf_vgg19 at k = 2 on 16 pixels and width 0.03: maps of 8, 4, 2 and, from the fourth stage on, a single pixel.
CHANNELS = [2, 2, 4, 4, 8, 8, 8, 8, 15, 15, 15, 15, 15, 15, 15, 15]
ON_ONE_PIXEL = 8
PRUNABLE = 9 * sum(a * b for a, b in itertools.pairwise(CHANNELS))
DEAD = 8 * sum(a * b for a, b in zip(CHANNELS[ON_ONE_PIXEL - 1 :], CHANNELS[ON_ONE_PIXEL:], strict=False))


@pytest.fixture
def study(open_tiny: Open) -> Study:
    return open_tiny(epochs=2)


def stored_network(store: Store, run: Run, checkpoint: str = "last") -> nn.Module:
    model = build(run.config.model, seed=stream_seed(run.seed, "weights"))
    if checkpoint != "initial":
        arrays = store.load_weights(run, checkpoint)
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


def images_of(run: Run, part: str) -> tuple[Tensor, Tensor]:
    data = open_data_set(run.config.data, cache_root=cache_root())
    pixels = torch.tensor(getattr(data, f"{part}_images")).float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (data.mean, data.std))
    return (pixels - mean) / std, torch.tensor(getattr(data, f"{part}_labels"))


def accuracy_of(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return 100 * float((model(images).argmax(1) == labels).double().mean())


def outer_taps(weights: list[Tensor]) -> Tensor:
    """Mark, over all prunable weights in a row, the taps around the middle in the layers that see one pixel."""
    outer = torch.ones(3, 3, dtype=torch.bool)
    outer[1, 1] = False
    none = torch.zeros(3, 3, dtype=torch.bool)
    parts = [(outer if index >= ON_ONE_PIXEL else none).expand(w.shape) for index, w in enumerate(weights, start=1)]
    return torch.cat([part.flatten() for part in parts])


def augmented(run: Run, count: int) -> Tensor:
    """Return training images as calibration sees them: of all classes, cropped as in training, all in one batch."""
    images, _ = spread_of(run, "train", count)
    data = open_data_set(run.config.data, cache_root=cache_root())
    black = -torch.tensor(data.mean) / torch.tensor(data.std)
    seed = stream_seed(run.seed, "calibration")
    top, left, _ = draw_augmentation(count, seed=seed, epoch=0, crop_padding=1, horizontal_flip=False)
    padded = black.view(3, 1, 1).repeat(count, 1, 18, 18)
    padded[:, :, 1:-1, 1:-1] = images[order(count, seed=seed, epoch=0)]
    return torch.stack([p[:, y : y + 16, x : x + 16] for p, y, x in zip(padded, top, left, strict=True)])


def take_statistics(model: nn.Module, images: Tensor) -> None:
    """Let batch norm take the statistics of one batch as its running ones."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(images)
    model.eval()


def test_one_shot_rows_are_those_of_a_direct_computation(recorded: Measure, study: Study, run: Run) -> None:
    found = recorded(OneShotSettings(rates=(0.5, 0.9)), run)
    images, labels = images_of(run, "test")
    model = stored_network(study.store, run)
    assert found.values["dense_accuracy"] == pytest.approx(accuracy_of(model, images, labels))
    with torch.no_grad():
        assert found.values["dense_loss"] == pytest.approx(float(F.cross_entropy(model(images), labels)), rel=1e-4)
    assert (found.values["images"], len(found.values["rows"])) == (16, 6)

    weights = [p for p in model.parameters() if p.dim() == 4][1:]
    flat = torch.cat([weight.detach().flatten() for weight in weights])
    for row in found.values["rows"]:
        if row["scope"] == "global":
            threshold = flat.abs().sort().values[round(row["rate"] * PRUNABLE)]
            cut = stored_network(study.store, run)
            with torch.no_grad():
                for weight in [p for p in cut.parameters() if p.dim() == 4][1:]:
                    weight[weight.abs() < threshold] = 0
            assert row["pruned_accuracy"] == pytest.approx(accuracy_of(cut, images, labels))


def test_new_statistics_are_those_of_the_pruned_network(recorded: Measure, study: Study, run: Run) -> None:
    """All calibration images fit one batch, so they are the statistics that one pass in training mode takes.

    The images are shifted by up to a pixel, as in the training of this profile.
    """
    asked = {"rates": (0.3, 0.6, 0.9), "scopes": ("global", "live")}
    found = recorded(OneShotSettings(**asked, calibration_images=32), run)
    plain = recorded(OneShotSettings(**asked), run)
    seen, (images, labels) = augmented(run, 32), images_of(run, "test")
    assert float(seen.sum()) != pytest.approx(float(spread_of(run, "train", 32)[0].sum())), "they are cropped"
    model = stored_network(study.store, run)
    take_statistics(model, seen)
    assert found.values["dense_calibrated_accuracy"] == pytest.approx(accuracy_of(model, images, labels))
    assert found.values["dense_accuracy"] == plain.values["dense_accuracy"]
    changed = []
    for row, before in zip(found.values["rows"], plain.values["rows"], strict=True):
        assert {name: row[name] for name in before} == before
        if row["scope"] == "global":
            cut = stored_network(study.store, run)
            magnitude_mask(cut, row["rate"]).apply_(cut)
            take_statistics(cut, seen)
            assert row["calibrated_accuracy"] == pytest.approx(accuracy_of(cut, images, labels))
            changed.append(row["calibrated_accuracy"] != row["pruned_accuracy"])
    assert any(changed)


def test_new_statistics_of_deep_layers_that_are_pruned(recorded: Measure, study: Study, run: Run) -> None:
    settings = DeepPruningSettings(rates=(0.9,), scopes=("global",), calibration_images=32)
    row, *_ = recorded(settings, run).values["rows"]
    cut = stored_network(study.store, run)
    deep = [name for name, module in cut.named_modules() if isinstance(module, nn.Conv2d)][-5:]
    magnitude_mask(cut, 0.9, layers=deep).apply_(cut)
    take_statistics(cut, augmented(run, 32))
    assert (row["part"], row["layers"]) == ("deep", 5)
    assert row["calibrated_accuracy"] == pytest.approx(accuracy_of(cut, *images_of(run, "test")))


def test_dead_taps_of_any_size_change_nothing_before_pruning(recorded: Measure, study: Study, run: Run) -> None:
    """By hand: the outer taps of the layers that see one pixel, ten times as large, then the smallest half pruned."""
    found = recorded(RescaledTapsSettings(factors=(1.0, 10.0), rates=(0.5,)), run)
    plain, scaled = found.values["rows"]
    assert (plain["factor"], scaled["factor"]) == (1.0, 10.0)
    assert plain["largest_change"] == 0
    assert scaled["largest_change"] < 1e-5
    assert plain["accuracy"] == scaled["accuracy"]
    assert found.values["dead_share"] == pytest.approx(100 * DEAD / PRUNABLE)
    model = stored_network(study.store, run)
    weights = [p for p in model.parameters() if p.dim() == 4][1:]
    with torch.no_grad():
        for weight in weights[ON_ONE_PIXEL - 1 :]:
            middle = weight[:, :, 1, 1].clone()
            weight *= 10
            weight[:, :, 1, 1] = middle
        flat = torch.cat([weight.flatten() for weight in weights]).abs()
        threshold = flat.sort().values[round(0.5 * PRUNABLE)]
        dead = outer_taps(weights)
        taken = float((flat[~dead] < threshold).float().mean())
        for weight in weights:
            weight[weight.abs() < threshold] = 0
    assert scaled["pruned_accuracy"] == pytest.approx(accuracy_of(model, *images_of(run, "test")))
    assert scaled["live_share_pruned"] == pytest.approx(100 * taken)
    assert plain["live_share_pruned"] < scaled["live_share_pruned"]


def test_dead_weights_are_counted_by_hand(recorded: Measure, study: Study, run: Run) -> None:
    rows = recorded(OneShotSettings(rates=(0.0, 0.5, 0.9)), run).values["rows"]
    assert {(row["prunable"], row["dead"]) for row in rows} == {(PRUNABLE, DEAD)}
    model = stored_network(study.store, run)
    weights = [p.detach() for p in model.parameters() if p.dim() == 4][1:]
    dead = outer_taps(weights)
    flat = torch.cat([weight.flatten() for weight in weights]).abs()
    for row in rows:
        count = round(row["rate"] * (PRUNABLE - DEAD if row["scope"] == "live" else PRUNABLE))
        if row["scope"] == "global":
            expected = int(dead[flat.argsort()[:count]].sum())
            assert (row["pruned"], row["pruned_dead"]) == (count, expected)
        elif row["scope"] == "live":
            assert (row["pruned"], row["pruned_dead"]) == (count, 0)


def test_the_best_epochs_weights_are_another_checkpoint(recorded: Measure, study: Study, run: Run) -> None:
    recorded(HistorySettings(), run)
    images, labels = images_of(run, "test")
    for checkpoint in ("last", "best"):
        found = recorded(OneShotSettings(rates=(0.5,), checkpoint=checkpoint), run)
        model = stored_network(study.store, run, checkpoint)
        assert found.values["dense_accuracy"] == pytest.approx(accuracy_of(model, images, labels))


def test_the_history_is_that_of_the_training(recorded: Measure, study: Study, run: Run) -> None:
    found = recorded(HistorySettings(), run)
    assert [row["epoch"] for row in found.values["rows"]] == [1, 2]
    accuracies = [row["test_accuracy"] for row in found.values["rows"]]
    assert found.values["best_epoch"] == 1 + accuracies.index(max(accuracies))
    images, labels = images_of(run, "test")
    assert accuracies[-1] == pytest.approx(accuracy_of(stored_network(study.store, run), images, labels))


def spread_of(run: Run, part: str, count: int) -> tuple[Tensor, Tensor]:
    """Return `count` images of a part with their labels, as a split spreads them."""
    images, labels = images_of(run, part)
    places = Split(torch.arange(len(labels)), labels, torch.zeros(3), torch.ones(3)).spread(count).images
    return images[places], labels[places]


@pytest.mark.parametrize("checkpoint", ["initial", "last"])
def test_the_spectrum_is_that_of_training_images_of_all_classes(
    recorded: Measure, study: Study, run: Run, checkpoint: str
) -> None:
    settings = SpectrumSettings(eigenvalues=2, images=24, batch_size=12, tolerance=1e-3, checkpoint=checkpoint)
    found = recorded(settings, run)
    assert study.store.has_weights(run) == (checkpoint == "last"), "an untrained network needs no training"
    images, labels = spread_of(run, "train", 24)
    assert len(labels.unique()) == run.config.model.classes
    batches = list(zip(images.split(12), labels.split(12), strict=True))
    expected = hessian.top_eigenvalues(
        stored_network(study.store, run, checkpoint), F.cross_entropy, batches, k=2, tolerance=1e-3, seed=5
    )
    rows = found.values["rows"]
    assert [row["rank"] for row in rows] == [1, 2]
    # Another start vector, so they agree to the tolerance and not to the last digit.
    assert [row["eigenvalue"] for row in rows] == pytest.approx(list(expected.values), rel=5e-3)
    assert all(0 <= row["residual"] <= 1e-3 * rows[0]["eigenvalue"] for row in rows)
    assert (found.values["images"], found.values["converged"]) == (24, True)
    assert found.values["products"] >= 2


@pytest.mark.parametrize("checkpoint", ["initial", "last"])
def test_similarity_compares_the_same_images_in_two_runs(
    recorded: Measure, study: Study, run: Run, checkpoint: str
) -> None:
    other = run.replace(seed=1)
    found = recorded(SimilaritySettings(images=12, checkpoint=checkpoint), run, other)
    assert study.store.has_weights(other) == (checkpoint == "last"), "untrained networks need no training"
    assert found.values["images"] == 12
    assert [row["layer"] for row in found.values["rows"]] == list(range(1, 17))
    name = found.values["layers"][3]
    assert name == found.values["rows"][3]["name"]
    outputs: list[Tensor] = []
    for subject in (run, other):
        model = stored_network(study.store, subject, checkpoint)
        if checkpoint == "initial":
            take_statistics(model, spread_of(run, "train", 12)[0])
        model.get_submodule(name).register_forward_hook(lambda _m, _i, output: outputs.append(output.detach()))
        model(spread_of(run, "test", 12)[0])
    for estimator in ("debiased", "biased"):
        expected = cka.linear_cka(outputs[0].flatten(1), outputs[1].flatten(1), estimator)
        assert found.arrays[estimator].shape == (16, 16)
        assert found.arrays[estimator][3, 3] == pytest.approx(expected, abs=1e-4)
        diagonal = [row[estimator] for row in found.values["rows"]]
        assert diagonal == pytest.approx(list(np.diag(found.arrays[estimator])))


def test_a_run_beside_itself_compares_its_own_layers(recorded: Measure, run: Run) -> None:
    found = recorded(SimilaritySettings(images=12), run, run).arrays["biased"]
    assert found == pytest.approx(found.T, abs=1e-6)
    defined = np.diag(found)[np.isfinite(np.diag(found))]
    assert defined == pytest.approx(np.ones(len(defined)), abs=1e-6)
    assert found[0, -1] < 0.99


def test_a_layer_that_says_nothing_has_no_similarity(recorded: Measure, study: Study, run: Run) -> None:
    """A convolution whose weights are zero: the same output for every image, for which CKA is not defined."""
    for subject in (run, run.replace(seed=1)):
        tensors = stored_network(study.store, subject, "initial").state_dict()
        tensors["features.4.weight"].zero_()
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        study.store.save_weights(subject, {"last": arrays, "best": arrays}, provenance={})
    rows = recorded(SimilaritySettings(images=12), run, run.replace(seed=1)).values["rows"]
    assert (rows[1]["debiased"], rows[1]["biased"]) == (None, None)
    assert rows[0]["biased"] > 0


def test_the_architecture_needs_no_run(recorded: Measure, run: Run) -> None:
    found = recorded(ArchitectureSettings(model=run.config.model, image_size=16))
    values = found.values
    assert values["receptive_field"] == 178 * 2 + 2
    assert (values["last_map_size"], values["input_share"]) == (1, 1.0)
    assert values["dead_share"] == pytest.approx(DEAD / PRUNABLE)
    assert values["parameters"] == sum(p.numel() for p in build(run.config.model).parameters())
    rows = values["rows"]
    assert [row["map_size"] for row in rows] == [16] + [8] + [4] * 2 + [2] * 4 + [1] * 8
    assert [row["stride"] for row in rows] == [1, 2, 4, 4] + [8] * 4 + [16] * 8
    assert [row["r_max"] for row in rows][:3] == [3, 8, 18]
    assert [row["r_min"] for row in rows] == [row["r_max"] for row in rows]
    assert found.provenance["seeds"] == []


def test_a_floor_pool_crops_the_input(recorded: Measure) -> None:
    """Five windows of three pixels use 15 of 17 rows and columns; the convolution before reaches one further."""
    model = ModelConfig(architecture="rf_resnet26", pool_kernel=3, width=0.03)
    assert recorded(ArchitectureSettings(model=model, image_size=17)).values["input_share"] == pytest.approx(
        (16 / 17) ** 2
    )


def test_provenance_names_data_seed_and_threads(recorded: Measure, run: Run) -> None:
    provenance = recorded(HistorySettings(), run).provenance
    assert provenance["data_fingerprint"] == run.config.data.fingerprint
    assert (provenance["seeds"], provenance["threads"]) == ([0], torch.get_num_threads())
    assert provenance["seconds"] > 0


def test_travel_is_the_distance_of_stored_weights(recorded: Measure, study: Study, run: Run) -> None:
    values = recorded(TravelSettings(), run).values
    first, last = (dict(stored_network(study.store, run, name).named_parameters()) for name in ("initial", "last"))
    moved = torch.cat([(last[name] - first[name]).detach().double().flatten() for name in first])
    began = torch.cat([parameter.detach().double().flatten() for parameter in first.values()])
    assert values["distance"] == pytest.approx(float((moved**2).sum()) ** 0.5)
    assert values["initial_norm"] == pytest.approx(float((began**2).sum()) ** 0.5)
    # 48 images in batches of 16, two epochs: a rate per epoch, at 1 and at 1/2 of its start.
    assert values["learning_rate_sum"] == pytest.approx(3 * 0.05 * (1 + 0.5))
