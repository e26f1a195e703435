from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rflib.config import DataFacts, MeasurementKey
from rflib.errors import StoreError
from rflib.study.store import Store
from rflib.study.store.published import Index, publish

MakeKey = Callable[..., MeasurementKey]

FACTS = DataFacts(
    name="cifar10",
    fingerprint="f" * 16,
    train_images=50_000,
    test_images=10_000,
    classes=10,
    side_pixels=32,
    mean=(0.5, 0.5, 0.5),
    deviation=(0.25, 0.25, 0.25),
)


@pytest.fixture
def results(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def keys(store: Store, make_key: MakeKey) -> list[MeasurementKey]:
    for seed in (0, 1):
        arrays = {"x": np.arange(seed + 1)}
        store.save_measurement(make_key(seed), values={"seed": seed}, arrays=arrays, provenance={})
    return [make_key(0), make_key(1)]


def test_what_is_published_stands_on_its_own(store: Store, results: Store, keys: list[MeasurementKey]) -> None:
    profile = publish(store, results, keys, "digits", {"seeds": [0, 1]}, {"small_images": FACTS})
    assert profile.measurements == tuple(sorted(key.name for key in keys))
    assert profile.planned == 2
    assert profile.data == {"small_images": FACTS}
    assert profile.settings == {"seeds": [0, 1]}
    published = Store(results.root, read_only=True)
    assert [published.load_measurement(key).values["seed"] for key in keys] == [0, 1]
    assert Index.load(results.root).profiles == {"digits": profile}
    assert {path.name for path in results.root.iterdir()} == {"measurements", "index.json"}


def test_the_index_has_the_same_bytes_for_the_same_content(
    store: Store, results: Store, keys: list[MeasurementKey], tmp_path: Path
) -> None:
    other = Store(tmp_path / "other")
    for target, order in ((results, keys), (other, keys[::-1])):
        for name in ("b", "a") if target is other else ("a", "b"):
            publish(store, target, order, name, {"z": 1, "a": 2}, {})
    assert (results.root / "index.json").read_bytes() == (other.root / "index.json").read_bytes()
    before = (results.root / "index.json").read_bytes()
    publish(store, results, keys, "a", {"a": 2, "z": 1}, {})
    assert (results.root / "index.json").read_bytes() == before


def test_other_profiles_stay(store: Store, results: Store, keys: list[MeasurementKey]) -> None:
    publish(store, results, keys, "digits", {}, {})
    publish(store, results, keys[:1], "smoke", {}, {})
    profiles = Index.load(results.root).profiles
    assert {name: len(profile.measurements) for name, profile in profiles.items()} == {"digits": 2, "smoke": 1}


def test_what_is_finished_is_published_before_the_rest(
    store: Store, results: Store, keys: list[MeasurementKey], make_key: MakeKey
) -> None:
    planned = [*keys, make_key(2)]
    profile = publish(store, results, planned, "digits", {}, {})
    assert (len(profile.measurements), profile.planned) == (2, 3)
    store.save_measurement(make_key(2), values={"seed": 2}, provenance={})
    assert len(publish(store, results, planned, "digits", {}, {}).measurements) == 3


def test_what_was_published_elsewhere_stays_listed(
    store: Store, results: Store, keys: list[MeasurementKey], make_key: MakeKey, tmp_path: Path
) -> None:
    publish(store, results, keys, "digits", {}, {})
    elsewhere = Store(tmp_path / "elsewhere")
    elsewhere.save_measurement(make_key(2), values={"seed": 2}, provenance={})
    profile = publish(elsewhere, results, [*keys, make_key(2)], "digits", {}, {})
    assert profile.measurements == tuple(sorted(key.name for key in [*keys, make_key(2)]))


def test_what_no_profile_lists_any_more_goes(store: Store, results: Store, keys: list[MeasurementKey]) -> None:
    publish(store, results, keys, "digits", {}, {})
    publish(store, results, keys[:1], "digits", {}, {})
    assert [results.has_measurement(key) for key in keys] == [True, False]


def test_nothing_finished_is_nothing_to_publish(store: Store, results: Store, make_key: MakeKey) -> None:
    message = r"none of the 1 measurements of profile 'digits' is finished in .*: run `rflib study --profile digits`"
    with pytest.raises(StoreError, match=message):
        publish(store, results, [make_key(2)], "digits", {}, {})
    assert not results.root.exists()


def test_damage_is_not_published(store: Store, results: Store, keys: list[MeasurementKey]) -> None:
    file = store.root / "measurements" / keys[0].name / "arrays.npz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"arrays.npz is damaged"):
        publish(store, results, keys, "digits", {}, {})
    assert Index.load(results.root).profiles == {}


def test_results_opened_read_only_are_not_changed(store: Store, results: Store, keys: list[MeasurementKey]) -> None:
    with pytest.raises(StoreError, match="read-only"):
        publish(store, Store(results.root, read_only=True), keys, "digits", {}, {})
    with pytest.raises(StoreError, match="read-only"):
        publish(store, Store(results.root, read_only=True), [], "digits", {}, {})
    assert not results.root.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"schema": 99, "profiles": {}}', '{"schema": 1, "profiles": {"a": {}}}']
)
def test_a_damaged_index_is_named(results: Store, text: str) -> None:
    assert Index.load(results.root).profiles == {}
    results.root.mkdir()
    (results.root / "index.json").write_text(text)
    with pytest.raises(StoreError, match=r"index.json is damaged .*restore it from git or publish again"):
        Index.load(results.root)
