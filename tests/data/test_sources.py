"""Finding a data set by its name, taking out validation images, and doing all of it without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rflib.config import DataConfig
from rflib.data import default_data_root, fingerprint, open_data_set
from rflib.data.sources import Extent, extent
from rflib.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "cifar10",
            r"folder .*/cifar-10-batches-py \(.*data_batch_1 to data_batch_5.*`rflib download cifar10` fetches it",
        ),
        (
            "tiny-imagenet",
            r"folder .*/tiny-imagenet-200 \(.*wnids\.txt.*Set RFLIB_DATA to the folder that holds",
        ),
        ("folder:flowers", r"folder .*/flowers \(.*train/CLASS/\*\.png.*or create it with your images"),
    ],
)
def test_a_missing_data_set(name: str, message: str, data_root: Path, cache_root: Path) -> None:
    for opener in (open_data_set, fingerprint):
        with pytest.raises(DataError, match=rf"data set '{name}' not found: looked for the {message}"):
            opener(DataConfig(name=name), data_root=data_root, cache_root=cache_root)


def test_the_extent_of_a_published_data_set_is_known_without_it(data_root: Path, cache_root: Path) -> None:
    places = {"data_root": data_root, "cache_root": cache_root}
    assert extent(DataConfig(name="cifar10"), **places) == Extent(50_000, 10_000, 32)
    assert extent(DataConfig(name="tiny-imagenet", validation_share=0.1), **places) == Extent(90_000, 10_000, 64)
    assert extent(DataConfig(name="tiny-imagenet:10"), **places) == Extent(5_000, 500, 64)
    assert extent(DataConfig(name="cifar10", image_size=16), **places).side_pixels == 16
    with pytest.raises(DataError, match="data set 'folder:flowers' not found"):
        extent(DataConfig(name="folder:flowers"), **places)


def test_the_extent_of_any_other_is_what_is_read(pets: Path, cache_root: Path) -> None:
    for config in (DataConfig(name="folder:pets"), DataConfig(name="digits"), DataConfig(name="digits", image_size=16)):
        data = open_data_set(config, data_root=pets.parent, cache_root=cache_root)
        read = Extent(len(data.train_images), len(data.test_images), data.train_images.shape[-1])
        assert extent(config, data_root=pets.parent, cache_root=cache_root) == read


@pytest.mark.parametrize("name", ["folder:", "folder:..", "folder:a/b", "folder:/etc", "a/b", ""])
def test_a_name_cannot_lead_elsewhere(name: str) -> None:
    with pytest.raises(UsageError, match="a data set has a plain name, or folder:NAME with a plain NAME"):
        DataConfig.checked({"name": name})


@pytest.mark.parametrize("count", ["", "1", "201", "ten", "-3"])
def test_a_number_of_classes_that_there_is_not(count: str, data_root: Path, cache_root: Path) -> None:
    message = rf"expected tiny-imagenet:CLASSES with the number .* to keep, 2 to 200, .* found .{count}.$"
    with pytest.raises(UsageError, match=message):
        open_data_set(DataConfig(name=f"tiny-imagenet:{count}"), data_root=data_root, cache_root=cache_root)


def test_a_hidden_folder_is_no_data_set(data_root: Path, cache_root: Path) -> None:
    with pytest.raises(UsageError, match="expected folder:NAME with the name of one folder under RFLIB_DATA"):
        open_data_set(DataConfig(name="folder:.hidden"), data_root=data_root, cache_root=cache_root)


def test_an_unknown_name_suggests_the_nearest(data_root: Path, cache_root: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown data set 'cifar-10': expected one of .*mean 'cifar10'\?"):
        open_data_set(DataConfig(name="cifar-10"), data_root=data_root, cache_root=cache_root)


def test_the_root_is_the_variable_or_lies_beside_the_package(
    pets: Path, cache_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RFLIB_DATA", str(pets.parent))
    assert len(open_data_set(DataConfig(name="folder:pets"), cache_root=cache_root).train_labels) == 15
    with pytest.raises(DataError, match=r"\(RFLIB_DATA=.*/data\)"):
        open_data_set(DataConfig(name="folder:none"), cache_root=cache_root)
    monkeypatch.delenv("RFLIB_DATA")
    assert default_data_root() == Path(__file__).parents[2] / "data"
    with pytest.raises(DataError, match="RFLIB_DATA is not set"):
        open_data_set(DataConfig(name="folder:none"), cache_root=cache_root)


@pytest.mark.usefixtures("pets", "tiny_imagenet", "cifar_batches")
@pytest.mark.parametrize(
    ("name", "image_size", "folder", "images"),
    [
        ("folder:pets", None, "folder-pets-native", 15),
        ("folder:pets", 16, "folder-pets-16", 15),
        ("tiny-imagenet", None, "tiny-imagenet-64", 6),
        ("tiny-imagenet", 64, "tiny-imagenet-64", 6),
        ("tiny-imagenet:2", 64, "tiny-imagenet-2-64", 6),
        ("cifar10", None, "cifar10-32", 20),
        ("cifar10", 24, "cifar10-24", 20),
    ],
)
def test_every_layout_opens(
    name: str, image_size: int | None, folder: str, images: int, data_root: Path, cache_root: Path
) -> None:
    config = DataConfig(name=name, image_size=image_size)
    data_set = open_data_set(config, data_root=data_root, cache_root=cache_root)
    assert (cache_root / folder / "manifest.json").exists()
    side = image_size or {"folder:pets": 8, "tiny-imagenet": 64, "cifar10": 32}[name.removesuffix(":2")]
    assert data_set.train_images.shape == (images, 3, side, side)
    assert data_set.name == name
    assert data_set.image_size == side
    pixels = data_set.train_images / 255
    np.testing.assert_allclose(data_set.mean, pixels.mean((0, 2, 3)))
    np.testing.assert_allclose(data_set.std, pixels.std((0, 2, 3)))


def test_validation_images_are_taken_out(pets: Path, data_root: Path, cache_root: Path) -> None:
    whole = open_data_set(DataConfig(name="folder:pets"), data_root=data_root, cache_root=cache_root)
    assert len(whole.validation_labels) == 0
    config = DataConfig(name="folder:pets", validation_share=0.2)
    first, second = (open_data_set(config, data_root=data_root, cache_root=cache_root) for _ in range(2))
    assert np.array_equal(first.validation_images, second.validation_images)
    assert np.bincount(first.validation_labels).tolist() == [2, 1]
    assert np.bincount(first.train_labels).tolist() == [8, 4]
    together = np.concatenate([first.train_images, first.validation_images])
    assert {image.tobytes() for image in together} == {image.tobytes() for image in whole.train_images}
    assert (first.fingerprint, first.mean, first.std) == (whole.fingerprint, whole.mean, whole.std)
    assert np.array_equal(first.test_images, whole.test_images)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_share_without_images_is_refused(share: float, pets: Path, data_root: Path, cache_root: Path) -> None:
    config = DataConfig(name="folder:pets", validation_share=share)
    with pytest.raises(UsageError, match=rf"validation_share {share} of 15 training images is \d+ images, expected"):
        open_data_set(config, data_root=data_root, cache_root=cache_root)


# A finder and not `sys.modules["torch"] = None`, over which scipy stumbles.
BLOCKED = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is blocked")
sys.meta_path.insert(0, NoTorch())
"""
OPEN_DIGITS = """
from pathlib import Path
from rflib.config import DataConfig
from rflib.data import open_data_set
assert len(open_data_set(DataConfig(name="digits"), cache_root=Path(sys.argv[1])).test_labels) == 360
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + code, *arguments], capture_output=True, text=True, check=False
    )


def test_data_sets_open_where_torch_cannot_be_imported(cache_root: Path) -> None:
    finished = run(OPEN_DIGITS, str(cache_root))
    assert finished.returncode == 0, finished.stderr


def test_the_check_for_torch_can_fail() -> None:
    finished = run("import rflib.data.splits")
    assert finished.returncode == 1
    assert "torch is blocked" in finished.stderr
