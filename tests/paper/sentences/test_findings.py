from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from rflib.paper import frames
from rflib.paper.chapters import loss_landscape, representations
from rflib.paper.claims import decide
from rflib.paper.findings import findings
from rflib.paper.say import NOTHING, magnitude
from rflib.study.store.published import PublishedProfile
from rflib.study.study import Study, open_study


def listed(finished: int, planned: int) -> PublishedProfile:
    names = tuple(f"m-{index}" for index in range(finished))
    return PublishedProfile(settings={}, measurements=names, planned=planned, data={})


OTHERS = [
    "**Or statistics that no longer fit?**",
    "**Is the loss landscape rougher?**",
    "**Do two seeds learn different things?**",
]


@pytest.fixture(scope="module")
def study() -> Study:
    return open_study("claims", profile="published")


def test_findings_have_each_network_the_verdicts_and_how_sure_they_are(study: Study) -> None:
    dense, pruned, live, *others, certainty = findings(study, [listed(3, 10), listed(2, 4)]).points
    table = frames.accuracy_and_pruning(study, rate=0.8)
    asked = {"dense": (dense, "RR-01"), "pruned": (pruned, "RR-03"), "live": (live, "OQ-01")}
    for quantity, (point, claim) in asked.items():
        for name, group in table.groupby("architecture"):
            assert f"`{name}` " in point
            for row in group.to_dict("records"):
                # Student's 97.5 % quantile with two degrees of freedom is 4.3027, from a printed table.
                mean, half = row[f"{quantity}_mean"], 4.3027 * row[f"{quantity}_sd"] / 3**0.5
                around = f" [{mean - half:z.1f}, {mean + half:z.1f}]" if row["n"] == 3 else ""
                assert f"{mean:.1f} %{around} at {row['receptive_field']:.0f} px" in point
        (verdict,) = decide(study, claim)
        assert f"{claim}: {verdict.label}" in point
    assert all(re.match(r"\*\*[A-Z].*\?\*\* .*\([A-Z]{2}-\d\d: .*\)$", point) for point in [dense, *others])
    assert [point[: point.index("?** ") + 3] for point in others] == OTHERS
    assert certainty.startswith(
        "**How sure is that?** In brackets behind a mean stands its 95 % interval. Of 25 claims of the"
    )
    assert certainty.endswith("5 of 14 planned measurements are finished.")


@pytest.fixture(scope="module")
def point_of(study: Study) -> Callable[[str], str]:
    points = findings(study, [listed(1, 1)]).points
    return lambda question: next(point for point in points if point.startswith(question))


def test_new_statistics_are_given_at_every_field_that_was_measured_anew(
    study: Study, point_of: Callable[[str], str]
) -> None:
    """The first half of the point is of all weights, the second of those that can learn."""
    halves = point_of(OTHERS[0]).split("; of the weights that can learn: ")
    runs = frames.recalibrated(study)
    runs = runs[(runs["rate"] - 0.8).abs() < 1e-9]
    fields = frames.fields(study, "small_images").set_index(["architecture", "pool_kernel"])["receptive_field"]
    for half, scope in zip(halves, ("global", "live"), strict=True):
        networks = runs[runs["scope"] == scope].groupby(["architecture", "pool_kernel"])["pruned_calibrated"]
        assert half.count(" px") == networks.ngroups
        for network, values in networks:
            # Student's 97.5 % quantile with two degrees of freedom is 4.3027, from a printed table.
            mean, width = values.mean(), 4.3027 * values.std() / 3**0.5
            around = f" [{mean - width:z.1f}, {mean + width:z.1f}]" if len(values) == 3 else ""
            assert f"{mean:.1f} %{around} at {fields[network]:.0f} px" in half
    assert all(f"{claim}: {decide(study, claim)[0].label}" in halves[1] for claim in ("OQ-03", "OQ-04"))


def test_the_largest_eigenvalue_before_training_is_given_at_every_kernel(
    study: Study, point_of: Callable[[str], str]
) -> None:
    point = point_of(OTHERS[1])
    spectra = loss_landscape.spectra(study)
    first = spectra[(spectra["checkpoint"] == "initial") & (spectra["batch_statistics"] == "batch")]
    for name, network in first.groupby("architecture"):
        means = network.groupby(["pool_kernel", "seed"])["eigenvalue"].max().groupby("pool_kernel").mean()
        listed_means = ", ".join(f"{magnitude(mean)} at k = {kernel}" for kernel, mean in means.items())
        assert f"`{name}` {listed_means} (n = " in point
    assert f"RR-11: {decide(study, 'RR-11')[0].label}" in point


def test_the_similarity_of_the_deep_layers_is_given_at_every_kernel(
    study: Study, point_of: Callable[[str], str]
) -> None:
    point = point_of(OTHERS[2])
    layers = representations.similarity_by_layer(study)
    deep = layers[layers["layer"] > 25]
    for checkpoint, moment in (("last", "trained"), ("initial", "untrained")):
        means = deep[deep["checkpoint"] == checkpoint].groupby("pool_kernel")["debiased"].mean()
        listed_means = ", ".join(f"{mean:.2f} at k = {kernel}" for kernel, mean in means.items())
        assert f" {moment} {listed_means}" in point
    pairs = deep.groupby(["checkpoint", "pool_kernel"])[["seed", "second_seed"]].value_counts()
    fewest = int(pairs.groupby(["checkpoint", "pool_kernel"]).size().min())
    assert f"({fewest} pair{'s' if fewest > 1 else ''} of seeds). (RR-15: {decide(study, 'RR-15')[0].label})" in point


def test_without_measurements_nothing_is_found(study: Study) -> None:
    assert findings(replace(study, items=()), []) == NOTHING
