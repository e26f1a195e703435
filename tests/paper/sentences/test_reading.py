"""Readings: what a person wrote of the published measurements, and whether its verdicts still stand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rflib.errors import UsageError
from rflib.paper.reading import reading, stale

NOTEBOOK = """\
# A chapter

```{code-cell} ipython3
:tags: [parameters]

profile: str = "digits"  # profile
```

```{code-cell} ipython3
---
mystnb:
  figure:
    name: fig-a
---
reading("Larger fields lose less.", rests_on={"RR-03": "partly"})
```

```{code-cell} ipython3
reading(
    "Twice.",
    rests_on={"OQ-01": "reproduced", "RR-01": "reproduced"},
)
```
"""


@dataclass
class Decided:
    id: str
    verdict: Any


def verdicts(**changes: str) -> list[Any]:
    found = {"RR-01": "reproduced", "RR-03": "partly", "OQ-01": "reproduced"}
    return [Decided(name, verdict) for name, verdict in {**found, **changes}.items()]


def test_a_reading_says_what_it_rests_on_and_links_there() -> None:
    shown = reading("Larger fields lose less.", rests_on={"RR-03": "partly"})._repr_markdown_()
    assert "Read from the published measurements" in shown
    assert "Larger fields lose less." in shown
    assert "{ref}`RR-03 <claim-rr-03>` partly" in shown


def test_a_verdict_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"RR-03 'likely': expected one of reproduced, partly, not reproduced, "):
        reading("Larger fields lose less.", rests_on={"RR-03": "likely"})  # type: ignore[dict-item]


def test_a_reading_is_stale_when_one_of_its_verdicts_is_no_longer_so(tmp_path: Path) -> None:
    path = tmp_path / "a-chapter.md"
    path.write_text(NOTEBOOK)
    assert stale([path], verdicts()) == []
    assert stale([path], verdicts(**{"OQ-01": "not seen"})) == [
        "a-chapter.md: a reading rests on OQ-01 being 'reproduced', and it is 'not seen'; read the measurements anew, "
        "and write what they say now"
    ]
    assert "RR-03 being 'partly', and it is 'no claim'" in stale([path], [Decided("OQ-01", "reproduced")])[0]
