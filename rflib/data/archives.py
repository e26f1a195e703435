"""Unpacking of archives from elsewhere: only plain files and folders, only inside the target."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from rflib.errors import DataError


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
