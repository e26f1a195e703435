"""Downloads: the archive's checksum decides and a refused archive leaves nothing; no network needed."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rflib.data import download, downloads
from rflib.errors import DataError, UsageError

FOLDER = "cifar-10-batches-py"


@pytest.fixture
def place_archive(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put an archive of these file names where a download would put it; its checksum counts as published."""

    def place(*names: str) -> Path:
        path = data_root / "cifar-10-python.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = 4
                tar.addfile(member, io.BytesIO(b"data"))
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        # No address, so that nothing can be fetched.
        archive = replace(downloads.ARCHIVES["cifar10"], md5=md5, url="file:///nowhere/cifar-10-python.tar.gz")
        monkeypatch.setitem(downloads.ARCHIVES, "cifar10", archive)
        return path

    return place


def test_the_archive_is_the_one_torchvision_downloads() -> None:
    from torchvision.datasets import CIFAR10

    archive = downloads.ARCHIVES["cifar10"]
    assert (archive.url, archive.md5, archive.folder) == (CIFAR10.url, CIFAR10.tgz_md5, CIFAR10.base_folder)


def test_an_intact_archive_is_unpacked_once(data_root: Path, place_archive: Callable[..., Path]) -> None:
    archive = place_archive(f"{FOLDER}/data_batch_1")
    assert download("cifar10", data_root=data_root) == data_root / FOLDER
    assert (data_root / FOLDER / "data_batch_1").read_bytes() == b"data"
    archive.unlink()
    assert download("cifar10", data_root=data_root) == data_root / FOLDER


def test_a_changed_archive_is_not_unpacked(data_root: Path, place_archive: Callable[..., Path]) -> None:
    archive = place_archive(f"{FOLDER}/data_batch_1")
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(DataError, match=r"could not download file:///nowhere/.*with MD5 .*fetch the file by hand"):
        download("cifar10", data_root=data_root)
    assert not (data_root / FOLDER).exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [((f"{FOLDER}/a", "../owned"), "leads out of its folder"), (("other/a",), f"holds no folder {FOLDER}")],
)
def test_a_refused_archive_leaves_nothing(
    names: tuple[str, ...], message: str, data_root: Path, place_archive: Callable[..., Path]
) -> None:
    archive = place_archive(*names)
    with pytest.raises(DataError, match=message):
        download("cifar10", data_root=data_root)
    assert list(data_root.iterdir()) == [archive]


def test_an_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(
        UsageError, match="unknown data set to download 'cifar': expected one of cifar10, tiny-imagenet"
    ):
        download("cifar")
