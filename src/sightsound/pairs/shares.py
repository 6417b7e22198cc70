"""Groups of recordings that belong together in, one split for each out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping

from sightsound.errors import ConfigError


def assign_splits(
    groups: Mapping[str, Collection[str | None]], *, validation: float, test: float, seed: int
) -> dict[str, str]:
    """Group → "train", "validation" or "test", drawn by a hash of its name and the seed.

    Each class gives the nearest whole number to its share of groups, and at least one where it
    has three (of two, one is for the test). A class always keeps a group for train. Groups of
    several classes count for each of them, the rarest class chooses first. Adding a group moves
    few others.

    Args:
        groups: name of each group → classes that are in it (None = no class).
        validation: share of the groups, 0 to 1.
        test: share of the groups, 0 to 1.
        seed: another seed, other splits.

    Raises:
        ConfigError: shares below 0, or of 1 and more together.
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise ConfigError(
            f"shares: validation {validation} and test {test}; each must be 0 or more, and "
            "together less than 1"
        )

    def drawn(name: str) -> str:
        return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogateescape")).hexdigest()

    order = sorted(groups, key=drawn)
    sizes = Counter(label for labels in groups.values() for label in set(labels))
    splits = dict.fromkeys(order, "train")
    rarest_first = sorted(sizes, key=lambda label: (sizes[label], str(label)))
    for split, share, fewest in (("test", test, 2), ("validation", validation, 3)):
        for label in rarest_first:
            wanted = round(share * sizes[label])
            if share > 0 and sizes[label] >= fewest:
                wanted = max(wanted, 1)
            have = sum(splits[name] == split and label in groups[name] for name in order)
            for name in order:
                if have >= wanted:
                    break
                if splits[name] == "train" and label in groups[name]:
                    if any(_left(groups, splits, each) < 2 for each in set(groups[name])):
                        continue
                    splits[name] = split
                    have += 1
    return splits


def _left(
    groups: Mapping[str, Collection[str | None]], splits: Mapping[str, str], label: str | None
) -> int:
    return sum(split == "train" and label in groups[name] for name, split in splits.items())
