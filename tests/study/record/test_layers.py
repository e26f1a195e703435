"""What is values_of layer by layer, against the same quantity computed directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from rflib import networks, receptive_field
from rflib.config import LayersSettings, ModelConfig, ProbesSettings, Run, SaturationSettings
from rflib.data import open_data_set
from rflib.data.splits import Split, split_of
from rflib.seeding import stream_seed
from rflib.study.store.places import cache_root, data_root
from rflib.study.study import Study

Open = Callable[..., Study]


def split(run: Run, part: Any) -> Split:
    return split_of(open_data_set(run.config.data, data_root=data_root(), cache_root=cache_root()), part)


def outputs(run: Run, name: str, images: Tensor) -> np.ndarray:
    """Return what a layer of the untrained network puts out, in float64, running statistics as they begin."""
    model = networks.build(run.config.model, seed=stream_seed(run.seed, "weights")).eval()
    found: list[Tensor] = []
    model.get_submodule(name).register_forward_hook(lambda _module, _inputs, output: found.append(output.detach()))
    model(images)
    return found[0].double().numpy()


def test_saturation_by_the_covariance_of_all_positions(values_of: Any, run: Run) -> None:
    found = values_of(SaturationSettings(images=20, checkpoint="initial"), run)
    assert found["images"] == 20
    names = [row["name"] for row in found["rows"]]
    assert len(names) == 17, "sixteen convolutions and the classifier"
    part = split(run, "train").spread(20)
    row = found["rows"][2]
    maps = outputs(run, row["name"], part.normalise(part.images))
    samples = np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])
    variances = np.linalg.eigvalsh(np.cov(samples.T))[::-1]
    needed = int(np.argmax(np.cumsum(variances) / variances.sum() >= 0.99)) + 1
    assert (row["features"], row["samples"]) == (maps.shape[1], len(samples))
    assert row["saturation"] == needed / maps.shape[1]


def test_a_probe_is_a_logistic_regression_on_pooled_maps(values_of: Any, run: Run) -> None:
    found = values_of(ProbesSettings(train_images=48, test_images=16, checkpoint="initial", side=2), run)
    assert (found["train_images"], found["test_images"]) == (48, 16)
    row = found["rows"][1]
    parts = [split(run, "train").spread(48), split(run, "test").spread(16)]
    features = []
    for part in parts:
        maps = torch.from_numpy(outputs(run, row["name"], part.normalise(part.images)))
        features.append(nn.functional.adaptive_avg_pool2d(maps, 2).flatten(1).numpy())
    mean, deviation = features[0].mean(axis=0), features[0].std(axis=0)
    scaled = [(each - mean) / np.where(deviation > 0, deviation, 1) for each in features]
    probe = LogisticRegression(max_iter=200).fit(scaled[0], parts[0].labels.numpy())
    expected = 100 * (probe.predict(scaled[1]) == parts[1].labels.numpy()).mean()
    assert row["accuracy"] == pytest.approx(expected, abs=100 / 16)
    assert row["features"] == scaled[0].shape[1]


def test_layers_say_what_the_graph_says(values_of: Any) -> None:
    model = ModelConfig(architecture="resnet18_cbam", width=0.03)
    found = values_of(LayersSettings(model=model, image_size=32))
    fields = receptive_field.analyse(networks.build(model), (3, 32, 32))
    assert [row["name"] for row in found["rows"]] == [layer.name for layer in fields.convolutions]
    assert found["border_layer"] == fields.border_layer(32)
    marked = [row["name"] for row in found["rows"] if row["unproductive_paper"]]
    assert marked == [row["name"] for row in found["rows"] if row["input_r_min"] > 32]
    gates = [row["name"] for row in found["rows"] if row["in_attention"]]
    assert gates
    assert all("attention" in name for name in gates)
    assert found["parameters"] == sum(parameter.numel() for parameter in networks.build(model).parameters())


def test_a_cut_network_costs_less(values_of: Any) -> None:
    model = ModelConfig(architecture="vgg16", width=0.03)
    whole, cut = (values_of(LayersSettings(model=m)) for m in (model, model.replace(truncated_for=32)))
    assert whole["tail"][0] == whole["border_layer"] == "features.24"
    assert (len(whole["rows"]), len(cut["rows"])) == (13, 7)
    assert cut["tail"] == []
    assert cut["parameters"] < whole["parameters"]
    assert cut["forward_flops"] < whole["forward_flops"]
