"""Anyone's own images, in the layout with one folder per class."""

from __future__ import annotations

from pathlib import Path

from rflib.data.data_set import Source
from rflib.data.decoding import SUFFIXES, native_side, part_of
from rflib.errors import DataError

EXPECTED = "train/CLASS/*.png (or .jpg, .jpeg) and test/CLASS/*.png, one folder per class"


def read_folder(folder: Path, image_size: int | None) -> Source:
    """Return the images under `folder`/{train,test}/CLASS, classes in sorted order, files in sorted order.

    Without `image_size` all images must be squares of one side; with it they are cut to their centre square
    and resized. DataError says which folder or file is not as expected.
    """
    train, test = _by_class(folder / "train"), _by_class(folder / "test")
    extra = sorted(set(test) - set(train))
    if extra:
        raise DataError(
            f"{folder / 'test' / extra[0]} is a class without training images: expected a folder "
            f"{folder / 'train' / extra[0]}; add it, or name the folders of test like those of train"
        )
    class_names, resize = tuple(train), image_size is not None
    side = image_size or native_side(next(iter(train.values()))[0])
    halves = (
        {path: class_names.index(name) for name, paths in half.items() for path in paths} for half in (train, test)
    )
    return Source(class_names, side, *(part_of(half, side, resize=resize) for half in halves))


def image_files(folder: Path) -> list[Path]:
    """Return the sorted image files of one class; DataError when there are none."""
    files = [path for path in visible(folder) if path.suffix.lower() in SUFFIXES]
    if not files:
        raise DataError(f"no images in {folder}: expected files ending in {', '.join(SUFFIXES)}; add some or remove it")
    return files


def visible(folder: Path) -> list[Path]:
    """Return the sorted entries of a folder whose names do not start with a dot."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _by_class(folder: Path) -> dict[str, list[Path]]:
    classes = [path for path in visible(folder) if path.is_dir()] if folder.is_dir() else []
    if not classes:
        raise DataError(f"no class folders in {folder}: expected {EXPECTED} under {folder.parent}")
    return {path.name: image_files(path) for path in classes}
