"""One seed feeds named streams of random numbers, each a pure function of the seed and its name."""

from __future__ import annotations

import hashlib


def stream_seed(seed: int, *names: str | int) -> int:
    """Return the 63-bit seed of the stream called `names` under `seed`.

    Streams with different names are independent, so adding one never moves another.
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
