"""What Sub-URMP holds as it is distributed: every song, hence every file name, and both counts.

Two versions exist. The paper's Table 2 counts 14,333 + 3,502 pairs; what is distributed has
71,230 + 9,575, half-second windows every 0.1 s. A song of n pairs has the times
T = 500, 600, …, 500 + 100 (n - 1) ms without a gap, so the songs' lengths give the whole listing.

Source: the distributed folders as counted on disk by those who use them; the paper's Table 2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

FIRST_MS = 500  # the T of a song's first chunk
STRIDE_MS = 100

Song: TypeAlias = tuple[str, str, str]  # their folder, instrument, number of two digits
Listing: TypeAlias = Mapping[Song, int]  # song → pairs

_SONGS = {  # instrument: (songs of train, songs of validation), number:pairs
    "bassoon": ("00:1735", "01:390"),
    "cello": ("00:615 02:1305 03:1320 05:485 06:840 07:1725 08:1270 09:2240", "01:1030"),
    "clarinet": ("00:925 02:1320 03:745 05:1735 06:1740 07:1270 08:390", "01:945"),
    "double_bass": ("00:1270", "01:1180"),
    "flute": ("00:925 02:945 05:1740 08:1740 09:340", "01:925"),
    "horn": ("00:805 01:465 02:1730 03:2540", "04:525"),
    "oboe": ("00:1030 01:1735 02:1740", "04:390"),
    "sax": ("00:1015 02:745 03:745 04:485 05:840 06:1740 07:1180 09:865", "01:520 08:390"),
    "trombone": ("00:745 03:465 04:1730 05:2540 06:525 07:2685", "02:805"),
    "trumpet": ("00:1015", "01:520"),
    "tuba": ("00:745 03:2540", "04:525"),
    "viola": ("00:455 03:840 05:1725 06:1270 09:2240", "01:485"),
    "violin": ("01:615 02:1305 03:1305 04:455 05:455 08:1320 09:1975", "06:945"),
}

DISTRIBUTED: Listing = {
    (folder, instrument, song[:2]): int(song[3:])
    for instrument, by_folder in _SONGS.items()
    for folder, songs in zip(("train", "validation"), by_folder, strict=True)
    for song in songs.split()
}
"""58 + 14 songs of the distributed version, 71,230 + 9,575 pairs."""

PAPER_COUNTS: Mapping[str, Mapping[str, int]] = {
    "train": {
        "cello": 1619,
        "double_bass": 448,
        "oboe": 626,
        "sax": 1203,
        "trumpet": 1138,
        "viola": 1708,
        "bassoon": 138,
        "clarinet": 1308,
        "horn": 774,
        "flute": 1820,
        "trombone": 1433,
        "tuba": 855,
        "violin": 1263,
    },
    "validation": {
        "cello": 289,
        "double_bass": 245,
        "oboe": 465,
        "sax": 217,
        "trumpet": 285,
        "viola": 177,
        "bassoon": 260,
        "clarinet": 337,
        "horn": 145,
        "flute": 327,
        "trombone": 278,
        "tuba": 136,
        "violin": 341,
    },
}
"""The paper's Table 2: pairs of each instrument, its "test" under the name of the folder."""


def times_ms(pairs: int) -> range:
    """The times T of a song of so many pairs."""
    return range(FIRST_MS, FIRST_MS + STRIDE_MS * pairs, STRIDE_MS)


def stems(listing: Listing = DISTRIBUTED) -> Iterator[str]:
    """Every pair as ``<folder>/<instrument>/<instrument><SS>_<T>``, without its suffix."""
    for (folder, instrument, number), pairs in listing.items():
        for time in times_ms(pairs):
            yield f"{folder}/{instrument}/{instrument}{number}_{time}"


def listed_counts(listing: Listing = DISTRIBUTED) -> dict[str, dict[str, int]]:
    """Pairs by folder and instrument."""
    counts: dict[str, Counter[str]] = {}
    for (folder, instrument, _), pairs in listing.items():
        counts.setdefault(folder, Counter())[instrument] += pairs
    return {folder: dict(found) for folder, found in counts.items()}
