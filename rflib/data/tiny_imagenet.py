"""Tiny ImageNet in its standard layout; its test labels are secret, so its validation set is the test set."""

from __future__ import annotations

from pathlib import Path

from rflib.config.runs import NATIVE_SIDES
from rflib.data.data_set import Source
from rflib.data.decoding import part_of
from rflib.data.folders import image_files
from rflib.errors import DataError

FOLDER = "tiny-imagenet-200"
SIDE = NATIVE_SIDES["tiny-imagenet"]
CLASSES, TRAIN_IMAGES, TEST_IMAGES = 200, 100_000, 10_000


def read_tiny_imagenet(folder: Path, image_size: int | None, classes_kept: int = CLASSES) -> Source:
    """Return Tiny ImageNet, or its first `classes_kept` classes, resized from 64 pixels where `image_size` says so.

    Classes are WordNet identifiers in the order of wnids.txt, training files sorted within a class, test
    files in the order of val_annotations.txt. DataError names what is missing.
    """
    all_classes = tuple(_lines(folder / "wnids.txt"))
    classes = all_classes[:classes_kept]
    side = image_size or SIDE
    by_class = [image_files(_existing(folder / "train" / name / "images")) for name in classes]
    train = {path: label for label, paths in enumerate(by_class) for path in paths}
    test = {path: label for path, label in _annotated(folder / "val", all_classes) if label < len(classes)}
    return Source(classes, side, *(part_of(half, side, resize=side != SIDE) for half in (train, test)))


def _annotated(folder: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """Read lines of tab-separated file name, class and box: the images in their order, each with its label."""
    annotations = folder / "val_annotations.txt"
    label_of = {name: label for label, name in enumerate(classes)}
    found = []
    for number, line in enumerate(_lines(annotations), start=1):
        name, _, rest = line.partition("\t")
        wnid = rest.partition("\t")[0]
        if wnid not in label_of or Path(name).name != name:
            raise DataError(
                f"{annotations}, line {number}: expected a file name and a class of wnids.txt, found "
                f"{line!r}; unpack the archive again"
            )
        found.append((folder / "images" / name, label_of[wnid]))
    return found


def _lines(path: Path) -> list[str]:
    lines = [line.rstrip() for line in _existing(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise DataError(f"Tiny ImageNet is incomplete: {path} is empty; unpack the archive again")
    return lines


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DataError(f"Tiny ImageNet is incomplete: {path} is missing; unpack the archive again")
    return path
