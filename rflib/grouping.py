"""What is too large to be held at once, in groups that can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def groups(sizes: Mapping[str, int], limit: int) -> Iterator[list[str]]:
    """Split names, in order, into groups whose sizes sum to at most `limit`, at least one name in each."""
    group: list[str] = []
    total = 0
    for name, size in sizes.items():
        if group and total + size > limit:
            yield group
            group, total = [], 0
        group.append(name)
        total += size
    yield group
