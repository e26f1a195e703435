"""Tiny ImageNet's layout: class order from wnids.txt, test labels from the annotations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rflib.data.tiny_imagenet import read_tiny_imagenet
from rflib.errors import DataError


def test_classes_labels_and_pixels(tiny_imagenet: Path) -> None:
    source = read_tiny_imagenet(tiny_imagenet, None)
    assert source.class_names == ("n02", "n01")
    assert source.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert source.test.labels.tolist() == [1, 0, 1]
    images = np.concatenate(list(source.train.chunks()))
    with Image.open(tiny_imagenet / "train/n01/images/n01_1.JPEG") as image:
        assert np.array_equal(images[4].transpose(1, 2, 0), np.asarray(image))


def test_resized(tiny_imagenet: Path) -> None:
    assert next(read_tiny_imagenet(tiny_imagenet, 32).test.chunks()).shape == (3, 3, 32, 32)


def test_the_first_classes_alone(tiny_imagenet: Path) -> None:
    whole, first = read_tiny_imagenet(tiny_imagenet, None), read_tiny_imagenet(tiny_imagenet, None, classes_kept=1)
    assert first.class_names == ("n02",)
    assert first.train.labels.tolist() == [0, 0, 0]
    assert first.test.labels.tolist() == [0]
    pixels, kept = (np.concatenate(list(source.train.chunks())) for source in (whole, first))
    assert np.array_equal(kept, pixels[:3])
    test_pixels, kept = (np.concatenate(list(source.test.chunks())) for source in (whole, first))
    assert np.array_equal(kept, test_pixels[1:2])


@pytest.mark.parametrize("part", ["wnids.txt", "val/val_annotations.txt", "train/n01/images"])
def test_what_is_missing_is_named(part: str, tiny_imagenet: Path) -> None:
    (tiny_imagenet / part).rename(tiny_imagenet / "elsewhere")
    with pytest.raises(DataError, match=rf"Tiny ImageNet is incomplete: .*{part} is missing; unpack"):
        read_tiny_imagenet(tiny_imagenet, None)


def test_an_empty_list_of_classes_is_refused(tiny_imagenet: Path) -> None:
    (tiny_imagenet / "wnids.txt").write_text("\n")
    with pytest.raises(DataError, match=r"wnids\.txt is empty"):
        read_tiny_imagenet(tiny_imagenet, None)


@pytest.mark.parametrize("line", ["val_0.JPEG n01", "val_0.JPEG\tn77\t0", "../../x.JPEG\tn01\t0"])
def test_a_bad_annotation_is_named(line: str, tiny_imagenet: Path) -> None:
    path = tiny_imagenet / "val/val_annotations.txt"
    path.write_text(f"val_1.JPEG\tn01\t0\n{line}\n")
    with pytest.raises(DataError, match=r"val_annotations\.txt, line 2: expected a file name and a class"):
        read_tiny_imagenet(tiny_imagenet, None)


def test_a_missing_test_image_is_named(tiny_imagenet: Path) -> None:
    (tiny_imagenet / "val/images/val_2.JPEG").unlink()
    with pytest.raises(DataError, match=r"val_2\.JPEG cannot be decoded.*No such file"):
        list(read_tiny_imagenet(tiny_imagenet, None).test.chunks())
