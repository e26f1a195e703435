"""Verdicts on "Dead Pixel Test" and RR-25, in a world of formulas: first as claimed, then one of them broken."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rflib.config import MeasurementKey
from rflib.paper.claims import RULES, Verdict, decide
from rflib.study.study import Study

Make = Callable[..., Study]
Decide = Callable[..., Verdict]

DECIDED = [name for name in RULES if name.startswith("DP-")] + ["RR-25"]
PLAN: dict[str, Any] = {"architectures": ["vgg11", "vgg16", "resnet18", "resnet34"], "cardinalities": [1, 4]}
SIDES = {"initial": (3.0, 20.0, 22.0), "last": (3.0, 22.0, 26.0)}


def true_world() -> SimpleNamespace:
    """Return formulas under which every claim holds."""
    return SimpleNamespace(
        accuracy=accuracy,
        side=lambda checkpoint, layer, mirrored: SIDES[checkpoint][layer] * (1 + 0.5 * (mirrored > 1)),
        imbalance=lambda model: 0.3 if uneven(model) else 0.02,
        dead=lambda model: 5.0 if uneven(model) else 0.0,
        response=lambda model: 0.1 if model.kernel_padding else 0.3,
        field=lambda model: 96.0,
    )


def uneven(model: Any) -> bool:
    return model.architecture.startswith("resnet") and not model.kernel_padding


def accuracy(model: Any, task: str) -> float:
    order = {"vgg11": 80.0, "vgg16": 84.0, "resnet18": 84.5, "resnet34": 80.5}.get(model.architecture, 70.0)
    scaled = 5 * (model.width > 0.5) - 3 * (model.cardinality > 1)
    return order + scaled + model.kernel_padding * (4 if task == "shifts" else -2)


class Pixels:
    """The store of the paper's formulas, with those of fields and pixels before them."""

    def __init__(self, whole: Any, world: SimpleNamespace) -> None:
        self.whole, self.world, self.root = whole, world, "pixels"

    def has_measurement(self, key: MeasurementKey) -> bool:
        return True

    def load_measurement(self, key: MeasurementKey) -> Any:
        make = getattr(self, key.analysis, None)
        return SimpleNamespace(values=make(key), arrays={}, provenance={}) if make else self.whole.load_measurement(key)

    def layers(self, key: MeasurementKey) -> dict[str, Any]:
        model = key.settings.model  # type: ignore[attr-defined]
        return {"rows": [{"r_max": self.world.field(model)}], "parameters": 100}

    def history(self, key: MeasurementKey) -> dict[str, Any]:
        config, seed = key.runs[0].config, key.runs[0].seed
        reached = (
            self.world.accuracy(config.model, config.data.task) + 0.1 * seed + 0.01 * seed * len(str(config.model))
        )
        rows = [{"epoch": epoch, "test_accuracy": reached, "train_loss": 0.1} for epoch in (1, config.training.epochs)]
        return {"rows": rows, "best_epoch": 1}

    def effective_field(self, key: MeasurementKey) -> dict[str, Any]:
        settings: Any = key.settings
        depths = {"vgg11": 1, "resnet34": 4, "vgg16": 2, "resnet18": 3}
        fields = (3.0, 20.0, 100.0 * depths[key.runs[0].config.model.architecture])
        wobble = 0.1 * key.runs[0].seed * (settings.checkpoint == "last")
        rows = [
            {
                "name": f"conv{layer}",
                "depth": layer + 1,
                "theoretical_field": field,
                "area_side": self.world.side(settings.checkpoint, layer, settings.mirrored) + wobble * layer,
                "square_side": 3,
                "gaussian_width": 1.0,
            }
            for layer, field in enumerate(fields)
        ]
        return {"rows": rows, "image_size": 32, "input_size": 32 * settings.mirrored, "images": 1}

    def pixel_sensitivity(self, key: MeasurementKey) -> dict[str, Any]:
        model, seed = key.runs[0].config.model, key.runs[0].seed
        shift = 0.001 * seed * (1 + model.kernel_padding + uneven(model))
        rows = [
            {
                "period": 2,
                "imbalance": self.world.imbalance(model) + shift,
                "ratio": 2.0,
                "partially_dead": self.world.dead(model) + shift,
                "uniform_imbalance": 0.3,
            }
        ]
        response = {"prediction_change": 1.0, "output_change": self.world.response(model) + shift}
        return {"rows": rows, "strided_layers": 5, "uneven_layers": 5 * uneven(model), **response}


@pytest.fixture
def pixels(study: Make) -> Make:
    """Make a study of fields and pixels in which some formulas differ."""

    def make(*, seeds: Any = (0, 1, 2), plan: Any = (), **changed: Any) -> Study:
        plain = study(small={"seeds": seeds, "effective_field": {**PLAN, **dict(plan)}}, large=None)
        world = SimpleNamespace(**{**vars(true_world()), **changed})
        return Study(plain.chapter, plain.profile, plain.items, Pixels(plain.store, world))  # type: ignore[arg-type]

    return make


@pytest.fixture
def verdict_on(pixels: Make) -> Decide:
    def decide_one(claim: str, **changed: Any) -> Verdict:
        (verdict,) = decide(pixels(**changed), claim)
        return verdict

    return decide_one


def test_in_a_world_that_is_as_claimed_everything_is_reproduced(pixels: Make) -> None:
    verdicts = decide(pixels(), *DECIDED)
    assert {verdict.id: verdict.verdict for verdict in verdicts} == dict.fromkeys(DECIDED, "reproduced")
    assert not any(verdict.indicative for verdict in verdicts)
    assert {verdict.n for verdict in verdicts} == {3}


def test_with_one_seed_everything_is_an_indication(pixels: Make) -> None:
    verdicts = decide(pixels(seeds=[0]), *DECIDED)
    assert {verdict.verdict for verdict in verdicts} == {"reproduced"}
    assert all(verdict.indicative and verdict.p is None for verdict in verdicts)


@pytest.mark.parametrize("claim", DECIDED)
def test_without_these_networks_nothing_is_decided(claim: str, study: Make) -> None:
    (verdict,) = decide(study(), claim)
    assert verdict.verdict == "not covered"
    assert verdict.reason == f"This study lacks what the test needs: {RULES[claim].needs}."


def test_runs_of_these_networks_do_not_enter_the_claims_of_the_paper(study: Make) -> None:
    own = [name for name in RULES if name.startswith("RR-") and name not in ("RR-18", "RR-25")]
    plain, more = study(large=None), study(small={"effective_field": PLAN}, large=None)
    store = Pixels(plain.store, true_world())
    # The paper's own histories stay as they are: only the runs of this plan have other architectures or settings.
    whole = Study(more.chapter, more.profile, more.items, store)  # type: ignore[arg-type]
    fewer = Study(plain.chapter, plain.profile, plain.items, store)  # type: ignore[arg-type]
    assert decide(whole, *own) == decide(fewer, *own)


def test_a_field_that_shrinks_in_training(verdict_on: Decide) -> None:
    def side(checkpoint: str, layer: int, mirrored: int) -> float:
        return SIDES["last" if checkpoint == "initial" else "initial"][layer]

    verdict = verdict_on("RR-25", side=side)
    assert verdict.verdict == "not reproduced"
    assert "growth" in verdict.statistic
    assert verdict.control.endswith("the trained field is larger than the untrained one in 0 of 4 networks.")


def test_a_field_that_fills_the_image(verdict_on: Decide) -> None:
    verdict = verdict_on("RR-25", side=lambda checkpoint, layer, mirrored: 32.0 if checkpoint == "last" else 20.0)
    assert verdict.verdict == "not reproduced"
    assert "beside theory" in verdict.statistic


def test_accuracy_that_follows_the_field(verdict_on: Decide) -> None:
    order = ("vgg11", "vgg16", "resnet18", "resnet34")
    verdict = verdict_on("DP-01", accuracy=lambda model, task: 10.0 * (*order, "rf_resnet26").index(model.architecture))
    assert verdict.verdict == "not reproduced"
    assert "Over 4 networks on small images" in verdict.reason


def test_three_networks_have_no_rank_correlation_to_speak_of(verdict_on: Decide) -> None:
    assert verdict_on("DP-01", plan={"architectures": ["vgg11", "vgg16", "resnet18"]}).verdict == "not covered"


def test_width_that_changes_nothing(verdict_on: Decide) -> None:
    verdict = verdict_on("DP-02", accuracy=lambda model, task: 80.0 - 3 * (model.cardinality > 1))
    assert verdict.verdict == "partly"
    assert "Not shown for rf_resnet26, small images, width × 2, cardinality 1" in verdict.reason


def test_width_that_changes_the_field_as_well(verdict_on: Decide) -> None:
    verdict = verdict_on("DP-02", field=lambda model: 100 * model.width)
    assert verdict.verdict == "partly"
    assert "50 px apart" in verdict.statistic


def test_a_change_in_either_direction_counts_at_twice_the_p_value(verdict_on: Decide) -> None:
    verdict = verdict_on(
        "DP-02", accuracy=lambda model, task: 80.0 - 5 * (model.width > 0.5) + 5 * (model.cardinality > 1)
    )
    assert verdict.verdict == "reproduced"


def test_a_field_that_grows_to_the_end(verdict_on: Decide) -> None:
    verdict = verdict_on("DP-03", side=lambda checkpoint, layer, mirrored: (3.0, 12.0, 28.0)[layer])
    assert verdict.verdict == "not reproduced"
    assert "second half beside the first" in verdict.statistic
    assert verdict.control.endswith("the second half of the depth adds less than the first in 0 of 4 networks.")


@pytest.mark.parametrize(
    ("changed", "weakest"),
    [
        ({"imbalance": lambda model: 0.05}, "imbalance"),
        ({"dead": lambda model: 0.5}, "partially dead"),
    ],
)
def test_pixels_that_count_alike_or_none_that_is_dead(verdict_on: Decide, changed: Any, weakest: str) -> None:
    verdict = verdict_on("DP-04", **changed)
    assert verdict.verdict == "not reproduced"
    assert weakest in verdict.statistic
    assert "vgg" not in verdict.reason


def test_even_kernels_that_are_as_unequal(verdict_on: Decide) -> None:
    assert verdict_on("DP-05", imbalance=lambda model: 0.3).verdict == "not reproduced"
    assert verdict_on("DP-05", plan={"architectures": ["resnet18", "resnet34"]}).verdict == "not covered"


def test_padding_that_evens_nothing_out(verdict_on: Decide) -> None:
    verdict = verdict_on("DP-06", imbalance=lambda model: 0.3 + 0.1 * model.kernel_padding)
    assert verdict.verdict == "not reproduced"
    assert [each.where for each in verdict.evidence] == [f"resnet18, small images, {t}" for t in ("classes", "shifts")]


def test_padding_that_helps_to_tell_classes(verdict_on: Decide) -> None:
    assert verdict_on("DP-07", accuracy=lambda model, task: 80.0 + 5 * model.kernel_padding).verdict == "not reproduced"


@pytest.mark.parametrize(
    ("changed", "weakest"),
    [
        ({"accuracy": lambda model, task: 80.0 - 5 * model.kernel_padding}, "accuracy"),
        ({"response": lambda model: 0.3 + 0.1 * model.kernel_padding}, "response"),
    ],
)
def test_padding_must_help_and_calm(verdict_on: Decide, changed: Any, weakest: str) -> None:
    verdict = verdict_on("DP-08", **changed)
    assert verdict.verdict == "not reproduced"
    assert weakest in verdict.statistic
