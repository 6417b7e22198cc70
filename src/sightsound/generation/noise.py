"""The random numbers that a generator is given: the same in Python and in JavaScript.

Every number is a pure function of (seed, index, position), so nothing has a state and nothing is
drawn in vain. The integers come from Threefry-2x32 with 20 rounds, which needs only 32-bit
additions, rotations and exclusive ors: in JavaScript ``(a + b) | 0``, ``(x << r) | (x >>> 32 - r)``
and ``^``. Two normal numbers come from each block by Box and Muller in double precision.

    key     = (seed mod 2^32, floor(seed / 2^32))
    counter = (block, index)                       block = 0, 1, … for numbers 2·block, 2·block + 1
    x, y    = threefry2x32(counter, key)
    radius  = sqrt(-2 · ln((x + 0.5) / 2^32))      never ln 0
    noise[2·block]     = float32(radius · cos(2π · y / 2^32))
    noise[2·block + 1] = float32(radius · sin(2π · y / 2^32))

Seeds go up to 2^53 - 1, JavaScript's largest exact whole number. The integers agree to the bit
everywhere; the normal numbers agree to the last bit of a float32 but for the freedom that
mathematical libraries have in ``log``, ``cos`` and ``sin``.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import ConfigError

MAX_SEED = 2**53 - 1
_PARITY = np.uint32(0x1BD11BDA)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def noise(seed: int, index: int, size: int) -> NDArray[np.float32]:
    """Standard normal numbers (size,), float32.

    ``seed``: 0 to 2^53 - 1. ``index``: which noise vector of this seed, 0 to 2^32 - 1 (a longer
    sound's chunks, a walk's corners). Raises ConfigError for a seed out of range.
    """
    check_seed(seed)
    assert 0 <= index < 2**32, f"{index=}"
    blocks = (size + 1) // 2
    counter = np.arange(blocks, dtype=np.uint32), np.full(blocks, index, np.uint32)
    x, y = threefry2x32(counter, (seed & 0xFFFFFFFF, seed >> 32))
    radius = np.sqrt(-2.0 * np.log((x.astype(np.float64) + 0.5) / 2.0**32))
    angle = (2.0 * np.pi) * (y.astype(np.float64) / 2.0**32)
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return pairs.reshape(-1)[:size].astype(np.float32)


def check_seed(seed: int) -> None:
    """Raise ConfigError unless ``seed`` lies between 0 and 2^53 - 1."""
    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"seed {seed}: allowed are whole numbers from 0 to {MAX_SEED}")


def threefry2x32(
    counter: tuple[NDArray[np.uint32], NDArray[np.uint32]], key: tuple[int, int]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Threefry-2x32-20: two words of counter and two of key → two random words."""
    keys = (np.uint32(key[0]), np.uint32(key[1]), np.uint32(key[0] ^ key[1]) ^ _PARITY)
    # Arrays, not scalars: numpy lets unsigned arrays wrap around, as the algorithm wants.
    x, y = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = (y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))
            y = y ^ x
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.full_like(y, group + 1)
    return x, y
