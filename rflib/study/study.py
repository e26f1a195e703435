"""A study: one chapter's measurements under a profile, loaded if complete, computed if not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from rflib.config import ANALYSES, DataConfig, DataFacts, MeasurementKey, ModelConfig, ResolutionsSettings
from rflib.data.sources import extent, fingerprint, open_data_set
from rflib.errors import StoreError, UsageError
from rflib.study import origin
from rflib.study.executors import Executor, Processes
from rflib.study.overrides import override
from rflib.study.plans import ALL, Item, plan
from rflib.study.profiles import PUBLISHED, Profile, Role, RoleName, load_profile
from rflib.study.published import Published, published_items, published_profile
from rflib.study.store import Measurement, Store
from rflib.study.store.places import cache_root, data_root, results_root, runs_root
from rflib.study.store.published import Index
from rflib.study.work import Progress, compute_missing


@dataclass(frozen=True)
class Outcome:
    """What `ensure` did: how many measurements were found and how many were computed, and where they come from.

    `planned`: of how many, where the study is of what is published and nothing is computed.

    Example:
        >>> rflib.open_study("accuracy-and-pruning", profile="published").ensure().computed
        0
    """

    loaded: int
    computed: int
    reused: int
    planned: int | None = None

    def __str__(self) -> str:
        if self.planned is not None:
            return f"{self.loaded} of {self.planned} planned measurements are published"
        reused = f", {self.reused} of them published" if self.reused else ""
        return f"{self.loaded} measurements loaded{reused}, {self.computed} computed"


@dataclass(frozen=True)
class Study:
    """The measurements of one chapter: `ensure` completes them, `frame` gives them as a table.

    `published` describes what is published, if the study is of that.

    Example:
        >>> study = rflib.open_study("accuracy-and-pruning", profile="published", seeds=[0])
        >>> study.missing(), set(study.frame("one_shot")["seed"]) == {0}
        ([], True)
    """

    chapter: str
    profile: Profile
    items: tuple[Item, ...]
    store: Store
    fallback: Store | None = None
    published: Published | None = None

    def missing(self) -> list[Item]:
        """Return the measurements that no store of this study has."""
        return [item for item in self.items if self._holder(item.key) is None]

    def ensure(
        self, *, workers: int | None = None, executor: Executor | None = None, on_progress: Progress | None = None
    ) -> Outcome:
        """Compute what is missing, in as many processes as the profile's threads leave room for.

        Elsewhere with an `executor`, such as `rflib.study.executors.Ray()`. Safe to interrupt and to run twice: what is
        complete is never computed again.
        """
        if workers is not None and executor is not None:
            raise UsageError("the number of workers belongs to the executor: give one of the two, found both")
        # Two purposes may share a measurement, which counts once.
        keys = {item.key.id: item.key for item in self.items}.values()
        missing = [key for key in keys if self._holder(key) is None]
        reused = sum(self._holder(key) is self.fallback for key in keys if self.fallback is not None)
        if missing:
            compute_missing(
                missing,
                self.store,
                threads=self.profile.threads,
                executor=executor or Processes(workers=workers),
                on_progress=on_progress,
            )
        planned = self.published.planned if self.published else None
        return Outcome(loaded=len(keys) - len(missing), computed=len(missing), reused=reused, planned=planned)

    def select(self, analysis: str, *purposes: str, role: str | None = None) -> Iterator[tuple[Item, Measurement]]:
        """Yield the complete measurements of one analysis, optionally only those for some purposes, or of a role."""
        found = False
        for item in self.items:
            wanted = (not purposes or item.purpose in purposes) and role in (None, item.role)
            if item.key.analysis == analysis and wanted:
                found, measurement = True, self.load(item.key)
                origin.note(partial(self._source, item, measurement))
                yield item, measurement
        origin.note_asked(origin.Asked(analysis, purposes, role, vain=not found))

    def load(self, key: MeasurementKey) -> Measurement:
        """Return one measurement; a missing one is an error that names the command which computes it."""
        holder = self._holder(key)
        if holder is None:
            raise StoreError(
                f"{key.name} is not in {self.store.root}: expected a complete measurement. Call `study.ensure()` "
                f"or run `rflib study --profile {self.profile.name}`."
            )
        return holder.load_measurement(key)

    def frame(
        self, analysis: str, *purposes: str, role: str | None = None, architecture: str | None = None
    ) -> pd.DataFrame:
        """Return one tidy row per recorded row, with the columns that tell runs apart and those of the analysis.

        Without a row it has the columns all the same, and what was asked for is noted, so that whatever is made of the
        frame can say that it is not covered and which command would fill it.
        """
        frame = pd.DataFrame(list(self._rows(analysis, purposes, role)))
        if architecture is not None and len(frame):
            frame = frame[frame["architecture"] == architecture].reset_index(drop=True)
            if frame.empty:
                origin.note_asked(origin.Asked(analysis, purposes, role, architecture))
        columns = dict.fromkeys((*frame, *(() if len(frame) else DESCRIBED), *ANALYSES[analysis].columns))
        # Without rows no type is known, and one that is guessed could not be merged with.
        return frame.reindex(columns=list(columns)) if len(frame) else pd.DataFrame(columns=list(columns), dtype=object)

    def source(self, item: Item) -> origin.Source:
        """Return what a complete measurement says of its making, without counting as reading it."""
        return self._source(item, self.load(item.key))

    def data_facts(self, role: RoleName) -> DataFacts:
        """Return what describes the data set of a role; without the images if the study is of what is published."""
        if self.published is not None:
            return self.published.data[role]
        data = self.profile.roles[role].data
        return open_data_set(data, data_root=data_root(), cache_root=cache_root()).facts()

    def _rows(self, analysis: str, purposes: tuple[str, ...], role: str | None) -> Iterator[dict[str, Any]]:
        for item, measurement in self.select(analysis, *purposes, role=role):
            described = describe(item)
            whole = {name: value for name, value in measurement.values.items() if not isinstance(value, list | dict)}
            for row in measurement.values.get("rows", [{}]):
                yield {**described, **whole, **row}

    def _source(self, item: Item, measurement: Measurement) -> origin.Source:
        computed_under = self.published.computed_under if self.published else {}
        profile = computed_under.get(item.key.name, self.profile.name)
        return origin.Source.of(item.key, measurement, profile=profile, role=item.role)

    def _holder(self, key: MeasurementKey) -> Store | None:
        return next((s for s in (self.store, self.fallback) if s is not None and s.has_measurement(key)), None)


# The columns of `describe`, whatever is described.
DESCRIBED = (
    *("role", "purpose", *(name for name in ModelConfig.model_fields if name != "classes"), "checkpoint"),
    *("batch_statistics", "calibration_images", "seed", "second_seed", "task", "optimiser", "epochs"),
    *("cosine_period_epochs", "mask_scope", "mask_rate", "mask_noise_kind", "mask_noise_scale", "mask_noise_draw"),
)


def describe(item: Item) -> dict[str, Any]:
    """Return the columns that tell one measurement from another: role, network, seed, schedule, mask."""
    key = item.key
    run = key.runs[0] if key.runs else None
    columns = {"role": item.role, "purpose": item.purpose, **_network(key)}
    told = ("checkpoint", "batch_statistics", "calibration_images")
    columns |= {name: getattr(key.settings, name) for name in told if hasattr(key.settings, name)}
    if run is not None:
        training = run.config.training
        columns |= {
            "seed": run.seed,
            **({"second_seed": key.runs[1].seed} if len(key.runs) > 1 else {}),
            "task": run.config.data.task,
            "optimiser": training.optimiser.name,
            "epochs": training.epochs,
            "cosine_period_epochs": training.cosine_period_epochs,
        }
        if run.config.mask is not None:
            columns |= {"mask_scope": run.config.mask.scope, "mask_rate": run.config.mask.rate}
            if run.config.mask.noise is not None:
                noise = run.config.mask.noise.model_dump()
                columns |= {f"mask_noise_{name}": value for name, value in noise.items()}
    return columns


def _network(key: MeasurementKey) -> dict[str, Any]:
    """Return the columns that tell networks apart: their settings, or the name alone of one that is torchvision's."""
    if isinstance(key.settings, ResolutionsSettings):
        return {"architecture": key.settings.network}
    model: ModelConfig = key.runs[0].config.model if key.runs else key.settings.model  # type: ignore[attr-defined]
    # Some are left out of a dump where they are the default.
    told = ("pool_padding", "kernel_padding", "cardinality", "omitted_downsamplings")
    kept = {name: getattr(model, name) for name in told}
    return {**model.model_dump(exclude={"classes"}), **kept}


def open_study(chapter: str, *, profile: str = "digits", reuse: str | None = None, **overrides: Any) -> Study:
    """Return the study of `chapter`: a profile's grid, with every override that is not None in its place.

    The profile "published" is what the committed results hold; `reuse="published"` looks into them under another
    profile. Raises `UsageError` for an unknown chapter, profile or parameter, and for values out of range, before
    anything is computed.

    Example:
        >>> study = rflib.open_study("accuracy-and-pruning", profile="published")
        >>> frame = study.frame("one_shot", architecture="rf_vgg19")
        >>> {"seed", "pool_kernel", "rate", "pruned_accuracy"} <= set(frame)
        True
    """
    if profile == PUBLISHED:
        return _open_published(chapter, overrides)
    resolved = _with_fingerprints(override(load_profile(profile), overrides))
    return Study(chapter, resolved, plan(chapter, resolved), Store(runs_root()), _fallback(reuse))


def open_profile(profile: str, *, reuse: str | None = None, **overrides: Any) -> Study:
    """Return one study of everything that the chapters need under a profile; its chapter is "all"."""
    return open_study(ALL, profile=profile, reuse=reuse, **overrides)


def _open_published(chapter: str, overrides: dict[str, Any]) -> Study:
    index = Index.load(results_root())
    items, published = published_items(index, chapter, lambda profile: override(profile, overrides))
    resolved = override(published_profile(index), overrides)
    return Study(chapter, resolved, items, Store(results_root(), read_only=True), published=published)


def _fallback(reuse: str | None) -> Store | None:
    if reuse not in (None, PUBLISHED):
        raise UsageError(f"reuse: expected None or '{PUBLISHED}', found {reuse!r}")
    return Store(results_root(), read_only=True) if reuse else None


def _with_fingerprints(profile: Profile) -> Profile:
    """Return a profile that says what its data sets hold: their fingerprints, and the side of their images."""
    return profile.model_copy(update={name: _with_fingerprint(role) for name, role in profile.roles.items()})


def _with_fingerprint(role: Role) -> Role:
    side = extent(role.data, data_root=data_root(), cache_root=cache_root()).side_pixels
    blocks = {name: block.identified(role.data, _identified) for name, block in role.blocks.items()}
    return role.replace(data=_identified(role.data), found_side_pixels=side, **blocks)


def _identified(config: DataConfig) -> DataConfig:
    content = fingerprint(config, data_root=data_root(), cache_root=cache_root())
    return config.model_copy(update={"fingerprint": content})
