"""Verdicts on "Should You Go Deeper?" and RR-18, in a world of formulas: first as claimed, then one of them broken."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rflib.paper.claims import RULES, Verdict, decide
from rflib.study.study import Study
from tests.paper.claims import layers

Make = Callable[..., Study]
Decide = Callable[..., Verdict]

DECIDED = [name for name in RULES if name.startswith("GD-")]
EXACT = {"GD-12", "GD-17", "GD-18", "GD-20"}


@pytest.fixture
def deeper(study: Make) -> Make:
    """Make a study of layers in which some formulas differ; `small` and `large` change the plans."""

    def make(*, small: Any = (), large: Any = (), seeds: Any = (0, 1, 2), **changed: Any) -> Study:
        at_large = {"architectures": ["vgg16", "resnet18"]}
        plain = study(
            small={"seeds": seeds, "deeper": {**layers.DEEPER, **dict(small)}},
            large=large if large is None else {"seeds": seeds, "deeper": {**at_large, **dict(large)}},
        )
        world = SimpleNamespace(**{**vars(layers.true_world()), **changed})
        return Study(plain.chapter, plain.profile, plain.items, layers.Layers(plain.store, world))  # type: ignore[arg-type]

    return make


@pytest.fixture
def verdict_on(deeper: Make) -> Decide:
    def decide_one(claim: str, **changed: Any) -> Verdict:
        (verdict,) = decide(deeper(**changed), claim)
        return verdict

    return decide_one


def test_in_a_world_that_is_as_claimed_everything_is_reproduced(deeper: Make) -> None:
    verdicts = {verdict.id: verdict for verdict in decide(deeper(), *DECIDED, "RR-18")}
    assert {name: verdict.verdict for name, verdict in verdicts.items()} == dict.fromkeys(verdicts, "reproduced")
    # Friedman's test over two sets of four networks needs more than three seeds.
    assert {name for name, verdict in verdicts.items() if verdict.indicative} == {"GD-15"}
    assert {name for name, verdict in verdicts.items() if verdict.n is None} == EXACT
    assert not any("Not decided for" in verdicts[name].reason for name in DECIDED)


def test_with_one_seed_only_what_is_exact_is_more_than_an_indication(deeper: Make) -> None:
    verdicts = decide(deeper(seeds=[0]), *DECIDED, "RR-18")
    assert {verdict.id for verdict in verdicts if not verdict.indicative} == EXACT
    assert {verdict.verdict for verdict in verdicts} == {"reproduced"}
    assert all(verdict.p is None for verdict in verdicts)


@pytest.mark.parametrize("claim", [*DECIDED, "RR-18"])
def test_without_these_networks_nothing_is_decided(claim: str, study: Make) -> None:
    (verdict,) = decide(study(), claim)
    assert verdict.verdict == "not covered"
    assert verdict.reason == f"This study lacks what the test needs: {RULES[claim].needs}."


def test_a_claim_about_several_sizes_names_where_its_parts_are(deeper: Make) -> None:
    (verdict,) = decide(deeper(), "GD-01")
    assert verdict.verdict == "not covered"
    assert verdict.reason.endswith("is decided as GD-16 to GD-19.")


def test_runs_of_these_networks_leave_the_other_verdicts_as_they_are(deeper: Make, study: Make) -> None:
    others = [name for name in RULES if name.startswith(("RR-", "PT-")) and name != "RR-18"]
    assert decide(deeper(), *others) == decide(study(), *others)


def endless(architecture: str, number: int, name: str) -> float:
    """A probe that never stops rising."""
    return 40.0 + 2 * layers.place(architecture, number)


def level(architecture: str, number: int, name: str) -> float:
    return 70.0


def only(architecture: str, formula: Any, usual: Any) -> Any:
    """Return a formula that is changed for one network alone."""
    return lambda name, *more: (formula if name == architecture else usual)(name, *more)


@pytest.mark.parametrize("claim", ["GD-02", "GD-07", "GD-10"])
def test_probes_must_rise_and_then_stop(verdict_on: Decide, claim: str) -> None:
    rising, never = verdict_on(claim, probe=endless), verdict_on(claim, probe=level)
    assert (rising.verdict, never.verdict) == ("not reproduced", "not reproduced")
    assert "from the border on" in rising.statistic
    assert "before the border" in never.statistic
    assert rising.p is not None


@pytest.mark.parametrize(
    ("claim", "network", "rest"),
    [("GD-02", "vgg19", "vgg13"), ("GD-07", "mpnet36", "mpnet18"), ("GD-10", "resnet34", "resnet18")],
)
def test_one_network_that_goes_on_rising(verdict_on: Decide, claim: str, network: str, rest: str) -> None:
    verdict = verdict_on(claim, probe=only(network, endless, layers.probe))
    assert verdict.verdict == "partly"
    held, failed = verdict.reason.split("Not shown for ")
    assert f"{rest}, small images" in held
    assert f"{network}, small images" in failed


def test_saturation_that_stays_or_rises(verdict_on: Decide) -> None:
    assert verdict_on("GD-03", saturation=lambda architecture, number: 0.4).verdict == "not reproduced"
    verdict = verdict_on("GD-03", saturation=lambda architecture, number: number / 100)
    assert (verdict.verdict, verdict.p) == ("not reproduced", 1.0)
    assert "0 of 5 in vgg11, small images" in verdict.reason
    assert "5 of 5 in vgg11, small images" in verdict_on("GD-03").reason


@pytest.mark.parametrize(
    ("change", "weakest"),
    [
        ({"saturation": lambda architecture, number: 0.6 if number < 10 else 0.2}, "low saturation beside Conv8"),
        ({"saturation": lambda architecture, number: 0.4}, "low saturation beside Conv8: +5.00 layers"),
        ({"probe": endless}, "flat probes beside Conv8: +5.00 layers"),
    ],
)
def test_the_tail_of_vgg16_must_begin_at_its_place_by_both_signs(
    verdict_on: Decide, change: dict[str, Any], weakest: str
) -> None:
    verdict = verdict_on("GD-04", **change)
    assert verdict.verdict == "not reproduced"
    assert weakest in verdict.statistic


def early(architecture: str, number: int, name: str) -> float:
    """A probe that stops rising four layers before the border of a VGG."""
    return 40 + 3.0 * min(number, 3)


def test_on_other_images_probes_that_stop_elsewhere(verdict_on: Decide) -> None:
    partly = verdict_on("GD-05", probe=only("vgg16", early, layers.probe))
    assert partly.verdict == "partly"
    assert "vgg16, large images: -4.00 layers" in partly.statistic
    assert verdict_on("GD-05", probe=early).verdict == "not reproduced"
    assert verdict_on("GD-05", large=None).verdict == "not covered"
    assert verdict_on("GD-05", border=lambda architecture: None).verdict == "not covered"


def test_the_border_of_variants_that_probes_do_not_keep(verdict_on: Decide) -> None:
    verdict = verdict_on("GD-06", probe=only("vgg19_dilated", early, layers.probe))
    assert verdict.verdict == "partly"
    assert "Holds for resnet18_no_skips, small images" in verdict.reason
    assert verdict_on("GD-06", probe=endless).verdict == "not reproduced"


def test_a_rise_that_the_largest_field_ends(verdict_on: Decide) -> None:
    def ended(architecture: str, number: int, name: str) -> float:
        return 40 + 3.0 * min(layers.place(architecture, number), 3)

    assert verdict_on("GD-08", probe=ended).verdict == "not reproduced"
    assert verdict_on("GD-08", probe=only("mpnet18", ended, layers.probe)).verdict == "partly"


def test_paths_that_differ(verdict_on: Decide) -> None:
    def apart(architecture: str, number: int, name: str) -> float:
        step = layers.place(architecture, number)
        return layers.probe(architecture, number, name) + 4 * (".large." in name) * (-1) ** step

    verdict = verdict_on("GD-09", probe=apart)
    assert verdict.verdict == "not reproduced", "differences of both signs do not cancel"
    assert verdict_on("GD-09", probe=only("mpnet36", apart, layers.probe)).verdict == "partly"


def test_shortcuts_that_leave_the_border_or_the_probes(verdict_on: Decide) -> None:
    same = verdict_on("GD-11", border=lambda architecture: 5 if architecture.startswith("resnet") else 8)
    assert same.verdict == "partly", "probes still rise longer"
    assert "Not shown for resnet18, small images, border" in same.reason
    neither = verdict_on("GD-11", border=lambda architecture: 5, probe=early)
    assert neither.verdict == "not reproduced"


def level_stages(architecture: str, name: str) -> float:
    """A smallest field that falls back at every block, by as much in every stage."""
    return 19.0 + 8 * name.endswith("conv2")


def no_reset(architecture: str, name: str) -> float:
    """A smallest field that only grows."""
    return 10.0 * float(name[5] + name[7]) + name.endswith("conv2") if name.startswith("layer") else 7.0


@pytest.mark.parametrize(("r_min", "verdict"), [(level_stages, "partly"), (no_reset, "not reproduced")])
def test_a_smallest_field_must_fall_back_and_by_more_each_stage(verdict_on: Decide, r_min: Any, verdict: str) -> None:
    found = verdict_on("GD-12", r_min=r_min)
    assert (found.verdict, found.indicative, found.n) == (verdict, False, None)


def test_sudden_drops_must_be_behind_the_border(verdict_on: Decide) -> None:
    def probe(architecture: str, number: int, name: str) -> float:
        return 60.0 - 20 * (number == 3)

    verdict = verdict_on("GD-13", probe=probe)
    assert verdict.verdict == "not reproduced"
    assert "before the border" in verdict.statistic
    assert verdict_on("GD-13", probe=only("resnet34", probe, layers.probe)).verdict == "partly"


def test_without_a_sudden_drop_none_has_a_place(verdict_on: Decide) -> None:
    verdict = verdict_on("GD-13", probe=lambda architecture, number, name: 60.0)
    assert verdict.verdict == "not covered"
    assert verdict.reason.startswith(
        "Nowhere does a probe fall by more than 5 points: resnet18, small images; resnet34"
    )


@pytest.mark.parametrize(
    ("change", "weakest"),
    [
        ({"probe": only("resnet18_cbam", early, layers.probe)}, "where probes stop"),
        ({"saturation": only("resnet18_cbam", lambda *_: 0.4, layers.saturation)}, "drop of saturation"),
    ],
)
def test_attention_that_moves_the_border(verdict_on: Decide, change: dict[str, Any], weakest: str) -> None:
    verdict = verdict_on("GD-14", **change)
    assert verdict.verdict == "partly"
    assert f"resnet18_cbam, small images, {weakest}" in verdict.statistic
    assert "Not shown for resnet18_cbam, small images." in verdict.reason

    def moved(architecture: str, number: int, name: str) -> float:
        with_module = any(kind in architecture for kind in ("spatial", "squeeze", "cbam"))
        return endless(architecture, number, name) if with_module else layers.probe(architecture, number, name)

    assert verdict_on("GD-14", probe=moved).verdict == "not reproduced"


@pytest.mark.parametrize(("worth", "verdict", "weakest"), [(0.0, "not seen", "at all"), (5.0, "not seen", "not much")])
def test_attention_must_matter_and_not_much(verdict_on: Decide, worth: float, verdict: str, weakest: str) -> None:
    def accuracy(architecture: str, cut: bool) -> float:
        return 70 + worth * ((layers.accuracy(architecture, False) - 80) if "no_stem" not in architecture else 0)

    found = verdict_on("GD-15", accuracy=accuracy)
    assert found.verdict == verdict
    assert weakest in found.statistic


def test_one_module_alone_does_not_say_whether_modules_differ(verdict_on: Decide) -> None:
    chosen = {"architectures": ["resnet18", "resnet18_cbam"], "truncated": []}
    assert verdict_on("GD-15", small=chosen).verdict == "not covered"


def test_truncation_that_helps_some_or_none(verdict_on: Decide) -> None:
    def worse(architecture: str, cut: bool) -> float:
        return 80.0 - 2 * cut

    verdict = verdict_on("GD-16", accuracy=only("vgg11", worse, layers.accuracy))
    assert verdict.verdict == "partly"
    assert "Not shown for vgg11, small images." in verdict.reason
    assert verdict_on("GD-16", accuracy=worse).verdict == "not reproduced"
    some = verdict_on("GD-16", small={"truncated": ["vgg16"]})
    assert some.verdict == "reproduced"
    assert "Not decided for vgg11, small images (not measured); vgg13, small images (not measured)" in some.reason


@pytest.mark.parametrize("formula", ["parameters", "operations"])
def test_truncation_must_save_parameters_and_operations(verdict_on: Decide, formula: str) -> None:
    verdict = verdict_on("GD-17", **{formula: lambda architecture, cut: 7})
    assert (verdict.verdict, verdict.indicative) == ("not reproduced", False)
    assert f"100 % of the {formula}" in verdict.statistic
    usual = getattr(layers.true_world(), formula)
    assert verdict_on("GD-17", **{formula: only("vgg11", lambda *_: 7, usual)}).verdict == "partly"


def test_a_stem_that_leaves_growth_or_tail(verdict_on: Decide) -> None:
    slower = verdict_on("GD-18", growth=lambda architecture: 15.0 if "no_stem" in architecture else 40.0)
    assert slower.verdict == "partly"
    assert "Not shown for resnet18, small images, growth; resnet34, small images, growth." in slower.reason
    neither = verdict_on("GD-18", growth=lambda architecture: 40.0, border=lambda architecture: 13)
    assert neither.verdict == "not reproduced"
    assert "resnet18 5.0 and 0.0" in verdict_on("GD-18").reason


@pytest.mark.parametrize(("stem", "verdict"), [(-8.0, "not reproduced"), (0.0, "not reproduced")])
def test_a_network_that_needs_its_stem(verdict_on: Decide, stem: float, verdict: str) -> None:
    def accuracy(architecture: str, cut: bool) -> float:
        return 80 + stem * ("no_stem" in architecture)

    found = verdict_on("GD-19", accuracy=accuracy)
    assert found.verdict == verdict
    assert "resnet18 +7.34; resnet34 +9.45" in found.reason
    assert verdict_on("GD-19", accuracy=only("resnet18_no_stem", accuracy, layers.accuracy)).verdict == "partly"


def test_operations_that_a_stem_does_not_save(verdict_on: Decide) -> None:
    assert verdict_on("GD-20", operations=lambda architecture, cut: 10).verdict == "not reproduced"
    partly = verdict_on("GD-20", operations=only("resnet34", lambda *_: 99, layers.true_world().operations))
    assert partly.verdict == "partly"


def test_deep_layers_that_add_as_much_at_every_field(verdict_on: Decide) -> None:
    verdict = verdict_on("RR-18", deep=lambda kernel: 6.0)
    assert verdict.verdict == "not reproduced"
    rising = verdict_on("RR-18", deep=lambda kernel: 3.0 * kernel)
    assert "(the opposite)" in rising.reason
    assert verdict_on("RR-18", small={"grid": False}).verdict == "not covered"
