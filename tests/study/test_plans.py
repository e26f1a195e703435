"""What each chapter measures, counted by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from rflib.book.lessons import is_lesson
from rflib.config import OneShotSettings, RescaledTapsSettings, SpectrumSettings
from rflib.errors import UsageError
from rflib.paper.plans import DeeperPlan, DoubledPlan, FieldPlan, RefinementPlan, VariantPlan, WidthPlan
from rflib.paper.plans.controls import ControlPlan, EnlargedPlan, ReadingPlan
from rflib.paper.plans.thesis import CurvaturePlan, NoisePlan, OptimiserPlan, RedundancyPlan
from rflib.study.plans import ALL, LEDGER, PLANS, Item, measures, plan
from rflib.study.profiles import Profile

ROOT = Path(__file__).parents[2]


@pytest.fixture
def wide(profile: Profile) -> Profile:
    """Two networks with two kernels, two seeds, two rates of fine-tuning, and every part of the paper."""
    role = profile.roles["small_images"].replace(
        pool_kernels={"rf_vgg19": (1, 2), "rf_resnet50": (2, 3)},
        large_pool_kernels=(13,),
        fine_tuning_rates=(0.8, 0.9),
        frozen_spectrum_kernels=(2,),
        widths=WidthPlan(multiples=(1, 2), pool_kernels=(3,), shallow_pool_kernels=(3, 6)),
        doubled=DoubledPlan(pool_kernels=(2,)),
        deeper=DeeperPlan(architectures=("vgg11", "resnet18"), truncated=("vgg11",)),
        effective_field=FieldPlan(architectures=("vgg11", "resnet18")),
        refinement=RefinementPlan(networks=("vgg16", "alexnet"), trained=("resnet18", "efficientnet_b0")),
        noise=NoisePlan(pool_kernels={"rf_vgg19": (1, 2), "rf_resnet50": (2,)}),
        redundancy=RedundancyPlan(omitted_downsamplings={"rf_vgg19": (1, 2)}),
        optimisers=OptimiserPlan(pool_kernels=(2,), others=({"optimiser": {"name": "sam"}},)),
        curvature=CurvaturePlan(architecture="rf_vgg19", multiples=(1, 2), pool_kernels=(2,)),
        variants=VariantPlan(
            pool_kernels=(2,), dilated_pool_kernels=(2,), pool_dilations=(2,), map_sizes=("padded", "dilated")
        ),
    )
    return profile.replace(small_images=role)


def counts(items: tuple[Item, ...]) -> dict[str, int]:
    return dict(Counter(f"{item.key.analysis} {item.purpose}" for item in items))


FIELD = {"history": 4, "pixel_sensitivity": 4, "effective_field": 8}
GRID = {"architecture grid": 4, "history grid": 8, "one_shot grid": 8}
REFINEMENT = {
    "resolutions resolutions": 2,
    **{f"layers {purpose}": 2 for purpose in ("original", "refined")},
    **{f"history {purpose}": 4 for purpose in ("original", "refined")},
    "probes original": 4,
}


# Three networks of two seeds; two rates of fine-tuning. All four networks, and two with smaller fields.
NOISE = {
    **{f"noise {purpose}": 6 for purpose in ("noise", "noise_live", "noise_calibrated")},
    **{f"feature_variance {purpose}": 6 for purpose in ("variance", "variance_live")},
}
TUNED = {f"history {purpose}": 12 for purpose in ("fine_tuned", "noisy_fine_tuned")}
REDUNDANCY = {
    **{f"redundancy {purpose}": 8 for purpose in ("redundancy", "redundancy_live")},
    "deep_pruning deep_pruning": 8,
    **{f"{analysis} smaller_fields": n for analysis, n in (("architecture", 2), ("history", 4), ("one_shot", 4))},
}


# Two seeds of SGD and SAM, once for each budget; two widths of two seeds, with spectra before and after training.
OPTIMISERS = {
    **{f"architecture equal_{budget}": 1 for budget in ("epochs", "evaluations")},
    **{f"{analysis} equal_{budget}": 4 for budget in ("epochs", "evaluations") for analysis in ("history", "one_shot")},
    "sharpness equal_epochs": 4,
}
# As long as either fine-tuning, at the same rate, with nothing pruned.
CONTINUED = {"history continued": 8, "history long_continued": 8}
PRINTED = {f"one_shot printed_{clipping}": 2 for clipping in ("norm", "value", "none")}
CURVATURE = {"architecture curvature": 2, "history curvature": 4, "one_shot curvature": 4, "spectrum curvature": 8}


@pytest.mark.parametrize(
    ("chapter", "expected"),
    [
        (
            "experimental-settings",
            {
                f"{analysis} {purpose}": 2
                for analysis in ("history", "travel")
                for purpose in ("usual", "printed_norm", "printed_value", "printed_none")
            },
        ),
        ("manipulating-the-receptive-field", {"architecture grid": 4, "architecture large": 1}),
        ("accuracy-and-pruning", GRID),
        ("pruning-rates", GRID),
        ("fine-tuning", {**GRID, **CONTINUED, "history fine_tuned": 16, "history long_fine_tuned": 16}),
        # Spectra of seed 0 alone, before and after training; frozen for the two networks of kernel 2.
        (
            "loss-landscape",
            {
                "history grid": 8,
                "spectrum grid": 8,
                "spectrum frozen": 4,
                "history doubled_2": 1,
                "history doubled_4": 1,
            },
        ),
        ("representations", {"similarity grid": 4, "similarity within": 8}),
        (
            "large-receptive-fields",
            {**GRID, "architecture large": 1, "history large": 2, "one_shot large": 2},
        ),
        (
            "width-and-depth",
            {
                **{f"{analysis} width": n for analysis, n in (("architecture", 2), ("history", 4), ("one_shot", 4))},
                **{f"{analysis} shallow": n for analysis, n in (("architecture", 2), ("history", 4), ("one_shot", 4))},
            },
        ),
        (
            "open-questions",
            {**GRID, "architecture variant": 3, "history variant": 6, "one_shot variant": 6, **PRINTED},
        ),
        (
            "should-you-go-deeper",
            {
                "layers full": 2,
                "history full": 4,
                "saturation full": 4,
                "probes full": 4,
                "layers truncated": 1,
                "history truncated": 2,
            },
        ),
        # Both checkpoints of four runs; two tasks with and without padding; two widths, and a cardinality.
        (
            "effective-receptive-field",
            {
                **{f"{analysis} field": n for analysis, n in FIELD.items()},
                "effective_field mirrored": 8,
                "history kernel_padding": 8,
                "pixel_sensitivity kernel_padding": 8,
                "layers constant_field": 3,
                "history constant_field": 6,
            },
        ),
        ("receptive-field-refinement", REFINEMENT),
        ("noise-before-pruning", {**NOISE, **TUNED}),
        ("redundancy-and-saturation", {**GRID, **REDUNDANCY}),
        ("optimisers-and-prunability", OPTIMISERS),
        ("width-and-curvature", CURVATURE),
        # Whatever the chapters before measure, except for the courses of the printed protocol, each once.
        (
            "claims",
            {
                **GRID,
                **{f"{analysis} large": n for analysis, n in (("architecture", 1), ("history", 2), ("one_shot", 2))},
                **{f"{analysis} width": n for analysis, n in (("architecture", 2), ("history", 4), ("one_shot", 4))},
                **{f"{analysis} shallow": n for analysis, n in (("architecture", 2), ("history", 4), ("one_shot", 4))},
                **{f"{analysis} variant": n for analysis, n in (("architecture", 3), ("history", 6), ("one_shot", 6))},
                **PRINTED,
                **CONTINUED,
                "history fine_tuned": 16,
                "history long_fine_tuned": 16,
                "spectrum grid": 8,
                "spectrum frozen": 4,
                "similarity grid": 4,
                "similarity within": 8,
                "history doubled_2": 1,
                "history doubled_4": 1,
                "layers full": 2,
                **{f"{analysis} full": 4 for analysis in ("history", "saturation", "probes")},
                "layers truncated": 1,
                "history truncated": 2,
                **{f"{analysis} field": n for analysis, n in FIELD.items()},
                "effective_field mirrored": 8,
                "history kernel_padding": 8,
                "pixel_sensitivity kernel_padding": 8,
                "layers constant_field": 3,
                "history constant_field": 6,
                **REFINEMENT,
                **NOISE,
                "history noisy_fine_tuned": 12,
                **REDUNDANCY,
                **OPTIMISERS,
                **CURVATURE,
            },
        ),
    ],
)
def test_measurements_counted_by_hand(wide: Profile, chapter: str, expected: dict[str, int]) -> None:
    assert counts(plan(chapter, wide)) == expected


@pytest.mark.parametrize("chapter", sorted(PLANS))
def test_no_measurement_is_planned_twice_for_one_purpose(wide: Profile, chapter: str) -> None:
    items = plan(chapter, wide)
    assert len({(item.key.id, item.role, item.purpose) for item in items}) == len(items)


def test_everything_together_holds_each_key_once(wide: Profile) -> None:
    keys = [item.key.id for item in plan(ALL, wide)]
    assert len(keys) == len(set(keys))
    assert set(keys) == {item.key.id for chapter in PLANS for item in plan(chapter, wide)}


def test_two_roles_on_the_same_images_both_have_their_items(profile: Profile) -> None:
    twice = profile.replace(large_images=profile.roles["small_images"])
    roles = Counter(item.role for item in plan("accuracy-and-pruning", twice))
    assert roles == {"small_images": 5, "large_images": 5}


def test_networks_without_changes_are_those_of_another_chapter(wide: Profile) -> None:
    """Nothing is trained twice: only padding, the task of shifts, and other widths and groups are new."""
    deeper = {run.id for item in plan("should-you-go-deeper", wide) for run in item.key.runs}
    new = {run.id: run.config for item in plan("effective-receptive-field", wide) for run in item.key.runs}
    added = [config for name, config in new.items() if name not in deeper]
    assert len(added) == 3 * 2 + 3 * 2
    for config in added:
        shifts = config.data.task == "shifts"
        assert shifts or config.model.kernel_padding or config.model.architecture == "rf_resnet26"
        assert (config.model.classes == 4) == shifts
    scales = {(each.model.width, each.model.cardinality) for each in added if each.model.pool_kernel == 2}
    assert scales == {(wide.width, 1), (2 * wide.width, 1), (wide.width, 4)}


def test_every_chapter_of_the_book_has_a_plan_and_the_other_way_round() -> None:
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    files = [chapter["file"] for part in parts for chapter in part["chapters"]]
    notebooks = {file.removeprefix("notebooks/") for file in files if file.startswith("notebooks/")}
    assert {name for name in notebooks if measures(name)} == PLANS.keys() | {LEDGER}
    others = notebooks - PLANS.keys() - {LEDGER}
    # A study that a student plans is opened by its chapter under the name of the chapter whose plan it takes.
    assert {name for name in others if not is_lesson(ROOT / "notebooks" / f"{name}.md")} == {"your-own-question"}


def test_the_ledger_is_of_everything(wide: Profile) -> None:
    assert plan(LEDGER, wide) == plan(ALL, wide)


def test_a_truncated_network_needs_the_whole_one() -> None:
    with pytest.raises(
        UsageError, match="a truncated network is compared with the whole one: add vgg16 to architectures"
    ):
        DeeperPlan.checked({"architectures": ["vgg11"], "truncated": ["vgg16"]})


def test_layers_are_looked_at_for_fewer_seeds_and_in_the_grid_if_asked(wide: Profile) -> None:
    asked = DeeperPlan(architectures=("vgg11", "resnet18"), truncated=("vgg11",), seeds=(1, 7), grid=True)
    role = wide.roles["small_images"].replace(deeper=asked)
    items = plan("should-you-go-deeper", wide.replace(small_images=role))
    assert counts(items) == {
        "layers full": 2,
        "history full": 4,
        "saturation full": 4,
        "probes full": 4,
        "layers truncated": 1,
        "history truncated": 2,
        "probes grid": 4,
    }
    assert {run.seed for item in items if item.purpose == "full" for run in item.key.runs} == {1, 7}
    # The grid has no seed 7, and a run that nothing else needs is not trained for its probes.
    grid = {run.id for item in items if item.purpose == "grid" for run in item.key.runs}
    dense = {run.id for item in plan("accuracy-and-pruning", wide) for run in item.key.runs if run.seed == 1}
    assert grid == dense


def test_parts_that_a_profile_leaves_out_are_not_planned(profile: Profile) -> None:
    bare = profile.roles["small_images"].replace(spectrum=None, similarity=None, long_fine_tuning_epochs=None)
    bare_profile = profile.replace(small_images=bare)
    assert counts(plan("loss-landscape", bare_profile)) == {"history grid": 2}
    assert plan("representations", bare_profile) == ()
    assert plan("width-and-depth", bare_profile) == ()
    assert counts(plan("fine-tuning", bare_profile))["history fine_tuned"] == 2
    assert plan("representations", profile) == (), "similarity looks at rf_resnet50 alone"


def test_pruned_runs_start_from_the_runs_that_are_pruned_one_shot(wide: Profile) -> None:
    items = plan("fine-tuning", wide)
    dense = {item.key.runs[0].id for item in items if item.key.analysis == "one_shot"}
    parents: list[Any] = [item.key.runs[0].parent for item in items if "fine_tuned" in item.purpose]
    assert {parent.id for parent in parents} == dense


def test_the_dense_run_goes_on_for_as_long_as_fine_tuning_takes(wide: Profile) -> None:
    role = wide.roles["small_images"].replace(fine_tuning_seeds={"rf_resnet50": (1,)})
    items = [item for item in plan("fine-tuning", wide.replace(small_images=role)) if item.purpose == "continued"]
    runs = [item.key.runs[0] for item in items]
    assert [(run.config.model.architecture, run.seed) for run in runs] == [
        *[("rf_vgg19", 0), ("rf_vgg19", 1)] * 2,
        *[("rf_resnet50", 1)] * 2,
    ]
    assert {run.config.mask.rate for run in runs if run.config.mask} == {0.0}
    assert {run.config.training.epochs for run in runs} == {wide.roles["small_images"].fine_tuning.epochs}


def test_an_early_spectrum_needs_no_trained_partner(wide: Profile) -> None:
    role = wide.roles["small_images"].replace(
        spectrum=None, initial_spectrum=SpectrumSettings(eigenvalues=2), initial_spectrum_seeds=(0, 1)
    )
    items = [item for item in plan("loss-landscape", wide.replace(small_images=role)) if item.purpose == "initial"]
    assert [item.key.settings.checkpoint for item in items] == ["initial"] * 8  # type: ignore[attr-defined]
    assert {item.key.runs[0].seed for item in items} == {0, 1}


@pytest.fixture
def controlled(wide: Profile) -> Profile:
    """The wide profile without variants, with everything that the observation is controlled by."""
    role = wide.roles["small_images"].replace(
        variants=None,
        protocol=None,
        calibrated=OneShotSettings(rates=(0.5, 0.95), calibration_images=16),
        readings=ReadingPlan(
            overlapping={"rf_vgg19": (1, 2), "rf_resnet50": (2,)},
            others={"rf_vgg16": (2,)},
            seeds={"rf_resnet50": (1,)},
        ),
        controls=ControlPlan(
            rescaled=RescaledTapsSettings(),
            undecayed={"rf_vgg19": (2,)},
            seeds=(0,),
            enlarged=EnlargedPlan(image_size=32, epochs=1, runs={1: (0,), 2: (0, 1)}),
        ),
    )
    return wide.replace(small_images=role)


def test_controls_counted_by_hand(controlled: Profile) -> None:
    dense = {"architecture grid": 4, "history grid": 8, "one_shot grid": 16, "rescaled_taps rescaled": 8}
    others = {"overlapping": (3, 5), "other_reading": (1, 2), "undecayed": (1, 1)}
    sizes = dict.fromkeys(("enlarged", "unenlarged"), (2, 3))
    assert counts(plan("open-questions", controlled)) == dense | {
        f"{analysis} {purpose}": {"architecture": networks, "history": runs, "one_shot": 2 * runs}[analysis]
        for purpose, (networks, runs) in (others | sizes).items()
        for analysis in ("architecture", "history", "one_shot")
    }
    assert counts(plan("manipulating-the-receptive-field", controlled)) == {
        "architecture grid": 4,
        "architecture large": 1,
        "architecture overlapping": 3,
        "architecture other_reading": 1,
    }


def test_controls_change_what_they_are_named_for_and_nothing_else(controlled: Profile) -> None:
    items = [item for item in plan("open-questions", controlled) if item.key.analysis == "history"]
    runs = {purpose: [i.key.runs[0] for i in items if i.purpose == purpose] for purpose in {i.purpose for i in items}}
    pools = [
        (run.config.model.pool_kernel, run.config.model.pool_stride, run.config.model.pool_padding)
        for run in runs["overlapping"]
    ]
    assert pools == [(2, 1, 1)] * 2 + [(3, 2, 1)] * 2 + [(3, 2, 1)]
    grid = {(run.config.model.architecture, run.config.model.pool_kernel, run.seed): run for run in runs["grid"]}
    (undecayed,) = runs["undecayed"]
    decayed = grid["rf_vgg19", 2, 0].config.training
    assert undecayed.config.training == decayed.replace(optimiser=decayed.optimiser.replace(weight_decay=0.0))
    for large, own in zip(runs["enlarged"], runs["unenlarged"], strict=True):
        assert (large.config.data.side_pixels, large.config.training.epochs) == (32, 1)
        assert large.config.replace(data=own.config.data) == own.config
    described = [i for i in plan("open-questions", controlled) if i.purpose == "enlarged" and not i.key.runs]
    sides = [item.key.settings.image_size for item in described]  # type: ignore[attr-defined]
    assert sides == [32, 32]


def test_asking_for_new_statistics_without_images_is_refused(profile: Profile) -> None:
    with pytest.raises(UsageError, match="calibrated: expected calibration_images of at least 1, found 0; leave it"):
        profile.roles["small_images"].replace(calibrated=OneShotSettings())


def test_doubled_runs_differ_in_their_period(wide: Profile) -> None:
    runs = [item.key.runs[0] for item in plan("loss-landscape", wide) if "doubled" in item.purpose]
    periods = [(run.config.training.epochs, run.config.training.cosine_period_epochs) for run in runs]
    assert periods == [(4, 2), (4, 4)]


def test_an_unknown_chapter(profile: Profile) -> None:
    message = r"unknown chapter with measurements 'fine-tunning': .*Did you mean 'fine-tuning'\?"
    with pytest.raises(UsageError, match=message):
        plan("fine-tunning", profile)


def test_originals_are_runs_of_another_chapter_and_a_network_keeps_its_own_width(wide: Profile) -> None:
    refinement = [item for item in plan("receptive-field-refinement", wide) if item.key.analysis == "history"]
    deeper = {item.key.id for item in plan("should-you-go-deeper", wide)}
    originals = [item.key for item in refinement if item.purpose == "original"]
    shared = [key for key in originals if key.runs[0].config.model.architecture == "resnet18"]
    assert len(shared) == 2
    assert {key.id for key in shared} <= deeper
    models = [item.key.runs[0].config.model for item in refinement]
    assert {model.width for model in models if model.architecture == "efficientnet_b0"} == {1.0}
    assert {model.width for model in models if model.architecture == "resnet18"} == {wide.width}
    side = wide.roles["small_images"].side_pixels
    assert [model.refined_for for model in models] == [None, None, side, side] * 2


def test_noise_and_redundancy_look_at_runs_that_other_chapters_train(wide: Profile) -> None:
    """Nothing dense is trained for them but smaller fields; what is fine-tuned after noise is new as well."""
    others = ("accuracy-and-pruning", "fine-tuning")
    known = {run.id for chapter in others for item in plan(chapter, wide) for run in item.key.runs}
    items = [item for chapter in ("noise-before-pruning", "redundancy-and-saturation") for item in plan(chapter, wide)]
    new = [item for item in items if any(run.id not in known for run in item.key.runs)]
    assert {item.purpose for item in new} == {"noisy_fine_tuned", "smaller_fields"}
    tuned = [item.key.runs[0] for item in new if item.purpose == "noisy_fine_tuned"]
    masks = [run.config.mask for run in tuned]
    assert all(mask is not None and mask.noise is not None and mask.noise.draw == 0 for mask in masks)
    assert {run.parent.id for run in tuned} <= known  # type: ignore[union-attr]
    smaller = [item.key.runs[0].config.model for item in new if item.purpose == "smaller_fields"]
    assert {(model.pool_kernel, model.omitted_downsamplings) for model in smaller} == {(1, 1), (1, 2)}
