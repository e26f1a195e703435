"""What only reads measurements works where importing torch fails; every public name exists."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import rflib
from rflib.study.study import open_study

PACKAGES = ["config", "data", "models", "study.store", "paper.reported", "paper.claims", "training"]
READERS = [
    "rflib.study.store",
    "rflib.paper.reported",
    "rflib.paper.tables",
    "rflib.paper.claims",
    "rflib.paper.style",
    "rflib.paper.chapters.claims",
    "rflib.book",
    "rflib.book.mathml",
    "rflib.book.published",
    "rflib.book.theme",
    "rflib.study.study",
]

WITHOUT_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refuse())
"""

TABLES = """
from rflib import open_study
from rflib.paper import frames, tables
from rflib.paper.chapters import experimental_settings, fine_tuning, manipulating_the_receptive_field as networks

study = open_study("fine-tuning", profile="tiny", pool_kernels=[2], seeds=[0])
assert not study.missing(), study.missing()
made = [
    frames.accuracy_and_pruning(study), fine_tuning.fine_tuning(study), networks.receptive_fields(study),
    networks.field_growth(study), frames.training_curves(study),
]
settings = open_study("experimental-settings", profile="tiny")
made += [experimental_settings.protocol(settings), experimental_settings.data_sets(settings)]
for frame in made:
    assert len(frame), made
    text = tables.captioned(frame, name="table", caption="Caption.", study=study).markdown()
    assert "not cover" not in text, text
print(len(made), "tables")
"""


def without_torch(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_TORCH + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_readers_import_and_finished_tables_render_without_torch(project: Path) -> None:
    open_study("fine-tuning", profile="tiny", pool_kernels=[2], seeds=[0]).ensure(workers=1)
    present = [name for name in READERS if importlib.util.find_spec(name)]
    done = without_torch("\n".join(f"import {name}" for name in present) + TABLES)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "7 tables\n"


def test_the_check_can_fail() -> None:
    done = without_torch("import rflib.pruning")
    assert done.returncode == 1
    assert "ImportError: torch is not installed here" in done.stderr


@pytest.mark.parametrize("name", rflib.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert name in dir(rflib)
    assert getattr(rflib, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_that_a_package_exports_exists(package: str) -> None:
    module = importlib.import_module(f"rflib.{package}")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rflib' has no attribute 'receptive_feild'"):
        _ = rflib.receptive_feild
