"""Downloads, made only when asked for and only of archives whose checksums are published, and their unpacking."""

from __future__ import annotations

import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from rflib.data import cifar10, tiny_imagenet
from rflib.data.sources import default_data_root
from rflib.errors import DataError, require_known


@dataclass(frozen=True)
class Archive:
    """A published archive that holds one `folder`; `md5` is the checksum its users publish."""

    url: str
    md5: str
    folder: str

    @property
    def file_name(self) -> str:
        """The name of the file, as in its address."""
        return self.url.rpartition("/")[2]


ARCHIVES = {
    "cifar10": Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        md5="c58f30108f718f92721af3b95e74349a",
        folder=cifar10.FOLDER,
    ),
    "tiny-imagenet": Archive(
        url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        md5="90528d7ca1a48142e341f4ef8d21d0de",
        folder=tiny_imagenet.FOLDER,
    ),
}


def download(name: str, *, data_root: Path | None = None) -> Path:
    """Download `cifar10` or `tiny-imagenet` into the data root, check its MD5, unpack it; return its folder.

    A folder that is there already is left alone, and an intact archive is not fetched again.
    DataError when the archive cannot be fetched, is not the published one, or holds anything but plain files.
    """
    require_known("data set to download", name, ARCHIVES)
    archive, root = ARCHIVES[name], data_root or default_data_root()
    folder = root / archive.folder
    if not folder.exists():
        _fetch(archive, root)
        _unpack_complete(root / archive.file_name, folder)
    return folder


def _fetch(archive: Archive, root: Path) -> None:
    # Imported here: torchvision needs torch, and nothing else in this module does.
    from torchvision.datasets.utils import download_url

    try:
        root.mkdir(parents=True, exist_ok=True)
        download_url(archive.url, root, archive.file_name, archive.md5)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"could not download {archive.url} to {root} with MD5 {archive.md5}: {error}; check the network, "
            f"or fetch the file by hand, put it into {root} and ask again"
        ) from error


def _unpack_complete(path: Path, folder: Path) -> None:
    """Unpack beside the final place and rename, so that half a data set is never taken for one."""
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder.parent) as temporary:
        unpack(path, Path(temporary))
        unpacked = Path(temporary) / folder.name
        if not unpacked.is_dir():
            raise DataError(f"{path} holds no folder {folder.name}; remove it and download it again")
        unpacked.rename(folder)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tar or zip archive into the folder `target`, which must not hold any of its files yet.

    DataError, before anything is written, when a member is a link, a device or leads outside by its path.
    Only names and bytes are taken from the archive: no owners, modes or times.
    """
    try:
        members = _tar_members if tarfile.is_tarfile(archive) else _zip_members
        for name, file in members(archive):
            destination = target / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            with file, open(destination, "xb") as out:
                shutil.copyfileobj(file, out, 2**20)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{archive} is not an intact archive ({error}); remove it and download it again") from error


def _tar_members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        for member in members:
            _refuse(archive, member.name, plain=member.isfile() or member.isdir())
        for member in members:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file


def _zip_members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as zipped:
        members = zipped.infolist()
        for member in members:
            # The upper half holds the Unix mode; archives made elsewhere leave its file type 0.
            kind = stat.S_IFMT(member.external_attr >> 16)
            _refuse(archive, member.filename, plain=kind in (0, stat.S_IFREG, stat.S_IFDIR))
        for member in members:
            if not member.is_dir():
                yield member.filename, zipped.open(member)


def _refuse(archive: Path, name: str, *, plain: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if not plain:
        reason = "is a link or a device"
    elif path.is_absolute() or ":" in name.partition("/")[0]:
        reason = "is an absolute path"
    elif ".." in path.parts:
        reason = "leads out of its folder"
    else:
        return
    raise DataError(f"{archive}: member '{name}' {reason}, expected plain files and folders only; do not use this file")
