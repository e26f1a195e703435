from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from rflib.config import (
    ArchitectureSettings,
    DataConfig,
    MeasurementKey,
    ModelConfig,
    Run,
    RunConfig,
    SpectrumSettings,
)
from rflib.errors import StoreError, UsageError
from rflib.study.store import Store, commit
from rflib.study.store.encoding import safetensors_bytes
from rflib.study.store.layout import Layout, plain
from rflib.study.store.manifest import entry_of, manifest_bytes

MakeRun = Callable[..., Run]
MakeKey = Callable[..., MeasurementKey]


def assert_same_arrays(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
        assert found[name].flags.writeable


def test_a_measurement_comes_back(store: Store, make_key: MakeKey, weights: dict[str, np.ndarray]) -> None:
    key = make_key()
    assert not store.has_measurement(key)
    values = {"accuracy": [0.1, 1 / 3, None], "rows": {"a": True, "text": "ü"}, "tuple": (1, 2)}
    store.save_measurement(key, values=values, arrays=weights, provenance={"seconds": 1.5})
    assert store.has_measurement(key)
    found = Store(store.root, read_only=True).load_measurement(key)
    assert found.values == {**values, "tuple": [1, 2]}
    assert found.provenance == {"seconds": 1.5}
    assert_same_arrays(found.arrays, weights)
    assert found.name == key.name
    assert found.key == key.model_dump(mode="json")
    assert (found.analysis, found.version, found.settings) == ("history", 1, {})
    assert [Run.model_validate(run) for run in found.runs] == list(key.runs)


def test_a_measurement_without_runs_or_arrays(store: Store) -> None:
    key = MeasurementKey.of(ArchitectureSettings(model=ModelConfig(pool_kernel=3)))
    store.save_measurement(key, values={}, provenance={})
    found = store.load_measurement(key)
    assert (found.runs, found.arrays) == ([], {})
    assert found.settings["model"]["pool_kernel"] == 3


def test_measurements_come_sorted_and_complete(store: Store, make_key: MakeKey) -> None:
    assert list(store.measurements()) == []
    for seed in (3, 1, 2):
        store.save_measurement(make_key(seed), values={"seed": seed}, provenance={})
    (store.root / "measurements" / ".partial.x.1.2.abc").mkdir()
    names = [found.name for found in store.measurements()]
    assert names == sorted(make_key(seed).name for seed in (1, 2, 3))


def test_the_first_commit_wins(store: Store, make_key: MakeKey) -> None:
    for attempt in (1, 2):
        store.save_measurement(make_key(), values={"attempt": attempt}, provenance={})
    assert store.load_measurement(make_key()).values == {"attempt": 1}
    assert Layout(store.root).temporaries() == []


def test_what_is_missing_is_named_with_what_to_do(store: Store, make_key: MakeKey, make_run: MakeRun) -> None:
    with pytest.raises(StoreError, match=r"nothing is stored at .*history-.*compute it with `rflib study`"):
        store.load_measurement(make_key())
    with pytest.raises(StoreError, match=r"nothing is stored at .*cifar10-.*"):
        store.load_weights(make_run(), "last")


def test_weights_come_back(store: Store, make_run: MakeRun, weights: dict[str, np.ndarray]) -> None:
    run, best = make_run(), {name: array.copy() for name, array in weights.items()}
    best["mask"] = ~best["mask"]
    assert not store.has_weights(run)
    store.save_weights(run, {"last": weights, "best": best}, provenance={})
    assert store.has_weights(run)
    assert not store.has_weights(make_run(seed=1))
    assert_same_arrays(store.load_weights(run, "last"), weights)
    assert_same_arrays(store.load_weights(run, "best"), best)
    with pytest.raises(UsageError, match=r"unknown checkpoint 'lost': expected one of best, last"):
        store.load_weights(run, "lost")


def test_other_settings_under_the_same_name_are_refused(
    store: Store, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs with one name can only come from a broken hash; the settings themselves are compared too."""
    run, other = make_run(0), make_run(1)
    store.save_weights(run, {"last": {"w": np.zeros(1)}}, provenance={})
    store.save_resume_point(run, 1, {"w": np.zeros(1)}, {})
    store.save_measurement(spectrum(run), values={}, provenance={})
    monkeypatch.setattr(Run, "name", run.name)
    monkeypatch.setattr(MeasurementKey, "name", spectrum(run).name)
    with pytest.raises(StoreError, match=r"answers other settings: expected run.seed = 1, found 0"):
        store.load_weights(other, "last")
    with pytest.raises(StoreError, match=r"answers other settings: expected run.seed = 1, found 0"):
        store.load_resume_point(other)
    with pytest.raises(StoreError, match=r"expected key.settings.images = 256, found 512; remove that folder"):
        store.load_measurement(spectrum(run, images=256))


def spectrum(run: Run, **settings: int) -> MeasurementKey:
    return MeasurementKey.of(SpectrumSettings(**settings), run)


def test_a_pickle_is_refused_and_not_executed(store: Store, make_run: MakeRun, tmp_path: Path) -> None:
    """With a manifest that vouches for it, as somebody who wants it to be loaded would write one."""
    run, proof = make_run(), tmp_path / "executed"
    store.save_weights(run, {"last": {"w": np.zeros(1)}}, provenance={})
    folder = Layout(store.root).weights(run.name)
    for protocol in range(6):
        hostile = hostile_pickle(proof, protocol)
        for vouched in (False, True):
            (folder / "last.safetensors").write_bytes(hostile)
            files = {name: (folder / name).read_bytes() for name in ("run.json", "last.safetensors")}
            if vouched:
                (folder / "manifest.json").write_bytes(
                    manifest_bytes(folder.name, {name: entry_of(content) for name, content in files.items()})
                )
            expected = r"is a pickle: expected safetensors weights.*was not loaded" if protocol > 1 else "last"
            with pytest.raises(StoreError, match=expected):
                store.load_weights(run, "last")
    assert not proof.exists()


def hostile_pickle(proof: Path, protocol: int) -> bytes:
    code = (
        "import os, pickle, pathlib, sys\n"
        "class Hostile:\n"
        "    def __reduce__(self): return (os.mkdir, (sys.argv[1],))\n"
        "sys.stdout.buffer.write(pickle.dumps(Hostile(), int(sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, str(proof), str(protocol)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_the_hostile_pickle_is_hostile(tmp_path: Path) -> None:
    proof = tmp_path / "executed"
    subprocess.run(
        [sys.executable, "-c", "import pickle, sys; pickle.load(sys.stdin.buffer)"],
        input=hostile_pickle(proof, 4),
        check=True,
    )
    assert proof.exists()


def test_arrays_with_pickled_objects_are_refused(store: Store, make_key: MakeKey) -> None:
    key = make_key()
    with pytest.raises(StoreError, match=r"array 'x': expected a numpy array of numbers, found .*object"):
        store.save_measurement(key, values={}, arrays={"x": np.array([None])}, provenance={})
    store.save_measurement(key, values={}, arrays={"x": np.zeros(1)}, provenance={})
    folder = Layout(store.root).measurement(key.name)
    np.savez(folder / "arrays.npz", x=np.array([{}], dtype=object))
    files = {name: (folder / name).read_bytes() for name in ("measurement.json", "arrays.npz")}
    (folder / "manifest.json").write_bytes(
        manifest_bytes(folder.name, {name: entry_of(content) for name, content in files.items()})
    )
    with pytest.raises(StoreError, match=r"arrays.npz cannot be read: .*allow_pickle=False"):
        store.load_measurement(key)


def test_the_two_newest_resume_points_are_kept(store: Store, make_run: MakeRun) -> None:
    run, other = make_run(0), make_run(1)
    assert store.load_resume_point(run) is None
    store.save_resume_point(other, 1, {"w": np.zeros(1)}, {})
    for step in (1, 5, 20, 100):
        store.save_resume_point(run, step, {"w": np.full(2, step)}, {"loss": 1 / step})
    steps = [Layout.resumed_step(path) for path in Layout(store.root).resume_points(run.name)]
    assert steps == [100, 20]
    found = store.load_resume_point(run)
    assert found is not None
    assert (found.step, found.state, found.damaged) == (100, {"loss": 0.01}, ())
    assert found.arrays["w"].tolist() == [100, 100]
    store.discard_resume_points(run)
    assert store.load_resume_point(run) is None
    assert store.load_resume_point(other) is not None


def test_a_measurement_has_resume_points_as_a_run_has(store: Store, make_run: MakeRun) -> None:
    key = MeasurementKey.of(SpectrumSettings(), make_run())
    other = MeasurementKey.of(SpectrumSettings(images=9), make_run())
    for step in (1, 2, 3):
        store.save_resume_point(key, step, {"w": np.full(2, step)}, {"step": step}, kept=1)
    assert [Layout.resumed_step(path) for path in Layout(store.root).resume_points(key.name)] == [3]
    assert store.load_resume_point(other) is None
    found = store.load_resume_point(key)
    assert found is not None
    assert (found.step, found.state, found.arrays["w"].tolist()) == (3, {"step": 3}, [3, 3])
    shutil.copytree(Layout(store.root).resume_point(key.name, 3), Layout(store.root).resume_point(other.name, 3))
    assert store.load_resume_point(other) is None, "swapped folders are damage"
    store.discard_resume_points(key)
    assert store.load_resume_point(key) is None


def test_large_arrays_of_a_resume_point_are_never_in_memory_together(
    store: Store, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is made when its turn comes: at most one is whole in memory, and it holds few arrays."""
    monkeypatch.setattr("rflib.study.store.store.RESUME_FILE_BYTES", 100)
    arrays = {f"row-{index}": np.full(5, index, dtype=np.float64) for index in range(7)}  # 40 bytes each
    arrays["large"] = np.arange(50.0)
    made, written = [], []
    encode, write = safetensors_bytes, commit._write_synced
    monkeypatch.setattr(
        "rflib.study.store.store.safetensors_bytes", lambda group: made.append(len(group)) or encode(group)
    )
    monkeypatch.setattr(
        commit, "_write_synced", lambda path, content: (written.append((path.name, len(made))), write(path, content))
    )
    store.save_resume_point(make_run(), 1, arrays, {})
    assert written == [
        ("state.json", 0),
        ("arrays.safetensors", 1),
        *((f"arrays-{index}.safetensors", index + 1) for index in range(1, 5)),
        ("manifest.json", 5),
    ]
    assert made == [2, 2, 2, 1, 1]
    found = store.load_resume_point(make_run())
    assert found is not None
    assert_same_arrays(found.arrays, arrays)


@pytest.mark.parametrize("file", ["state.json", "arrays.safetensors", "manifest.json"])
def test_a_damaged_newest_resume_point_falls_back(store: Store, make_run: MakeRun, file: str) -> None:
    run = make_run()
    for step in (1, 2):
        store.save_resume_point(run, step, {"w": np.full(2, step)}, {})
    folder = Layout(store.root).resume_point(run.name, 2)
    (folder / file).write_bytes((folder / file).read_bytes()[:-1])
    seen = Store(store.root, read_only=True).load_resume_point(run)
    assert folder.exists()  # a read-only store changes nothing
    found = store.load_resume_point(run)
    assert found is not None
    assert seen is not None
    assert (found.step, seen.step) == (1, 1)
    assert found.damaged == seen.damaged
    assert "is damaged" in found.damaged[0]
    assert file in found.damaged[0]
    assert not folder.exists()
    assert len(list((store.root / "quarantine").iterdir())) == 1
    store.save_resume_point(run, 2, {"w": np.full(2, 2)}, {})
    again = store.load_resume_point(run)
    assert again is not None
    assert (again.step, again.damaged) == (2, ())


def test_a_read_only_store_refuses_changes(store: Store, make_run: MakeRun, make_key: MakeKey) -> None:
    closed = Store(store.root, read_only=True)
    changes = [
        lambda: closed.save_measurement(make_key(), values={}, provenance={}),
        lambda: closed.save_weights(make_run(), {}, provenance={}),
        lambda: closed.save_resume_point(make_run(), 1, {}, {}),
        lambda: closed.discard_resume_points(make_run()),
        lambda: closed.lock("x").__enter__(),
        closed.collect_garbage,
    ]
    for change in changes:
        with pytest.raises(StoreError, match=r"was opened read-only: write to another one"):
            change()
    assert not store.root.exists()


def test_a_measurement_is_copied_byte_for_byte(store: Store, make_key: MakeKey, tmp_path: Path) -> None:
    target = Store(tmp_path / "results")
    store.save_measurement(make_key(), values={"a": 1}, arrays={"x": np.arange(3)}, provenance={})
    target.copy_measurement(make_key(), store)
    folders = [Layout(root).measurement(make_key().name) for root in (store.root, target.root)]
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a\0b", "x" * 201])
def test_names_that_are_no_file_names_are_refused(name: str, store: Store, make_run: MakeRun) -> None:
    with pytest.raises(StoreError, match="cannot name a stored object: expected 1 to 200 bytes"):
        plain(name)
    with pytest.raises(StoreError, match="cannot name a stored object"), store.lock(f"../{name}"):
        pass
    with pytest.raises(StoreError, match="cannot name a stored object"):
        store.save_weights(make_run(), {name: {"w": np.zeros(1)}}, provenance={})
    assert not store.root.exists()


def test_a_data_set_cannot_lead_out_of_the_store(store: Store) -> None:
    run = Run.model_construct(
        config=RunConfig.model_construct(
            data=DataConfig.model_construct(name="folder:../../x", image_size=None),
            model=ModelConfig(),
            mask=None,
            parent=None,
        ),
        seed=0,
    )
    with pytest.raises(StoreError, match="cannot name a stored object"):
        store.has_weights(run)


def test_files_are_plain_json_that_git_can_compare(store: Store, make_key: MakeKey) -> None:
    store.save_measurement(make_key(), values={"b": 1, "a": [0.5]}, provenance={})
    text = (Layout(store.root).measurement(make_key().name) / "measurement.json").read_text()
    assert text.endswith("}\n")
    assert list(json.loads(text)) == ["key", "provenance", "values"]
    assert text.index('"a"') < text.index('"b"')


def test_a_deleted_store_is_an_empty_one(store: Store, make_key: MakeKey) -> None:
    store.save_measurement(make_key(), values={}, provenance={})
    shutil.rmtree(store.root)
    assert not store.has_measurement(make_key())
    assert list(store.measurements()) == []
    assert store.check() == []
    assert store.collect_garbage() == []


def imported_with_store(module: str, *, also: str = "pass") -> bool:
    code = f"import rflib.study.store, rflib.study.store.published, rflib.study.store.provenance, sys\n{also}\n"
    code += f"sys.exit({module!r} in sys.modules)"
    return bool(subprocess.run([sys.executable, "-c", code]).returncode)


def test_the_store_does_not_import_torch() -> None:
    assert not imported_with_store("torch")
    assert imported_with_store("torch", also="sys.modules['torch'] = sys")  # the check can fail
