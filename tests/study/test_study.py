"""Studies: what is complete is loaded, what is missing is computed once, and what cannot be right is refused."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rflib.data import fingerprint
from rflib.errors import DataError, StoreError, UsageError
from rflib.study import compute
from rflib.study.plans import plan
from rflib.study.profiles import load_profile
from rflib.study.store import Store
from rflib.study.study import Outcome, Study, open_study

Open = Callable[..., Study]


def test_ensure_computes_what_is_missing_once(open_tiny: Open, trainings: list[int]) -> None:
    study = open_tiny()
    progress: list[tuple[int, int]] = []
    assert len(study.missing()) == len(study.items) == 3
    outcome = study.ensure(workers=1, on_progress=lambda done, total: progress.append((done, total)))
    assert outcome == Outcome(loaded=0, computed=3, reused=0)
    assert str(outcome) == "0 measurements loaded, 3 computed"
    assert (study.missing(), len(trainings), progress[-1]) == ([], 1, (3, 3))

    again = open_tiny().ensure(workers=1)
    assert (again, len(trainings)) == (Outcome(loaded=3, computed=0, reused=0), 1)
    wider = open_tiny(seeds=[0, 1]).ensure(workers=1)
    assert (wider, len(trainings)) == (Outcome(loaded=3, computed=2, reused=0), 2)


def test_a_measurement_that_two_purposes_share_counts_once(open_tiny: Open) -> None:
    study = open_tiny()
    shared = replace(study, items=(*study.items, *(replace(item, purpose="another") for item in study.items)))
    assert len(shared.missing()) == 6
    assert shared.ensure(workers=1) == Outcome(loaded=0, computed=3, reused=0)
    assert shared.ensure(workers=1) == Outcome(loaded=3, computed=0, reused=0)


def test_chapters_share_runs(open_tiny: Open, trainings: list[int]) -> None:
    open_tiny().ensure(workers=1)
    study = open_tiny("fine-tuning", fine_tuning_epochs=1)
    assert study.ensure(workers=1) == Outcome(loaded=3, computed=4, reused=0)
    assert len(trainings) == 5, "the dense run, and for each length of fine-tuning one pruned run and one that is not"


def test_a_finished_measurement_needs_no_weights(open_tiny: Open, project: Path) -> None:
    study = open_tiny()
    study.ensure(workers=1)
    for path in (project / "runs" / "weights").rglob("*"):
        if path.is_file():
            path.unlink()
    frame = open_tiny().frame("one_shot")
    assert len(frame) == 2 * 3


def test_frames_tell_runs_apart(open_tiny: Open) -> None:
    study = open_tiny("fine-tuning", fine_tuning_epochs=1, epochs=2)
    study.ensure(workers=1)
    history = study.frame("history")
    assert history["purpose"].tolist() == [
        *["grid"] * 2,
        *["continued"],
        *["long_continued"] * 3,
        *["fine_tuned"],
        *["long_fine_tuned"] * 3,
    ]
    assert history["epoch"].tolist() == [1, 2, 1, 1, 2, 3, 1, 1, 2, 3]
    assert history["mask_rate"].dropna().tolist() == [0.0] * 4 + [0.9] * 4
    row = history.iloc[0]
    assert (row["role"], row["architecture"], row["pool_kernel"], row["width"]) == ("small_images", "rf_vgg19", 2, 0.03)
    assert (row["seed"], row["epochs"], row["cosine_period_epochs"]) == (0, 2, 2)
    assert study.frame("history", "grid")["epoch"].tolist() == [1, 2]
    assert study.frame("spectrum").empty


def test_a_missing_measurement_names_the_command(open_tiny: Open) -> None:
    study = open_tiny()
    message = (
        r"history-.* is not in .*runs: expected a complete measurement\. Call `study\.ensure\(\)` or run "
        r"`rflib study --profile tiny`\."
    )
    with pytest.raises(StoreError, match=message):
        study.load(study.items[1].key)
    with pytest.raises(StoreError, match="expected a complete measurement"):
        study.frame("one_shot")


def test_published_measurements_are_reused_only_when_asked_for(
    open_tiny: Open, project: Path, trainings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = open_tiny()
    computed.ensure(workers=1)
    published = Store(project / "results")
    for item in computed.items[:2]:
        published.copy_measurement(item.key, computed.store)
    monkeypatch.setenv("RFLIB_RUNS", str(project / "other"))

    study = open_tiny(reuse="published")
    assert [item.key.analysis for item in study.missing()] == ["one_shot"]
    assert study.load(study.items[0].key).values == computed.load(study.items[0].key).values
    assert len(open_tiny().missing()) == 3
    outcome = study.ensure(workers=1)
    assert outcome == Outcome(loaded=2, computed=1, reused=2)
    assert str(outcome) == "2 measurements loaded, 2 of them published, 1 computed"
    assert len(trainings) == 2, "published are measurements, not weights: one more of them means training again"


@pytest.mark.parametrize(
    ("chapter", "options", "message"),
    [
        ("acuracy-and-pruning", {}, r"unknown chapter .*Did you mean 'accuracy-and-pruning'\?"),
        ("fine-tuning", {"profile": "tinny"}, r"unknown profile 'tinny': expected one of published, tiny"),
        ("fine-tuning", {"pool_kernel": [1]}, r"unknown parameter 'pool_kernel': .*Did you mean 'pool_kernels'\?"),
        ("fine-tuning", {"rates": [2]}, r"parameters: 'rates\.0': expected less than 1, found 2"),
        ("fine-tuning", {"reuse": "all"}, r"reuse: expected None or 'published', found 'all'"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_computed(
    project: Path, chapter: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_study(chapter, **{"profile": "tiny", **options})  # type: ignore[arg-type]
    assert not (project / "runs" / "weights").exists()


def test_images_too_small_for_the_network_name_the_layer(open_tiny: Open) -> None:
    message = (
        r"images of 16 pixels are too small for rf_vgg19: layer 'features\.\d+\.pool' runs out of pixels\. "
        r"Expected at least 24 pixels"
    )
    with pytest.raises(UsageError, match=message):
        open_tiny(pool_kernels=[3]).ensure(workers=1)


def test_images_that_changed_since_the_study_was_opened_are_refused(
    open_tiny: Open, rewrite_images: Callable[[], None], trainings: list[int]
) -> None:
    before = open_tiny()
    rewrite_images()
    message = (
        r"data set 'folder:shapes' has fingerprint \w{16}, expected \w{16}: its images or labels are not those used "
        r"before; restore them"
    )
    with pytest.raises(DataError, match=message):
        before.ensure(workers=1)
    assert trainings == []
    after = open_tiny()
    assert {item.key.id for item in after.items[1:]}.isdisjoint(item.key.id for item in before.items)


def test_a_wrong_number_of_classes_is_refused(open_tiny: Open, project: Path) -> None:
    path = project / "notebooks" / "profiles" / "tiny.yml"
    path.write_text(path.read_text().replace("classes: 2", "classes: 3"))
    message = r"data set 'folder:shapes' has 2 classes, the network 3; set `classes` in the profile"
    with pytest.raises(DataError, match=message):
        open_tiny().ensure(workers=1)


@pytest.mark.parametrize(
    ("data", "side"),
    [('{name: "folder:shapes"}', 16), ('{name: "folder:shapes", image_size: 24}', 24), ("{name: digits}", 32)],
)
def test_networks_are_described_at_the_size_of_their_images(
    open_tiny: Open, project: Path, data: str, side: int
) -> None:
    path = project / "notebooks" / "profiles" / "tiny.yml"
    path.write_text(path.read_text().replace('{name: "folder:shapes"}', data))
    sizes = {item.key.settings.image_size for item in open_tiny().items if item.key.analysis == "architecture"}
    assert sizes == {side}


def test_tiny_imagenet_is_described_at_its_own_size() -> None:
    items = plan("accuracy-and-pruning", load_profile("gpu-hour"))
    sizes = {(i.role, i.key.settings.image_size) for i in items if i.key.analysis == "architecture"}  # type: ignore[attr-defined]
    assert sizes == {("small_images", 32), ("large_images", 64)}


def test_everything_about_one_run_is_finished_before_the_next_begins(
    open_tiny: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    measure = compute.measure

    def recorded(key, store, say):  # type: ignore[no-untyped-def]
        for run in key.runs:
            dense = run.parent or run
            order.append(dense.id)
        measure(key, store, say)

    monkeypatch.setattr(compute, "measure", recorded)
    open_tiny("fine-tuning", seeds=[0, 1], fine_tuning_epochs=1).ensure(workers=1)
    changes = sum(a != b for a, b in itertools.pairwise(order))
    assert (len(order), changes) == (12, 1)


def test_two_at_a_time_train_a_run_once(open_tiny: Open, trainings: list[int]) -> None:
    studies, failures = [open_tiny(), open_tiny()], []

    def ensure(study: Study) -> None:
        try:
            study.ensure(workers=1)
        except BaseException as error:  # a thread would swallow it
            failures.append(error)

    threads = [threading.Thread(target=ensure, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (len(trainings), studies[0].missing()) == (1, [])


@pytest.mark.slow
def test_worker_processes_find_what_one_process_finds(
    open_tiny: Open, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = open_tiny(seeds=[0, 1])
    alone.ensure(workers=1)
    monkeypatch.setenv("RFLIB_RUNS", str(project / "other"))
    together = open_tiny(seeds=[0, 1])
    assert together.ensure(workers=2).computed == 5
    for item in alone.items:
        assert together.load(item.key).values == alone.load(item.key).values


@pytest.mark.slow
def test_digits_end_to_end(project: Path) -> None:
    path = project / "notebooks" / "profiles" / "tiny.yml"
    text = path.read_text().replace('{name: "folder:shapes"}', "{name: digits, image_size: 32}")
    path.write_text(text.replace("classes: 2", "classes: 10"))
    schedule = {"epochs": 2, "fine_tuning_epochs": 1, "learning_rate": 0.5}
    study = open_study("fine-tuning", profile="tiny", width=0.1, pool_kernels=[4], seeds=[0], **schedule)
    study.ensure(workers=1)
    accuracy = study.frame("history", "grid")["test_accuracy"]
    assert accuracy.iloc[-1] > 30, "ten classes: guessing gives 10"


def test_every_planned_run_names_the_images_that_it_opens(project: Path) -> None:
    source = Path(__file__).parents[2] / "notebooks" / "profiles" / "smoke.yml"
    (project / "notebooks" / "profiles" / "smoke.yml").write_text(source.read_text())
    items = open_study("all", profile="smoke").items
    planned = {run.config.data for item in items for run in item.key.runs if run.config.data.name == "digits"}
    sizes = {config.image_size for config in planned}
    assert len(sizes) > 1, "the profile enlarges its images"
    for config in planned:
        found = fingerprint(config.replace(fingerprint=""), data_root=project, cache_root=project / "cache")
        assert config.fingerprint == found, config
