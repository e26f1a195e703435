"""Downloads: the archive's checksum decides, only plain files are unpacked, and a refused archive leaves nothing."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rflib.data import download, downloads
from rflib.data.downloads import unpack
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
