"""Claims about optimisers and width on readings that are made up, one for every outcome."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rflib.paper.claims import Verdict, decide
from rflib.study.plans import plan
from rflib.study.profiles import Profile
from rflib.study.study import Study

Decide = Callable[..., Verdict]
CLAIMS = ["PT-12", "PT-13", "PT-14", "PT-15"]
OTHERS = ["adamw", "sam", "soap"]
RANK = {"sam": 0, "sgd": 1, "adamw": 2, "soap": 3}


class World:
    """A store that has every measurement: four optimisers, of which SOAP is the sharpest and loses most."""

    def __init__(self, **changed: Any) -> None:
        self.root = "made up"
        self.world = SimpleNamespace(
            **{
                # Points that pruning takes at k = 1, and how many fewer a step of k further.
                "lost": lambda name, scope: 10.0 + 5 * RANK[name],
                "recovers": 4.0,
                "largest": lambda name: 10.0 ** RANK[name],
                "similarity": lambda name: 0.5 - 0.1 * RANK[name],
                "widening": 3.0,
                "narrowing": 0.5,
                **changed,
            }
        )

    def has_measurement(self, key: Any) -> bool:
        return True

    def load_measurement(self, key: Any) -> Any:
        return SimpleNamespace(values=getattr(self, key.analysis)(key), arrays={}, provenance={})

    def architecture(self, key: Any) -> dict[str, Any]:
        fields = {"receptive_field": 178.0 * key.settings.model.pool_kernel, "last_map_size": 1, "parameters": 9}
        return {**fields, "dead_share": 0.1, "input_share": 1.0, "rows": [{"name": "a"}]}

    def dense(self, run: Any) -> float:
        model = run.config.model
        return 90 + self.world.widening * (model.width - 1) - model.pool_kernel + 0.1 * run.seed * model.width

    def history(self, key: Any) -> dict[str, Any]:
        run = key.runs[0]
        last = run.config.training.epochs
        return {"rows": [{"epoch": last, "train_loss": 0.1, "test_accuracy": self.dense(run)}]}

    def one_shot(self, key: Any) -> dict[str, Any]:
        run = key.runs[0]
        dense, name, step = self.dense(run), run.config.training.optimiser.name, run.config.model.pool_kernel - 1
        rows = [
            {
                "scope": scope,
                "rate": rate,
                "pruned_accuracy": dense
                - self.world.lost(name, scope)
                + self.world.recovers * step
                - noise(run, scope),
                "pruned": 9,
                "pruned_dead": 1,
            }
            for scope in key.settings.scopes
            for rate in key.settings.rates
        ]
        return {"dense_accuracy": dense, "rows": rows}

    def sharpness(self, key: Any) -> dict[str, Any]:
        run = key.runs[0]
        name = run.config.training.optimiser.name
        largest = self.world.largest(name) * (1 + 0.01 * run.seed)
        others = ("trace", "trace_error", "sam", "asam", "relative_rank")
        pruned = ("largest_pruned", "trace_pruned", "trace_error_pruned")
        similarity = self.world.similarity(name) - 0.001 * run.seed
        values = {**dict.fromkeys((*others, *pruned), 1.0), "largest": largest, "filter_similarity": similarity}
        return {"rows": [{"line": "random", "step": 0.0, "loss": 1.0}], **values}

    def spectrum(self, key: Any) -> dict[str, Any]:
        run = key.runs[0]
        largest = (
            100 * self.world.narrowing ** (run.config.model.width - 1) * (1 + 0.01 * run.seed * run.config.model.width)
        )
        return {"rows": [{"rank": rank, "eigenvalue": largest / rank, "residual": 0.0} for rank in (1, 2)]}


def noise(run: Any, scope: str) -> float:
    """A little that depends on the run, so that tests have a spread."""
    return (
        0.1 * run.seed * run.config.model.pool_kernel
        + (0.05 if scope == "live" else 0.02) * run.seed * RANK[run.config.training.optimiser.name]
    )


def study(seeds: int = 3, **changed: Any) -> Study:
    role = {
        "title": "images",
        "data": {"name": "cifar10", "fingerprint": "f" * 16},
        "seeds": list(range(seeds)),
        "pool_kernels": {},
        "training": {"epochs": 4},
        "fine_tuning": {"epochs": 1},
        "optimisers": {"pool_kernels": [1, 2], "others": [{"optimiser": {"name": name}} for name in OTHERS]},
        "curvature": {"architecture": "rf_vgg19", "pool_kernels": [1, 2]},
    }
    profile = Profile.checked({"name": "made-up", "description": "made up", "small_images": role})
    return Study("claims", profile, plan("claims", profile), World(**changed))  # type: ignore[arg-type]


@pytest.fixture
def verdict_on() -> Decide:
    def on(claim: str, **changed: Any) -> Verdict:
        (verdict,) = decide(study(**changed), claim)
        return verdict

    return on


@pytest.mark.parametrize("claim", CLAIMS)
def test_in_a_world_that_is_as_claimed_it_is_reproduced(verdict_on: Decide, claim: str) -> None:
    verdict = verdict_on(claim)
    assert (verdict.verdict, verdict.indicative, verdict.n) == ("reproduced", False, 3), verdict.reason
    assert verdict.p is not None
    assert verdict.reason.startswith("Holds for rf_vgg19, small images")
    if claim != "PT-13":
        assert "is shown for" in verdict.control


@pytest.mark.parametrize("claim", CLAIMS)
def test_with_one_seed_it_is_indicative(verdict_on: Decide, claim: str) -> None:
    verdict = verdict_on(claim, seeds=1)
    assert (verdict.verdict, verdict.indicative, verdict.p) == ("reproduced", True, None)


def test_every_budget_and_field_is_decided(verdict_on: Decide) -> None:
    found = [each.where for each in verdict_on("PT-12").evidence]
    assert found == [
        f"rf_vgg19, small images, equal {budget}, soap, k = {kernel}"
        for budget in ("epochs", "evaluations")
        for kernel in (1, 2)
    ]
    excess = verdict_on("PT-12").evidence[0].effect
    assert excess == pytest.approx(25 - (10 + 15 + 20) / 3, abs=0.1), "SOAP's loss beyond the mean of the others"
    assert "first order 88." in verdict_on("PT-12").reason.split("Dense accuracy at equal epochs: ")[1]


def test_second_order_networks_that_lose_no_more(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-12", lost=lambda name, scope: 20.0 - RANK[name])
    assert verdict.verdict == "not reproduced"
    assert verdict.control == "", "there is nothing to control"


def test_what_dead_taps_alone_make_is_not_shown_among_live_weights(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-12", lost=lambda name, scope: 10.0 + 5 * RANK[name] * (scope == "global"))
    assert verdict.verdict == "reproduced"
    assert "Among live weights the difference is not shown for" in verdict.control


def test_solutions_that_are_not_sharper_explain_nothing(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-14", largest=lambda name: 10.0 ** -RANK[name])
    assert verdict.verdict == "partly"
    assert "Holds for rf_vgg19, small images, filter similarity" in verdict.reason
    neither = verdict_on("PT-14", largest=lambda name: 10.0, similarity=lambda name: 0.3)
    assert neither.verdict == "not reproduced"


def test_a_loss_against_the_order_of_sharpness_is_no_explanation(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-14", lost=lambda name, scope: 30.0 - 5 * RANK[name])
    assert verdict.verdict == "not reproduced"
    assert "rank correlation over 4 optimisers" in verdict.statistic


def test_pruned_accuracy_that_does_not_rise_with_the_field(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-15", recovers=-2.0)
    assert verdict.verdict == "not reproduced"
    gain = verdict_on("PT-15").evidence[0]
    assert gain.effect == pytest.approx(4 - 1, abs=0.2), "four points of recovery, one less of dense accuracy"


def test_width_that_helps_accuracy_and_not_curvature(verdict_on: Decide) -> None:
    verdict = verdict_on("PT-13", narrowing=1.5)
    assert verdict.verdict == "partly"
    assert "Holds for rf_vgg19, small images, k = 2, dense accuracy." in verdict.reason
    assert verdict_on("PT-13", narrowing=1.5, widening=-1.0).verdict == "not reproduced"
    found = {each.where.rsplit(", ", 1)[1]: each.effect for each in verdict_on("PT-13").evidence}
    assert found["dense accuracy"] == pytest.approx(6.2), "three points a multiple, from 1 to 3"
    assert found["largest eigenvalue after training"] == pytest.approx(-0.602, abs=0.02), "a quarter, in decades"
    assert (
        "the widest network is +5.2 points from the narrowest one at the smallest field" in verdict_on("PT-13").reason
    )
