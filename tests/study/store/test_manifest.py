"""Fault test 2: whatever happens to committed bytes is detected."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rflib.config import MeasurementKey, Run
from rflib.errors import StoreError
from rflib.study.store import Store
from rflib.study.store.layout import Layout
from rflib.study.store.manifest import Damaged, is_complete, read_verified

Damage = Callable[[bytes], list[bytes]]


def flipped(content: bytes) -> list[bytes]:
    """Return one bit flipped, a different bit each time: in every byte of a manifest, every seventh of the rest."""
    flips = []
    for place in range(0, len(content), 1 if b'"sha256"' in content else 7):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        flips.append(bytes(changed))
    return flips


def truncated(content: bytes) -> list[bytes]:
    return [content[:length] for length in (0, 1, len(content) // 2, len(content) - 1)] + [content + b"\0"]


def zeroed(content: bytes) -> list[bytes]:
    return [bytes(len(content))] + [
        content[:start] + bytes(16) + content[start + 16 :] for start in range(0, len(content), 64)
    ]


@pytest.fixture
def folders(
    store: Store, make_run: Callable[..., Run], make_key: Callable[..., MeasurementKey]
) -> dict[str, list[Path]]:
    """Two objects of every kind, of the same sizes."""
    for seed in (1, 2):
        run, arrays = make_run(seed), {"w": np.full(4, seed, dtype=np.float32)}
        store.save_measurement(make_key(seed), values={"seed": seed}, arrays=arrays, provenance={})
        store.save_weights(run, {"last": arrays, "best": arrays}, provenance={})
        store.save_resume_point(run, 1, arrays, {"seed": seed})
    return {kind: Layout(store.root).objects(kind) for kind in ("measurements", "weights", "resume")}


@pytest.mark.parametrize("damage", [flipped, truncated, zeroed])
@pytest.mark.parametrize("kind", ["measurements", "weights", "resume"])
def test_every_change_of_a_committed_file_is_detected(
    store: Store, folders: dict[str, list[Path]], kind: str, damage: Damage
) -> None:
    tried = detected = 0
    for file in sorted(folders[kind][0].iterdir()):
        content = file.read_bytes()
        for changed in damage(content):
            file.write_bytes(changed)
            tried += 1
            detected += is_reported(folders[kind][0])
        file.write_bytes(content)
    assert tried > 10
    assert detected == tried
    assert store.check() == []


def is_reported(folder: Path) -> bool:
    try:
        read_verified(folder)
    except Damaged as error:
        return str(folder) in str(error) and "rflib gc --corrupt" in str(error)
    return False


@pytest.mark.parametrize("kind", ["measurements", "weights", "resume"])
def test_every_swap_and_every_removal_is_detected(store: Store, folders: dict[str, list[Path]], kind: str) -> None:
    first, second = folders[kind]
    tried = detected = 0
    for name in [None, *sorted(path.name for path in first.iterdir())]:
        one, other = (first, second) if name is None else (first / name, second / name)
        if name is not None and one.read_bytes() == other.read_bytes():
            continue
        swap(one, other)
        tried += 2
        detected += is_reported(first) + is_reported(second)
        assert len(store.check()) == 2
        swap(one, other)
    for file in sorted(first.iterdir()):
        content = file.read_bytes()
        file.unlink()
        tried += 1
        detected += is_reported(first)
        file.write_bytes(content)
    assert tried > 6
    assert detected == tried
    assert store.check() == []


def swap(one: Path, other: Path) -> None:
    between = one.parent.parent / "between"
    os.rename(one, between)
    os.rename(other, one)
    os.rename(between, other)


def test_no_damaged_object_is_served(
    store: Store,
    folders: dict[str, list[Path]],
    make_run: Callable[..., Run],
    make_key: Callable[..., MeasurementKey],
) -> None:
    for kind, file in (("measurements", "arrays.npz"), ("weights", "last.safetensors")):
        for folder in folders[kind]:
            path = folder / file
            path.write_bytes(flipped(path.read_bytes())[-1])
    with pytest.raises(StoreError, match=r"arrays.npz is damaged: expected \d+ bytes with SHA-256 .*, found"):
        store.load_measurement(make_key(1))
    with pytest.raises(StoreError, match=r"arrays.npz is damaged"):
        list(store.measurements())
    with pytest.raises(StoreError, match=r"last.safetensors is damaged"):
        store.load_weights(make_run(1), "last")
    assert store.load_weights(make_run(1), "best")["w"].tolist() == [1, 1, 1, 1]
    faults = store.check()
    assert {fault.name.split("/")[0] for fault in faults} == {"measurements", "weights"}
    assert len(faults) == 4


def test_a_folder_without_a_manifest_is_not_complete(store: Store, folders: dict[str, list[Path]]) -> None:
    folder = folders["weights"][0]
    (folder / "manifest.json").unlink()
    assert not is_complete(folder)
    with pytest.raises(Damaged, match=r"expected .*manifest.json, found best.safetensors, last.safetensors"):
        read_verified(folder)
    (store.root / "empty").mkdir()
    with pytest.raises(Damaged, match=r"found an empty folder"):
        read_verified(store.root / "empty")


def test_an_unreadable_disk_is_damage_but_a_refusal_is_not(
    folders: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be opened just now, for want of a permission or a file handle, must not be moved aside."""
    folder = folders["weights"][0]

    def fail(code: int) -> Callable[[Path], bytes]:
        def read(path: Path) -> bytes:
            raise OSError(code, os.strerror(code), str(path))

        return read

    monkeypatch.setattr(Path, "read_bytes", fail(5))
    with pytest.raises(Damaged, match=r"the disk cannot read it .*Input/output error"):
        read_verified(folder)
    monkeypatch.setattr(Path, "read_bytes", fail(24))
    with pytest.raises(StoreError, match=r"cannot read .*Too many open files") as caught:
        read_verified(folder)
    assert not isinstance(caught.value, Damaged)
