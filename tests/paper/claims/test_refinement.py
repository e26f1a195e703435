"""Claims of "Receptive Field Refinement" on readings that are made up, one for every outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rflib.paper.claims import Verdict, decide
from rflib.study.plans import plan
from rflib.study.profiles import Profile
from rflib.study.study import Study
from tests.paper.memory import Memory

NAME = "resnet18, small images"
Decide = Callable[..., Verdict]


@pytest.fixture
def verdict_on() -> Decide:
    """Return a verdict where refinement brings `gain` points and multiplies operations and parameters."""

    def decide_on(claim: str, *, seeds: int = 3, trained: tuple[str, ...] = ("resnet18",), **world: Any) -> Verdict:
        role = {
            "title": "images",
            "data": {"name": "cifar10", "fingerprint": "f" * 16},
            "seeds": list(range(seeds)),
            "pool_kernels": {},
            "training": {"epochs": 1},
            "fine_tuning": {"epochs": 1},
            "refinement": {"networks": ["vgg16"], "image_sizes": [32, 224], "trained": trained},
        }
        profile = Profile.checked({"name": "made-up", "description": "made up", "small_images": role})
        items, store = plan("claims", profile), Memory()
        for item in items:
            store.save_measurement(item.key, values=values_of(item.key, **world), arrays={}, provenance={})
        (verdict,) = decide(Study("claims", profile, items, store), claim)
        return verdict

    return decide_on


def values_of(
    key: Any, *, gain: float = 3.0, operations: float = 1.1, parameters: int = 1000, behind: float = 0.0
) -> dict[str, Any]:
    if key.analysis == "resolutions":
        rows = [
            {"image_size": 32, "changes": 3, "forward_flops_refined": 110.0},
            {"image_size": 224, "changes": 1, "forward_flops_refined": 100 * operations},
        ]
        same = {"takes_image": True, "needs_refinement": True, "parameters_refined": 9, "forward_flops": 100.0}
        return {"rows": [{**same, **row} for row in rows], "parameters": 9}
    model = key.settings.model if not key.runs else key.runs[0].config.model
    refined = model.refined_for is not None
    if key.analysis == "layers":
        rows = [{"layer": i, "name": f"conv{i}", "unproductive_paper": i == 3} for i in (1, 2, 3)]
        costs = {"parameters": parameters if refined else 1000, "forward_flops": 100 * operations if refined else 100}
        return {"rows": rows, **costs}
    seed = key.runs[0].seed
    if key.analysis == "probes":
        accuracies = (50.0, 70.0 + 0.1 * seed, 70.0 + behind + 0.2 * seed)
        return {"rows": [{"name": f"conv{i}", "accuracy": a} for i, a in enumerate(accuracies, 1)]}
    return {"rows": [{"epoch": 1, "test_accuracy": 80 + (gain + 0.1 * seed if refined else 0.0)}]}


@pytest.mark.parametrize("claim", ["RF-01", "RF-02", "RF-03", "RF-05"])
def test_in_a_world_that_is_as_claimed_it_is_reproduced(verdict_on: Decide, claim: str) -> None:
    verdict = verdict_on(claim)
    assert (verdict.verdict, verdict.indicative) == ("reproduced", False)
    assert verdict.reason.startswith(f"Holds for {NAME}.")
    assert verdict.chapter == "receptive-field-refinement"
    assert verdict.p is not None


@pytest.mark.parametrize("claim", ["RF-01", "RF-03", "RF-05"])
def test_accuracy_that_does_not_rise(verdict_on: Decide, claim: str) -> None:
    assert verdict_on(claim, gain=-0.1).verdict == "not reproduced"


def test_how_many_networks_need_one_change_is_said(verdict_on: Decide) -> None:
    assert "One change suffices for so many of the networks that need one: 0 of 1 at 32 pixels, 1 of 1 at 224" in (
        verdict_on("RF-01").reason
    )


def test_other_parameters_refute_exactly(verdict_on: Decide) -> None:
    verdict = verdict_on("RF-05", parameters=1001)
    assert (verdict.verdict, verdict.indicative) == ("not reproduced", False)
    assert verdict.statistic == f"{NAME}, parameters: 1 parameters apart"


def test_accuracy_for_twice_the_parameters_is_not_efficient(verdict_on: Decide) -> None:
    assert verdict_on("RF-03", parameters=2000).verdict == "not reproduced"


def test_layers_that_still_work_were_not_unproductive(verdict_on: Decide) -> None:
    assert verdict_on("RF-02", behind=8.0).verdict == "not reproduced"


def test_a_search_of_our_own_decides_nothing_of_the_paper_s(verdict_on: Decide) -> None:
    """What our search needs in operations was once held against the refinements of the paper, which lists none."""
    verdict = verdict_on("RF-06", trained=())
    assert verdict.verdict == "not covered"
    assert verdict.reason.startswith("Needs the refinements that the paper proposes")


def test_with_one_seed_it_is_indicative_and_a_small_gain_is_none(verdict_on: Decide) -> None:
    verdict = verdict_on("RF-01", seeds=1)
    assert (verdict.verdict, verdict.indicative, verdict.p) == ("reproduced", True, None)


def test_with_one_seed_a_gain_that_is_not_noticeable_does_not_count(verdict_on: Decide) -> None:
    assert verdict_on("RF-01", seeds=1, gain=0.5).verdict == "not seen"


@pytest.mark.parametrize("claim", ["RF-01", "RF-02", "RF-03", "RF-05"])
def test_without_trained_networks_nothing_is_decided(verdict_on: Decide, claim: str) -> None:
    verdict = verdict_on(claim, trained=())
    assert verdict.verdict == "not covered"
    assert verdict.reason.startswith("This study lacks what the test needs: ")


def test_imagenet_is_not_covered(verdict_on: Decide) -> None:
    verdict = verdict_on("RF-04")
    assert verdict.verdict == "not covered"
    assert verdict.reason.startswith("Needs ImageNet1K")
