"""CIFAR-10's pickles: read exactly, only after their checksum, and never able to run code."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from rflib.data import cifar10
from rflib.data.cifar10 import read_cifar10
from rflib.errors import DataError

Batches = dict[str, dict[str, object]]


class Malicious:
    """Unpickled by an ordinary unpickler, it creates a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_checksums_are_those_that_torchvision_publishes() -> None:
    assert dict(CIFAR10.train_list) == cifar10.TRAIN_MD5
    assert dict(CIFAR10.test_list) == cifar10.TEST_MD5


def test_images_and_labels_are_those_of_the_batches(data_root: Path, cifar_batches: Batches) -> None:
    source = read_cifar10(data_root / cifar10.FOLDER, None)
    images = np.concatenate(list(source.train.chunks()))
    expected = [np.asarray(cifar_batches[name]["data"]) for name in cifar10.TRAIN_MD5]
    assert np.array_equal(images, np.concatenate(expected).reshape(-1, 3, 32, 32))
    assert source.test.labels.tolist() == cifar_batches["test_batch"]["labels"]
    assert len(source.train.labels) == 20
    assert source.class_names[3] == "cat"


def test_resized(data_root: Path, cifar_batches: Batches) -> None:
    source = read_cifar10(data_root / cifar10.FOLDER, 16)
    assert next(source.train.chunks()).shape == (4, 3, 16, 16)


def test_torchvision_reads_the_same(data_root: Path, cifar_batches: Batches) -> None:
    folder = data_root / cifar10.FOLDER
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(cifar10.CLASS_NAMES)}, protocol=3))

    class Copy(CIFAR10):
        train_list = [list(pair) for pair in cifar10.TRAIN_MD5.items()]  # noqa: RUF012, torchvision's own way
        meta = {**CIFAR10.meta, "md5": None}  # noqa: RUF012
        test_list = [list(pair) for pair in cifar10.TEST_MD5.items()]  # noqa: RUF012

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torchvision's unpickling warns of is not ours
        theirs = Copy(data_root, train=True)
    ours = read_cifar10(folder, None).train
    assert np.array_equal(np.concatenate(list(ours.chunks())).transpose(0, 2, 3, 1), theirs.data)
    assert ours.labels.tolist() == theirs.targets


def test_a_changed_byte_is_refused_before_unpickling(data_root: Path, cifar_batches: Batches) -> None:
    path = data_root / cifar10.FOLDER / "data_batch_3"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_3 is not the published CIFAR-10 file: expected MD5 .*found"):
        read_cifar10(path.parent, None)


def test_a_malicious_pickle_is_refused_even_with_the_right_checksum(
    data_root: Path,
    tmp_path: Path,
    cifar_batches: Batches,
    write_batch: Callable[[Path, object], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = data_root / cifar10.FOLDER / "data_batch_1"
    checksum = write_batch(path, {"data": Malicious(tmp_path / "owned"), "labels": []})
    monkeypatch.setitem(cifar10.TRAIN_MD5, "data_batch_1", checksum)
    with pytest.raises(DataError, match=r"data_batch_1 does not hold a CIFAR-10 batch.*asks for posix\.mkdir"):
        read_cifar10(path.parent, None)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "batch",
    [
        {"data": np.zeros((4, 3071), np.uint8), "labels": [0] * 4},
        {"data": np.zeros((4, 3072)), "labels": [0] * 4},
        [1],
    ],
)
def test_another_content_is_refused(
    batch: object,
    data_root: Path,
    cifar_batches: Batches,
    write_batch: Callable[[Path, object], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = data_root / cifar10.FOLDER / "test_batch"
    monkeypatch.setitem(cifar10.TEST_MD5, "test_batch", write_batch(path, batch))
    with pytest.raises(DataError, match=r"test_batch does not hold a CIFAR-10 batch .*unpack"):
        read_cifar10(path.parent, None)


def test_a_missing_batch_is_named(data_root: Path, cifar_batches: Batches) -> None:
    path = data_root / cifar10.FOLDER / "data_batch_5"
    path.unlink()
    with pytest.raises(DataError, match=r"cannot read .*data_batch_5 \(No such file"):
        read_cifar10(path.parent, None)
