"""Unpacking takes plain files and folders and refuses everything that could leave the target."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from rflib.data.downloads import unpack
from rflib.errors import DataError


def write_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            content = b"content of " + member.name.encode() if member.isfile() else b""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, 0o4777
    return member


def zip_member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    return member


def files_under(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tar_and_zip_are_unpacked_without_their_modes(tmp_path: Path) -> None:
    expected = {"a/b.txt": b"content of a/b.txt", "a/c/d.txt": b"content of a/c/d.txt"}
    members = [tar_member("a", tarfile.DIRTYPE), *(tar_member(name) for name in expected)]
    tar = write_tar(tmp_path / "x.tar.gz", *members)
    zipped = tmp_path / "x.zip"
    with zipfile.ZipFile(zipped, "w") as file:
        file.writestr("a/", b"")
        for name, content in expected.items():
            file.writestr(zip_member(name, stat.S_IFREG | 0o4777), content)
    for archive in (tar, zipped):
        target = tmp_path / archive.suffix
        unpack(archive, target)
        assert files_under(target) == expected
        assert not any(path.stat().st_mode & 0o7111 for path in target.rglob("*.txt"))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (tar_member("/etc/owned"), "is an absolute path"),
        (tar_member("a/../../owned"), "leads out of its folder"),
        (tar_member("..\\owned"), "leads out of its folder"),
        (tar_member("C:/owned"), "is an absolute path"),
        (tar_member("a/link", tarfile.SYMTYPE, "/etc/passwd"), "is a link or a device"),
        (tar_member("a/link", tarfile.LNKTYPE, "first.txt"), "is a link or a device"),
        (tar_member("a/fifo", tarfile.FIFOTYPE), "is a link or a device"),
        (tar_member("a/device", tarfile.CHRTYPE), "is a link or a device"),
    ],
)
def test_a_malicious_tar_is_refused_whole(member: tarfile.TarInfo, reason: str, tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "x.tar.gz", tar_member("first.txt"), member)
    with pytest.raises(DataError, match=rf"x\.tar\.gz: member '.*' {reason}, expected plain files .*do not use"):
        unpack(archive, tmp_path / "target")
    assert set(files_under(tmp_path)) == {"x.tar.gz"}


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (zip_member("/owned"), "is an absolute path"),
        (zip_member("a/../../owned"), "leads out of its folder"),
        (zip_member("a/link", stat.S_IFLNK | 0o777), "is a link or a device"),
    ],
)
def test_a_malicious_zip_is_refused_whole(member: zipfile.ZipInfo, reason: str, tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("first.txt", b"fine")
        file.writestr(member, b"/etc/passwd")
    with pytest.raises(DataError, match=rf"x\.zip: member '.*' {reason}"):
        unpack(archive, tmp_path / "target")
    assert set(files_under(tmp_path)) == {"x.zip"}


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "x.tar.gz", *(tar_member(f"{index}.txt") for index in range(50)))
    archive.write_bytes(archive.read_bytes()[:300])
    with pytest.raises(DataError, match=r"x\.tar\.gz is not an intact archive .*download it again"):
        unpack(archive, tmp_path / "target")
