"""The cache: complete or absent, damage and change noticed, faults leave what was there."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rflib.config import DataConfig
from rflib.data import DataSet, fingerprint, open_data_set
from rflib.data.cache import source_stamp
from rflib.errors import DataError, StoreError

CONFIG = DataConfig(name="folder:pets")
Open = Callable[..., DataSet]


@pytest.fixture
def open_pets(pets: Path, data_root: Path, cache_root: Path) -> Open:
    return partial(open_data_set, CONFIG, data_root=data_root, cache_root=cache_root)


@pytest.fixture
def cache(cache_root: Path) -> Path:
    return cache_root / "folder-pets-native"


def inode(cache: Path) -> int:
    """What changes when the cache is rebuilt."""
    return (cache / "train_images.npy").stat().st_ino


def test_the_second_opening_decodes_nothing(open_pets: Open, cache: Path, pets: Path, data_root: Path) -> None:
    first, built = open_pets(), inode(cache)
    # Same names, sizes and times, but no image left: only the cache can answer.
    for path in pets.rglob("*.*"):
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = open_pets()
    assert inode(cache) == built
    assert isinstance(second.train_images.base, np.memmap) or isinstance(second.train_images, np.memmap)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert (first.fingerprint, first.mean, first.std) == (second.fingerprint, second.mean, second.std)
    assert fingerprint(CONFIG, data_root=data_root, cache_root=cache.parent) == first.fingerprint


def test_writing_to_the_arrays_never_reaches_the_cache(open_pets: Open) -> None:
    before = open_pets()
    before.train_images[:] = 0
    assert open_pets(verify=True).train_images.any()


@pytest.mark.parametrize("name", ["train_images.npy", "train_labels.npy", "test_images.npy", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncated", "longer", "removed", "emptied"])
def test_a_file_of_the_wrong_size_is_rebuilt(name: str, damage: str, open_pets: Open, cache: Path) -> None:
    expected = np.array(open_pets().train_images)
    path = cache / name
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes({"truncated": content[:-1], "longer": content + b"0", "emptied": b""}[damage])
    found = open_pets()
    assert path.read_bytes() == content
    assert np.array_equal(found.train_images, expected)


def test_a_flipped_pixel_is_found_on_demand(open_pets: Open, cache: Path) -> None:
    expected = np.array(open_pets().train_images)
    path = cache / "train_images.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert not np.array_equal(open_pets().train_images, expected)
    assert np.array_equal(open_pets(verify=True).train_images, expected)
    assert np.array_equal(open_pets().train_images, expected)


@pytest.mark.parametrize("field", ["mean", "fingerprint", "class_names", "format"])
def test_a_changed_manifest_is_rebuilt(field: str, open_pets: Open, cache: Path) -> None:
    expected = open_pets()
    manifest = json.loads((cache / "manifest.json").read_text())
    manifest[field] = [0.5, 0.5, 0.5]
    (cache / "manifest.json").write_text(json.dumps(manifest))
    assert open_pets().mean == expected.mean
    assert json.loads((cache / "manifest.json").read_text()) != manifest


def test_swapped_files_of_one_size_are_found_on_demand(pets: Path, open_pets: Open, cache: Path) -> None:
    expected = np.array(open_pets().test_labels)
    content = bytearray((cache / "test_labels.npy").read_bytes())
    content[-8:], content[-32:-24] = content[-32:-24], content[-8:]
    (cache / "test_labels.npy").write_bytes(content)
    assert np.array_equal(open_pets(verify=True).test_labels, expected)


@pytest.mark.parametrize("change", ["touched", "renamed", "added", "removed", "resized"])
def test_a_changed_source_is_decoded_again(change: str, pets: Path, open_pets: Open, cache: Path) -> None:
    path = pets / "train/cat/03.png"
    built = open_pets() and inode(cache)
    stamp = source_stamp(pets)
    if change == "touched":
        os.utime(path, ns=(0, 1))
    elif change == "renamed":
        path.rename(path.with_name("zz.png"))
    elif change == "added":
        shutil.copy2(path, path.with_name("new.png"))
    elif change == "removed":
        path.unlink()
    else:
        status = path.stat()
        path.write_bytes(path.read_bytes() + b"\0")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert source_stamp(pets) != stamp
    open_pets()
    assert inode(cache) != built


def test_another_fingerprint_than_the_one_asked_for_is_refused(open_pets: Open, pets: Path, data_root: Path) -> None:
    known = open_pets().fingerprint
    config = CONFIG.replace(fingerprint=known)
    cache_root = data_root.parent / "cache"
    assert open_data_set(config, data_root=data_root, cache_root=cache_root).fingerprint == known
    (pets / "train/cat/03.png").unlink()
    with pytest.raises(DataError, match=rf"'folder:pets' has fingerprint \w+, expected {known}: .*restore them"):
        open_data_set(config, data_root=data_root, cache_root=cache_root)


def test_a_failed_build_leaves_nothing_and_the_old_cache_alone(open_pets: Open, pets: Path, cache: Path) -> None:
    good = (pets / "train/dog/01.JPG").read_bytes()
    (pets / "train/dog/01.JPG").write_bytes(good[:20])
    with pytest.raises(DataError, match=r"01\.JPG cannot be decoded"):
        open_pets()
    assert [path.name for path in cache.parent.iterdir()] == [f".{cache.name}.lock"]
    (pets / "train/dog/01.JPG").write_bytes(good)
    open_pets()
    old = {path.name: path.read_bytes() for path in cache.iterdir()}
    (pets / "train/dog/01.JPG").write_bytes(good[:20])
    with pytest.raises(DataError):
        open_pets()
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == old


@contextmanager
def small_files_only() -> Iterator[None]:
    """Let no file grow beyond 2,000 bytes, so that writing fails half-way as on a full disk.

    No fixture: the limit would also meet pytest's own report, when that goes to a file.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_reported_with_the_path(open_pets: Open, cache: Path) -> None:
    message = r"could not write the decoded images to .*folder-pets-native: .*free some"
    with pytest.raises(StoreError, match=message), small_files_only():
        open_pets()
    assert [path.name for path in cache.parent.iterdir()] == [f".{cache.name}.lock"]


def test_a_cache_root_that_is_a_file_is_reported(open_pets: Open, cache_root: Path) -> None:
    cache_root.write_text("in the way")
    with pytest.raises(StoreError, match="could not write the decoded images"):
        open_pets()


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from rflib.data.cache import cached
from rflib.data.data_set import Part, Source

def chunks():
    yield np.zeros((1, 3, 4, 4), np.uint8)
    os.kill(os.getpid(), signal.SIGKILL)

part = Part(np.zeros(2, np.int64), chunks)
cached(Path(sys.argv[1]), lambda: Source(("a",), 4, part, part), stamp="")
"""


def test_a_killed_build_is_never_taken_for_a_cache(open_pets: Open, cache: Path) -> None:
    finished = subprocess.run([sys.executable, "-c", KILLED, str(cache)], check=False)
    assert finished.returncode == -signal.SIGKILL
    assert not cache.exists()
    assert len(list(cache.parent.glob(".*.build-*"))) == 1
    open_pets()
    assert sorted(path.name for path in cache.parent.iterdir()) == [f".{cache.name}.lock", cache.name]


def test_several_processes_build_one_cache(open_pets: Open, cache: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        waiting = [pool.apply_async(open_and_stat, (open_pets, cache)) for _ in range(6)]
        results = [result.get(timeout=60) for result in waiting]
    assert len(set(results)) == 1


def open_and_stat(open_pets: Open, cache: Path) -> tuple[str, int]:
    return open_pets().fingerprint, inode(cache)


def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*/gone: No such file.*allow reading"):
        source_stamp(tmp_path / "gone")


def test_a_loop_of_links_and_a_broken_link_do_no_harm(open_pets: Open, pets: Path) -> None:
    stamp = source_stamp(pets)
    (pets / "train/cat/loop").symlink_to(pets)
    (pets / "train/cat/broken.txt").symlink_to(pets / "nowhere")
    assert source_stamp(pets) != ""
    assert len(open_pets().train_labels) == 15
    (pets / "train/cat/loop").unlink()
    assert source_stamp(pets) == stamp
