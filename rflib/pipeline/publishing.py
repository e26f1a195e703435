"""Publishing a study: its finished measurements, and the facts that a reader without the images needs."""

from __future__ import annotations

from rflib.pipeline.study import Study
from rflib.store import Store
from rflib.store.places import results_root
from rflib.store.published import PublishedProfile, publish


def publish_study(study: Study) -> PublishedProfile:
    """Copy the finished measurements of `study` to `results/` and list them there under its profile.

    Raises `StoreError` if none is finished, or one is damaged.
    """
    profile = study.profile
    return publish(
        study.store,
        Store(results_root()),
        [item.key for item in study.items],
        profile.name,
        profile.model_dump(mode="json"),
        {role: study.data_facts(role) for role in profile.roles},
    )
