"""Downloads, made only when asked for and only of archives whose checksums are published."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rflib.data import cifar10, tiny_imagenet
from rflib.data.archives import unpack
from rflib.data.roots import default_data_root
from rflib.errors import DataError, unknown


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
    if name not in ARCHIVES:
        raise unknown("data set to download", name, ARCHIVES)
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
