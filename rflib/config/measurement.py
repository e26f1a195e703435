"""What identifies a measurement: one analysis, its version and settings, and the runs it looks at."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, SerializeAsAny

from rflib.config.runs import Run
from rflib.config.settings import Settings, identity

ANALYSES: dict[str, type[AnalysisSettings]] = {}
"""Every analysis by its name: a class of settings enters itself."""


class AnalysisSettings(Settings):
    """Settings of one analysis, and all that is declared of it.

    `version` is raised when what it computes changes. It looks at so many runs (`subjects`). `record` names what
    computes it, "MODULE:FUNCTION" below `rflib.study.record`, which is imported only then. `columns` are those of its
    rows in a frame.
    """

    analysis: ClassVar[str]
    version: ClassVar[int]
    subjects: ClassVar[int] = 1
    record: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        ANALYSES[cls.analysis] = cls


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, such as the names of columns."""
    return tuple(text.split())


class MeasurementKey(Settings):
    """One measurement: an analysis with its settings and version, and the runs it looks at, in order."""

    analysis: str
    version: int = Field(ge=1)
    settings: SerializeAsAny[AnalysisSettings]
    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, settings: AnalysisSettings, *runs: Run) -> MeasurementKey:
        """Return the key of `settings` applied to `runs`; their number is fixed by the analysis."""
        if len(runs) != settings.subjects:
            raise ValueError(f"'{settings.analysis}' looks at {settings.subjects} runs, found {len(runs)}")
        return cls(analysis=settings.analysis, version=settings.version, settings=settings, runs=runs)

    @property
    def id(self) -> str:
        """The hash of analysis, version, settings and the identities of the runs."""
        return identity([self.analysis, self.version, self.settings.model_dump(mode="json"), [r.id for r in self.runs]])

    @property
    def name(self) -> str:
        """A readable folder name that ends in the identity."""
        return "-".join([self.analysis, *(run.id[:8] for run in self.runs), self.id])
