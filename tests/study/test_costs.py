"""What training costs: operations counted by torch beside operations counted by hand, and how chains fill cards."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from rflib import models
from rflib.config import DataConfig, HistorySettings, MeasurementKey, ModelConfig, Run, RunConfig, TrainingConfig
from rflib.study import costs
from rflib.study.costs import Rate, chains, cost_table, finished_rate, image_cost, makespan, run_cost, training_runs
from rflib.study.plans import ALL, Item, plan
from rflib.study.profiles import Profile, load_profile
from rflib.study.study import Study

Open = Callable[..., Study]


def operations_by_hand(config: ModelConfig, side: int) -> tuple[int, int]:
    """Count two operations a product, forward and backward, from the shapes that pass through the network."""
    network, found = models.build(config), []

    def count(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            found.append(2 * module.weight[0].numel() * output[0].numel())
        elif isinstance(module, nn.Linear):
            found.append(2 * module.weight.numel())

    for module in network.modules():
        module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, side, side))
    # Backward makes a gradient of the weights and one of the input; nobody asks for that of the images.
    return sum(found), 2 * sum(found) - found[0]


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "rf_vgg19", "pool_kernel": 1},
        {"architecture": "rf_vgg16", "pool_kernel": 2},
        {"architecture": "rf_resnet50", "pool_kernel": 3, "classes": 200},
        {"architecture": "rf_resnet26", "pool_kernel": 4},
        {"architecture": "rf_vgg19", "pool_kernel": 2, "map_size": "dilated"},
    ],
)
def test_operations_are_those_counted_by_hand(settings: dict[str, object], side: int) -> None:
    config = ModelConfig.checked({"width": 0.125, **settings})
    found = image_cost(config, side)
    assert (found.forward, found.backward) == operations_by_hand(config, side)


def test_the_full_network_costs_what_is_known() -> None:
    """An epoch of rf_resnet50 on CIFAR-10 takes 389 TFLOP, three times its way forward."""
    cost = image_cost(ModelConfig(architecture="rf_resnet50"), 32)
    assert 3 * 50_000 * cost.forward == pytest.approx(389e12, rel=0.002)
    assert cost.forward + cost.backward == pytest.approx(3 * cost.forward, rel=0.002)


def cifar_run(seed: int = 0, *, epochs: int = 10, **data: object) -> Run:
    training, model = TrainingConfig(epochs=epochs), ModelConfig(architecture="rf_vgg19", width=0.125)
    config = RunConfig(data=DataConfig.checked({"name": "cifar10", **data}), model=model, training=training)
    return Run(config=config, seed=seed)


@pytest.mark.usefixtures("project")
def test_a_run_costs_its_epochs_and_the_data_set_need_not_be_there() -> None:
    run = cifar_run()
    image = image_cost(run.config.model, 32)
    there, back = image.forward, image.backward
    assert run_cost(run) == 10 * (50_000 * (there + back) + 10_000 * there)
    assert run_cost(cifar_run(epochs=0)) == 0
    shared = cifar_run(validation_share=0.1, fingerprint="f" * 16)
    assert run_cost(shared) == 10 * (45_000 * (there + back) + 10_000 * there)
    assert run_cost(cifar_run(image_size=64)) > 3.9 * run_cost(run)
    training = run.config.training.replace(optimiser={"name": "adahessian"})
    second_order = run.replace(config=run.config.replace(training=training))
    assert run_cost(second_order) == 10 * (50_000 * 3 * (there + back) + 10_000 * there), "three evaluations a step"


def test_a_chain_is_a_dense_run_with_all_that_starts_from_it(profile: Profile) -> None:
    role = profile.small_images
    assert role is not None
    dense = [profile.run(role, profile.model(role, "rf_vgg19", 2), seed) for seed in role.seeds]
    tuned = [profile.fine_tuned(role, run, rate) for run in dense for rate in (0.5, 0.9)]
    items = [Item(MeasurementKey.of(HistorySettings(), run), "small_images", "x") for run in (*tuned, *tuned)]
    runs = training_runs(items)
    assert {run.id for run in runs} == {run.id for run in (*dense, *tuned)}
    found = chains([*runs, *runs])
    assert found.keys() == {run.id for run in dense}
    assert sum(found.values()) == sum(run_cost(run) for run in runs)
    assert found[dense[0].id] == run_cost(dense[0]) + run_cost(tuned[0]) + run_cost(tuned[1])


def best_makespan(work: list[float], cards: int) -> float:
    ways = itertools.product(range(cards), repeat=len(work))
    return min(
        max(sum(w for w, at in zip(work, way, strict=True) if at == card) for card in range(cards)) for way in ways
    )


@pytest.mark.parametrize("cards", [1, 2, 3, 8])
@pytest.mark.parametrize("work", [[5, 4, 3, 3, 3], [1, 1, 1], [7], [2, 9, 4, 4, 1, 6]])
def test_chains_fill_cards_nearly_as_well_as_can_be(work: list[float], cards: int) -> None:
    found = makespan(work, cards)
    best = max(max(work), sum(work) / cards) if cards > 3 else best_makespan(work, cards)
    assert best <= found <= best * 4 / 3
    assert found == makespan(sorted(work), cards)
    if cards == 1:
        assert found == sum(work)
    if cards >= len(work):
        assert found == max(work), "the longest chain is a floor"


def test_the_table_counts_each_run_once_in_all(profile: Profile) -> None:
    table = cost_table(profile, Rate(1e9, "as given")).set_index("chapter")
    runs = training_runs(plan(ALL, profile))
    assert table.loc[ALL, "runs"] == len(runs)
    assert table.loc[ALL, "PFLOP"] == pytest.approx(sum(map(run_cost, runs)) / 1e15)
    chapters = table.drop(ALL)
    assert chapters["new_PFLOP"].sum() == pytest.approx(table.loc[ALL, "PFLOP"])
    assert chapters["PFLOP"].sum() > table.loc[ALL, "PFLOP"]
    assert table["hours_on_1"].tolist() == pytest.approx((table["PFLOP"] * 1e15 / 1e9 / 3600).tolist())
    assert (table["hours_on_64"] <= table["hours_on_8"]).all()
    longest = max(chains(runs).values())
    assert table.loc[ALL, "hours_on_64"] == pytest.approx(longest / 1e9 / 3600)
    assert "hours_on_1" not in cost_table(profile)
    assert "manipulating-the-receptive-field" not in table.index, "it trains nothing"


def test_the_rate_is_that_of_the_finished_runs(open_tiny: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    assert finished_rate("tiny") is None
    study = open_tiny("fine-tuning", epochs=None)
    study.ensure(workers=1)
    done = [item.key for item in study.items if item.key.analysis == "history"]
    seconds = sum(study.load(key).provenance["seconds"] for key in done)
    rate = finished_rate("tiny")
    assert rate is not None
    assert rate.per_second == pytest.approx(sum(run_cost(key.runs[0]) for key in done) / seconds)
    assert re.fullmatch(r"[\d.e-]+ TFLOP/s, as 5 finished runs on cpu did", str(rate))

    # The same runs, one of them on a quarter of a card: it counts alone, and the card does four times as much.
    load, on_card = Study.load, done[0]

    def loaded(self: Study, key: MeasurementKey) -> object:
        found = load(self, key)
        origin = {"seconds": 2.0, "device": "cuda", "gpu_share": 0.25} if key == on_card else found.provenance
        return replace(found, provenance=origin)

    monkeypatch.setattr(Study, "load", loaded)
    shared = finished_rate("tiny")
    assert shared == Rate(run_cost(on_card.runs[0]) / 0.5, "as 1 finished runs on cuda did")


def test_without_its_data_set_a_profile_has_a_cost_but_no_rate(project: Path) -> None:
    path = project / "notebooks" / "profiles" / "far.yml"
    text = (project / "notebooks" / "profiles" / "tiny.yml").read_text()
    path.write_text(text.replace("folder:shapes", "cifar10").replace("classes: 2", "classes: 10"))
    assert finished_rate("far") is None
    assert cost_table(load_profile("far"))["PFLOP"].iloc[-1] > 0
    assert costs.CARDS == (1, 8, 64)
