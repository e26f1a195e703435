"""Tiny ImageNet in its standard layout; its test labels are secret, so its validation set is the test set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rflib.data.data_set import Part, Source
from rflib.data.decoding import decode_files
from rflib.data.folders import image_files
from rflib.errors import DataError

FOLDER = "tiny-imagenet-200"
SIDE = 64


def read_tiny_imagenet(folder: Path, image_size: int | None) -> Source:
    """Return Tiny ImageNet from `folder`, resized from 64 pixels where `image_size` says so.

    Classes are WordNet identifiers in the order of wnids.txt, training files sorted within a class, test
    files in the order of val_annotations.txt. DataError names what is missing.
    """
    classes = tuple(_lines(folder / "wnids.txt"))
    side = image_size or SIDE
    by_class = [image_files(_existing(folder / "train" / name / "images")) for name in classes]
    train = [path for paths in by_class for path in paths]
    train_labels = [label for label, paths in enumerate(by_class) for _ in paths]
    test, test_labels = _annotated(folder / "val", classes)

    def part(paths: list[Path], labels: list[int]) -> Part:
        return Part(np.asarray(labels, dtype=np.int64), lambda: decode_files(paths, side, resize=side != SIDE))

    return Source(classes, side, part(train, train_labels), part(test, test_labels))


def _annotated(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    """Read lines of tab-separated file name, class and box."""
    annotations = folder / "val_annotations.txt"
    label_of = {name: label for label, name in enumerate(classes)}
    paths, labels = [], []
    for number, line in enumerate(_lines(annotations), start=1):
        name, _, rest = line.partition("\t")
        wnid = rest.partition("\t")[0]
        if wnid not in label_of or Path(name).name != name:
            raise DataError(
                f"{annotations}, line {number}: expected a file name and a class of wnids.txt, found "
                f"{line!r}; unpack the archive again"
            )
        paths.append(folder / "images" / name)
        labels.append(label_of[wnid])
    return paths, labels


def _lines(path: Path) -> list[str]:
    lines = [line.rstrip() for line in _existing(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise DataError(f"Tiny ImageNet is incomplete: {path} is empty; unpack the archive again")
    return lines


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DataError(f"Tiny ImageNet is incomplete: {path} is missing; unpack the archive again")
    return path
