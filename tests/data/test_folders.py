"""One folder per class: order, labels, pixels, and messages that name the odd file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from rflib.data.data_set import Part
from rflib.data.folders import read_folder
from rflib.errors import DataError


def pixels(part: Part) -> np.ndarray:
    return np.concatenate(list(part.chunks()))


def test_classes_labels_and_pixels(pets: Path) -> None:
    source = read_folder(pets, None)
    assert source.class_names == ("cat", "dog")
    assert source.image_size == 8
    assert source.train.labels.tolist() == [0] * 10 + [1] * 5
    assert source.test.labels.tolist() == [0, 0, 1, 1]
    files = [pets / f"train/cat/{index:02}.png" for index in range(10)]
    files += [pets / f"train/dog/{index:02}.JPG" for index in range(5)]
    expected = np.stack([np.asarray(Image.open(file)).transpose(2, 0, 1) for file in files])
    assert np.array_equal(pixels(source.train), expected)


def test_gray_becomes_rgb_and_other_files_are_passed_over(pets: Path, save_image: Callable[..., Path]) -> None:
    path = pets / "train/cat/00.png"
    with Image.open(path) as image:
        gray = image.convert("L")
    gray.save(path)
    (pets / "train/cat/notes.txt").write_text("no image")
    (pets / "train/cat/._00.png").write_text("no image either")
    (pets / "train/.hidden").mkdir()
    images = pixels(read_folder(pets, None).train)
    assert len(images) == 15
    assert np.array_equal(images[0], np.broadcast_to(np.asarray(gray), (3, 8, 8)))


def test_resized_to_the_centre_square(pets: Path, save_image: Callable[..., Path]) -> None:
    path = save_image(pets / "train/cat/00.png", side=(12, 40))
    images = pixels(read_folder(pets, 6).train)
    assert images.shape == (15, 3, 6, 6)
    with Image.open(path) as image:
        square = image.resize((6, 6), Image.Resampling.BILINEAR, box=(14, 0, 26, 12))
        assert np.array_equal(images[0].transpose(1, 2, 0), np.asarray(square))
    with Image.open(pets / "test/dog/05.JPG") as image:
        fitted = ImageOps.fit(image, (6, 6), method=Image.Resampling.BILINEAR)
        assert np.array_equal(pixels(read_folder(pets, 6).test)[2].transpose(1, 2, 0), np.asarray(fitted))


def test_the_first_odd_file_is_named(pets: Path, save_image: Callable[..., Path]) -> None:
    save_image(pets / "train/dog/01.JPG", side=(9, 8))
    save_image(pets / "train/dog/04.JPG", side=(10, 8))
    with pytest.raises(DataError, match=r"dog/01\.JPG is 8x9 pixels, expected 8x8 .*set image_size"):
        pixels(read_folder(pets, None).train)


def test_images_that_are_not_square_need_an_image_size(pets: Path, save_image: Callable[..., Path]) -> None:
    save_image(pets / "train/cat/00.png", side=(9, 8))
    with pytest.raises(DataError, match=r"cat/00\.png is 8x9 pixels, expected a square image; set image_size"):
        read_folder(pets, None)


@pytest.mark.parametrize("name", ["cat/05.png", "dog/02.JPG"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "no image", "flipped"])
def test_a_damaged_image_is_named(name: str, damage: str, pets: Path, save_image: Callable[..., Path]) -> None:
    path = save_image(pets / "train" / name, side=64)
    content = path.read_bytes()
    broken = {
        "truncated": content[: len(content) // 2],
        "empty": b"",
        "no image": b"<html>not found</html>",
        "flipped": bytes([content[0] ^ 255]) + content[1:],
    }
    path.write_bytes(broken[damage])
    with pytest.raises(DataError, match=rf"{name} cannot be decoded, expected an intact PNG or JPEG.*replace"):
        pixels(read_folder(pets, 8).train)


def test_another_format_in_disguise_is_refused(pets: Path, save_image: Callable[..., Path]) -> None:
    save_image(pets / "train/cat/00.bmp").rename(pets / "train/cat/00.png")
    with pytest.raises(DataError, match=r"cat/00\.png cannot be decoded"):
        read_folder(pets, None)


def test_missing_and_empty_folders_say_what_is_expected(pets: Path) -> None:
    (pets / "test/dog").rename(pets / "test/wolf")
    with pytest.raises(
        DataError, match=r"test/wolf is a class without training images: expected a folder .*train/wolf"
    ):
        read_folder(pets, None)
    (pets / "train/wolf").mkdir()
    with pytest.raises(DataError, match=r"no images in .*train/wolf: expected files ending in \.png, \.jpg, \.jpeg"):
        read_folder(pets, None)
    (pets / "test").rename(pets / "tests")
    (pets / "train/wolf").rmdir()
    with pytest.raises(DataError, match=r"no class folders in .*test: expected train/CLASS/.* and test/CLASS"):
        read_folder(pets, None)


def test_a_class_without_test_images_keeps_its_label(pets: Path) -> None:
    (pets / "test/cat").rename(pets / "cats")
    assert read_folder(pets, None).test.labels.tolist() == [1, 1]
