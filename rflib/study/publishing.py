"""Publishing a study: its finished measurements, and the facts that a reader without the images needs."""

from __future__ import annotations

from rflib.study.store import Store
from rflib.study.store.places import results_root
from rflib.study.store.published import PublishedProfile, publish
from rflib.study.study import Study


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
