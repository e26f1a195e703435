"""The bundled digits: sizes, channels, a stratified test set, and content that never changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rflib.config import DataConfig
from rflib.data import DataSet, open_data_set


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return open_data_set(DataConfig(name="digits"), cache_root=tmp_path_factory.mktemp("cache"))


def test_shapes_and_channels(digits: DataSet) -> None:
    assert digits.train_images.shape == (1437, 3, 32, 32)
    assert digits.train_images.dtype == np.uint8
    assert digits.test_images.shape == (360, 3, 32, 32)
    assert digits.train_labels.dtype == np.int64
    assert (digits.classes, digits.image_size) == (10, 32)
    assert np.all(digits.train_images == digits.train_images[:, :1])


def test_the_test_set_is_stratified_and_the_rest_is_training(digits: DataSet) -> None:
    counts = np.bincount(load_digits().target)
    tested = np.bincount(digits.test_labels)
    assert np.all(np.abs(tested - counts * 360 / 1797) < 1)
    assert np.array_equal(tested + np.bincount(digits.train_labels), counts)


def test_every_image_is_a_digit_under_its_label(digits: DataSet) -> None:
    """Averaging 4x4 blocks undoes the enlargement well enough to find each image's original."""
    bunch = load_digits()
    images = np.concatenate([digits.train_images, digits.test_images])[:, 0]
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    small = images.reshape(-1, 8, 4, 8, 4).mean((2, 4)).reshape(-1, 64) / 255 * 16
    original = bunch.data
    distances = (small**2).sum(1)[:, None] + (original**2).sum(1) - 2 * small @ original.T
    nearest = distances.argmin(1)
    assert np.array_equal(bunch.target[nearest], labels)
    assert len(np.unique(nearest)) > 1750  # some digits are nearly alike


def test_once_cached_it_opens_without_scikit_learn(cache_root: Path) -> None:
    """Its import takes a second, in every process that shows a result."""
    code = (
        "import sys; from pathlib import Path; from rflib.config import DataConfig\n"
        "from rflib.data import fingerprint, open_data_set\n"
        "config, root = DataConfig(name='digits'), Path(sys.argv[1])\n"
        "assert open_data_set(config, cache_root=root).fingerprint == fingerprint(config, cache_root=root)\n"
        "print('sklearn' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(cache_root)]
    answers = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert answers == ["True\n", "False\n"]


@pytest.mark.parametrize(("size", "fingerprint"), [(None, "b3c81730ed6ff2a4"), (64, "d601b27197a87d44")])
def test_content_is_pinned(size: int | None, fingerprint: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    config = DataConfig(name="digits", image_size=size)
    data_set = open_data_set(config, cache_root=tmp_path_factory.mktemp("cache"))
    assert data_set.fingerprint == fingerprint
    assert data_set.image_size == (size or 32)
