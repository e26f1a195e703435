"""The wheel, alone with what its extras declare: the library works, and what is missing is named in one line."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
EVERY_MODULE = """
import importlib, pkgutil, rflib
for module in pkgutil.walk_packages(rflib.__path__, "rflib."):
    if not module.name.startswith(("rflib.book", "rflib.study.executors.ray")):
        importlib.import_module(module.name)
"""
Install = Callable[..., Path]


def needed(wheel: Path, *extras: str) -> set[str]:
    """Return the distributions that a wheel needs with `extras`, and those that they need in turn."""
    with zipfile.ZipFile(wheel) as file:
        (metadata,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        texts = message_from_bytes(file.read(metadata)).get_all("Requires-Dist", [])
    found: set[str] = set()
    waiting = [(text, set(extras)) for text in texts]
    while waiting:
        text, wanted = waiting.pop()
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in wanted | {""}):
            continue
        name = canonicalize_name(requirement.name)
        if name not in found:
            found.add(name)
            needs = importlib.metadata.requires(name) or []
            waiting += [(need, set(requirement.extras)) for need in needs]
    return found


def top_level(name: str) -> Iterator[Path]:
    """Yield what a distribution put beside this environment's packages."""
    distribution = importlib.metadata.distribution(name)
    for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}:
        yield Path(str(distribution.locate_file(top)))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(REPOSITORY / "rflib", folder / "source" / "rflib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder / "source")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(folder / "source")], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Return a function that makes an environment of the wheel and what `extras` declare, and nothing else.

    What is declared is taken from this environment, which saves a download of gigabytes.
    """

    def install(*extras: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, symlinks=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        for top in {path for name in needed(wheel, *extras) for path in top_level(name)}:
            (packages / top.name).symlink_to(top)
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
        subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
        return folder / "bin"

    return install


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)


def test_the_library_needs_no_jupyter(wheel: Path, install: Install, tmp_path: Path) -> None:
    programs = install("compute")
    assert not needed(wheel, "compute") & {"jupyter-book", "papermill", "nbformat", "ipykernel", "sphinx"}
    done = run(programs / "python", "-c", EVERY_MODULE, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (example,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    done = run(programs / "python", "-c", example, folder=tmp_path)
    assert done.stdout.splitlines()[0] == "(212, 212)", done.stderr
    analysed = run(programs / "rflib", "analyse", "torchvision:resnet18", "--resolution", "64", folder=tmp_path)
    assert analysed.returncode == 0, analysed.stderr
    assert "435" in analysed.stdout
    refused = run(programs / "rflib", "notebooks", "run", folder=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "rflib: this needs nbformat, which is not installed: expected the extra `book`; "
        "install it with `pip install 'rflib[book]'` or `make env`"
    )


def test_reading_needs_no_torch(wheel: Path, install: Install, tmp_path: Path) -> None:
    programs = install()
    assert not needed(wheel) & {"torch", "torchvision", "jupyter-book"}
    code = "import rflib; print(len(rflib.reported.claims()), rflib.claims.__name__)"
    done = run(programs / "python", "-c", code, folder=tmp_path)
    assert done.stdout.endswith("rflib.paper.claims\n"), done.stderr
    refused = run(programs / "rflib", "analyse", "rf_vgg19", folder=tmp_path)
    assert "expected the extra `compute`" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_the_wheel_says_that_it_is_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "rflib/py.typed" in names
    assert any(name.endswith(".csv") for name in names)
    assert not any(name.startswith(("tests", "notebooks", "results")) for name in names)
