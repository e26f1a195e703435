"""The pages of the reference: built where torch cannot be imported, without a warning, with readable signatures."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from bs4 import BeautifulSoup

import rflib
from rflib.book.reference import _as_written
from rflib.book.site import build_site
from rflib.book.staging import stage
from rflib.config import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "book").glob("api*.md"))


class Settled(Settings):
    """Settings with settings as a default."""

    model: rflib.ModelConfig = rflib.ModelConfig()


Written = tuple[str, str | None] | None


@pytest.mark.parametrize(
    ("what", "thing", "expected"),
    [
        ("function", lambda: rflib.models.build, ("(config: ModelConfig, *, seed: int = 0)", "nn.Module")),
        ("function", lambda: rflib.pruning.pruned, ("(model: nn.Module, mask: Mask)", "Iterator[nn.Module]")),
        ("method", lambda: rflib.pruning.Mask.to, ("(device: torch.device | str)", "Mask")),
        ("class", lambda: rflib.pruning.Mask, ("(keep: Mapping[str, Tensor])", None)),
        ("class", lambda: rflib.Run, ("(*, config, seed=0)", None)),
        ("class", lambda: Settled, ("(*, model=ModelConfig())", None)),
        ("property", lambda: rflib.pruning.Mask.rate, None),
    ],
)
def test_a_signature_is_as_written(what: str, thing: Callable[[], Any], expected: Written) -> None:
    assert _as_written(None, what, "", thing(), None, None, None) == expected  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_reference_builds_strictly_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "torchvision", "tqdm", "pytorch_optimizer"):
        (tmp_path / "absent").mkdir(exist_ok=True)
        (tmp_path / "absent" / f"{name}.py").write_text(f"raise ImportError('{name} is not installed here')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'absent'}:{ROOT}")
    root = tmp_path / "book-root"
    shutil.copytree(ROOT / "book" / "_static", root / "book" / "_static")
    for path in (ROOT / "_config.yml", ROOT / "book" / "references.bib", *PAGES):
        shutil.copy(path, root / path.relative_to(ROOT))
    first, *others = (f"book/{path.stem}" for path in PAGES)
    contents = {"format": "jb-book", "root": first, "chapters": [{"file": name} for name in others]}
    (root / "_toc.yml").write_text(yaml.safe_dump(contents))
    stage(root, root / "staged", {})
    site = build_site(root, root / "staged").parent

    for path in PAGES:
        page = BeautifulSoup((site / "book" / f"{path.stem}.html").read_text(encoding="utf-8"), "html.parser")
        text = page.select_one("article").get_text()
        # A type where there is none is a description that was taken for one, as of a property with a colon.
        assert not re.search(r"\bMock|_MockObject|ClassVar|\bType:", text), path.stem
        shown = {term["id"] for term in page.select("dl.py dt[id]")}
        directives = re.findall(r"^\.\. auto(?:function|class)\w*:: ([\w.]+)$", path.read_text(), re.MULTILINE)
        assert set(directives) <= shown
        # Types of what is imitated are read as they are written.
        assert path.stem in ("api", "api-study") or "model: nn.Module" in text
