from __future__ import annotations

import hashlib
import itertools

import pytest

from rflib.seeding import stream_seed


def test_a_stream_is_a_pure_function_of_seed_and_names() -> None:
    assert stream_seed(3, "order", 7) == stream_seed(3, "order", 7)
    digest = hashlib.sha256(b"3/order/7").hexdigest()
    assert stream_seed(3, "order", 7) == int(digest[:16], 16) // 2


def test_streams_differ() -> None:
    streams = [
        (seed, name, epoch)
        for seed, name, epoch in itertools.product(range(10), ("order", "augmentation", "weights"), range(50))
    ]
    assert len({stream_seed(*stream) for stream in streams}) == len(streams)


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_every_seed_fits_a_generator(seed: int) -> None:
    values = [stream_seed(seed, "x", number) for number in range(1000)]
    assert all(0 <= value < 2**63 for value in values)
    # A fair coin a bit: 1,000 values leave no bit that never moves.
    assert all(0 < sum(value >> bit & 1 for value in values) < len(values) for bit in range(63))


def test_pinned_streams() -> None:
    """Trained networks depend on these numbers."""
    assert stream_seed(0, "weights") == 133441691874178746
    assert stream_seed(1, "order", 5) == 1049674977021214561
