"""Verdicts on the thesis's claims about noise and redundancy, in a world of formulas: as claimed, then broken."""

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

DECIDED = ["PT-01", "PT-02", "PT-03", "PT-04", "PT-05", "PT-09", "PT-10"]
PLANS: dict[str, Any] = {
    "noise": {
        "pool_kernels": {"rf_vgg19": [1, 4]},
        "noise": {"kinds": ["multiplicative"], "scales": [0.2], "rates": [0.8, 0.9]},
        "variance": {"scales": [0.2], "rates": [0.5, 0.9]},
    },
    "redundancy": {"omitted_downsamplings": {"rf_vgg19": [1]}},
}


def true_world() -> SimpleNamespace:
    """Return formulas under which every claim holds, and every control leaves it."""
    return SimpleNamespace(
        benefit=lambda rate, order, scope, calibrated: 6.0 * (rate > 0.8) * (order == "before"),
        mean_benefit=3.0,
        tuned=4.0,
        discrepancy=lambda rate, calibrated: 5 * rate,
        change=lambda order, scope, kernel: -0.5 if order == "before" else 0.2,
        saturation=lambda kernel: 60.0 - 10 * kernel,
        lost=lambda kernel, scope: 8.0 - 2 * kernel,
        dense=90.0,
    )


class Thesis:
    """The store of the paper's formulas, with those of noise and redundancy before them."""

    def __init__(self, whole: Any, world: SimpleNamespace) -> None:
        self.whole, self.world, self.root = whole, world, "thesis"

    def has_measurement(self, key: MeasurementKey) -> bool:
        return True

    def load_measurement(self, key: MeasurementKey) -> Any:
        make = getattr(self, key.analysis, None)
        values = make(key) if make else None
        return (
            self.whole.load_measurement(key)
            if values is None
            else SimpleNamespace(values=values, arrays={}, provenance={})
        )

    def history(self, key: MeasurementKey) -> dict[str, Any] | None:
        run = key.runs[0]
        if run.config.mask is None:
            return None
        reached = 80 + self.world.tuned * (run.config.mask.noise is not None) + wobble(key)
        rows = [{"epoch": epoch, "test_accuracy": reached} for epoch in (1, run.config.training.epochs)]
        return {"rows": rows, "best_epoch": 1}

    def noise(self, key: MeasurementKey) -> dict[str, Any]:
        settings: Any = key.settings
        rows = []
        for rate in settings.rates:
            for order in settings.orders:
                benefit = self.world.benefit(rate, order, settings.scope, settings.calibration_images > 0) + wobble(key)
                row = {"kind": "multiplicative", "scale": 0.2, "rate": rate, "order": order, "selected": 60.0}
                row |= {"tested": 50 + benefit, "pruned_tested": 50.0, "benefit": benefit}
                rows.append({**row, "mean_benefit": self.world.mean_benefit + wobble(key)})
        return {"rows": rows}

    def feature_variance(self, key: MeasurementKey) -> dict[str, Any]:
        settings: Any = key.settings
        kernel = key.runs[0].config.model.pool_kernel
        rows = []
        for rate in settings.rates:
            for calibrated in (False, True):
                plain = self.world.discrepancy(rate, calibrated) + rate * wobble(key)
                for order, scale in (("none", 0.0), ("before", 0.2), ("after", 0.2)):
                    change = self.world.change(order, settings.scope, kernel) + wobble(key) if scale else 0.0
                    row = {"rate": rate, "calibrated": calibrated, "order": order, "scale": scale}
                    rows.append({**row, "discrepancy": plain + change, "dispersion": 1.0})
        return {"rows": rows, "dense_dispersion": 1.0}

    def redundancy(self, key: MeasurementKey) -> dict[str, Any]:
        kernel = key.runs[0].config.model.pool_kernel
        common = {"rate": 0.0, "relative_rank": 50.0, "zero_filters": 0.0, "similarity": 0.1 * kernel}
        saturation = self.world.saturation(kernel) + wobble(key)
        return {
            "rows": [
                {**common, "layer": layer, "name": str(layer), "deep": layer == 2, "saturation": saturation}
                for layer in (1, 2)
            ]
        }

    def deep_pruning(self, key: MeasurementKey) -> dict[str, Any]:
        settings: Any = key.settings
        kernel = key.runs[0].config.model.pool_kernel
        rows = [
            {"part": "deep", "layers": 1, "weight_share": 9.0, "dead_share": 9.0, "scope": scope, "rate": rate}
            | {"accuracy": self.world.dense - self.world.lost(kernel, scope) + wobble(key)}
            for scope in settings.scopes
            for rate in settings.rates
        ]
        return {"rows": rows, "dense_accuracy": self.world.dense}


def wobble(key: MeasurementKey) -> float:
    """Return a small number that differs between seeds and is no multiple of one between runs."""
    run = key.runs[0]
    pool_kernel, noisy = run.config.model.pool_kernel, run.config.mask is not None and run.config.mask.noise is not None
    return 0.01 * (run.seed * (1 + pool_kernel + 3 * noisy) % 5)


@pytest.fixture
def thesis(study: Make) -> Make:
    """Make a study of noise and redundancy in which some formulas differ."""

    def make(*, seeds: Any = (0, 1, 2), **changed: Any) -> Study:
        plain = study(small={"seeds": seeds, **PLANS}, large=None)
        world = SimpleNamespace(**{**vars(true_world()), **changed})
        return Study(plain.chapter, plain.profile, plain.items, Thesis(plain.store, world))  # type: ignore[arg-type]

    return make


@pytest.fixture
def verdict_on(thesis: Make) -> Decide:
    def decide_one(claim: str, **changed: Any) -> Verdict:
        (verdict,) = decide(thesis(**changed), claim)
        return verdict

    return decide_one


def test_in_a_world_that_is_as_claimed_everything_is_reproduced(thesis: Make) -> None:
    verdicts = decide(thesis(), *DECIDED)
    assert {verdict.id: verdict.verdict for verdict in verdicts} == dict.fromkeys(DECIDED, "reproduced")
    assert not any(verdict.indicative for verdict in verdicts)
    assert {verdict.n for verdict in verdicts} == {3}


def test_with_one_seed_everything_is_an_indication(thesis: Make) -> None:
    verdicts = decide(thesis(seeds=[0]), *DECIDED)
    assert {verdict.verdict for verdict in verdicts} == {"reproduced"}
    assert all(verdict.indicative and verdict.p is None for verdict in verdicts)


@pytest.mark.parametrize("claim", DECIDED)
def test_without_these_measurements_nothing_is_decided(claim: str, study: Make) -> None:
    (verdict,) = decide(study(), claim)
    assert verdict.verdict == "not covered"
    assert verdict.reason == f"This study lacks what the test needs: {RULES[claim].needs}."


@pytest.mark.parametrize(
    ("claim", "changed"),
    [
        ("PT-01", {"benefit": lambda rate, order, scope, calibrated: 0.0}),
        ("PT-02", {"benefit": lambda rate, order, scope, calibrated: 6.0}),
        ("PT-02", {"benefit": lambda rate, order, scope, calibrated: 0.0}),
        ("PT-03", {"tuned": -1.0}),
        ("PT-03", {"mean_benefit": -1.0}),
        ("PT-04", {"discrepancy": lambda rate, calibrated: 0.5 * rate}),
        ("PT-05", {"change": lambda order, scope, kernel: 0.5}),
        ("PT-09", {"saturation": lambda kernel: 60.0 + 10 * kernel}),
        ("PT-10", {"lost": lambda kernel, scope: 8.0}),
    ],
)
def test_a_broken_formula_is_noticed(verdict_on: Decide, claim: str, changed: dict[str, Any]) -> None:
    assert verdict_on(claim, **changed).verdict == "not reproduced"


def test_a_benefit_below_none_at_low_rates_is_no_benefit_there(verdict_on: Decide) -> None:
    harmed = verdict_on("PT-02", benefit=lambda rate, order, scope, calibrated: 6.0 if rate > 0.8 else -5.0)
    assert harmed.verdict == "reproduced"


def test_controls_say_where_the_benefit_is_shown_with_them_too(verdict_on: Decide) -> None:
    starts = ("Beyond that of noise after pruning", "Among live weights", "With re-estimated statistics")
    control = verdict_on("PT-01").control
    assert control.count("the benefit is shown for rf_vgg19, small images, k = 1: +6.0") == 3
    assert [control.index(f"{start} the benefit is") for start in starts] == sorted(map(control.index, starts))
    either = verdict_on("PT-01", benefit=lambda rate, order, scope, calibrated: 6.0 * (not calibrated)).control
    assert "Beyond that of noise after pruning the benefit is not shown for rf_vgg19, small images, k = 1" in either
    assert "With re-estimated statistics the benefit is not shown for rf_vgg19, small images, k = 1: +0.0" in either
    assert verdict_on("PT-01", benefit=lambda rate, order, scope, calibrated: 0.0).control == ""


def test_controls_of_the_variances(verdict_on: Decide) -> None:
    mended = verdict_on("PT-04", discrepancy=lambda rate, calibrated: 0.0 if calibrated else 5 * rate)
    assert "With re-estimated statistics the growth is not shown" in mended.control
    assert "Among live weights the growth is shown" in mended.control
    assert "With noise after pruning the effect is not shown" in verdict_on("PT-05").control
    either = verdict_on("PT-05", change=lambda order, scope, kernel: -0.5)
    assert "With noise after pruning the effect is shown" in either.control


def test_noise_that_helps_one_field_of_two_helps_partly(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-05", change=lambda order, scope, kernel: -0.5 if kernel == 1 else 0.5)
    assert verdict.label == "partly (1 of 2)"
    assert verdict.reason == ("Holds for rf_vgg19, small images, k = 1. Not shown for rf_vgg19, small images, k = 4.")


def test_dead_weights_alone_make_deep_layers_free_to_prune(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-10", lost=lambda kernel, scope: 0.0 if scope == "global" else 9.0)
    assert verdict.verdict == "reproduced"
    assert "Among live weights that is not shown for rf_vgg19, small images, k = 4: +9.0" in verdict.control
    assert verdict_on("PT-10", dense=12.0).verdict == "not covered", "a network that guesses has nothing to lose"


def test_filters_are_told_beside_saturation(verdict_on: Decide) -> None:
    expected = (
        "mean |cosine| of their filters with k: rf_vgg19, small images (+1.00); rf_resnet50, small images (+1.00)."
    )
    assert verdict_on("PT-09").reason.endswith(expected)


def test_peaks_are_looked_for_below_the_grid_and_among_live_weights(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-08")
    # From 90 px, with one downsampling left out, to 714 px.
    assert str(verdict.evidence[0]).startswith("rf_vgg19, small images: +624.00 px")
    assert verdict.verdict == "reproduced"
    assert verdict.control.startswith("Among live weights the shift is not shown for rf_vgg19, small images")
