"""Partners that do not belong together: what the discriminator must learn to refuse.

Three kinds, after the paper's ω(I₋ᵢ) and ω(Iᵢ⁻ʲ):

``instrument``  any pair of another instrument;
``pose``        the same player and instrument at a moment whose true pose is farther than
                ``min_pose_distance`` (:func:`sightsound.pairs.truth.pose_distance`);
``person``      the same instrument, played by another person.

Each is drawn uniformly among all that are allowed.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import ConfigError, DataError
from sightsound.pairs.store import Indices, PairSet
from sightsound.pairs.truth import farthest_pose, pose_distance

MismatchKind: TypeAlias = Literal["instrument", "pose", "person"]

# Draws before all partners of a pair are compared one by one.
_REJECTION_ROUNDS = 8


class MismatchSampler:
    """Draws mismatched partners for the pairs of one set.

    ``possible`` (n,) says which pairs have a partner at all.
    """

    possible: NDArray[np.bool_]

    def __init__(self, pairs: PairSet, kind: MismatchKind, min_pose_distance: float = 0.25) -> None:
        """Sort the pairs once, so that drawing is cheap.

        Args:
            pairs: the pairs to draw for and from.
            kind: which partner is a mismatched one.
            min_pose_distance: for ``pose``: 0 to 1, above which two poses differ.

        Raises:
            ConfigError: an unknown kind or a distance outside 0 to 1.
            DataError: no pair has such a partner.
        """
        if kind not in get_args(MismatchKind):
            raise ConfigError(
                f"mismatch {kind!r} is unknown; choose one of {', '.join(get_args(MismatchKind))}"
            )
        if not 0 <= min_pose_distance < 1:
            raise ConfigError(f"min_pose_distance={min_pose_distance}: 0 <= distance < 1 is needed")
        self.pairs = pairs
        self.kind = kind
        self.min_pose_distance = min_pose_distance
        self._order = np.lexsort((pairs.players, pairs.labels))  # by instrument, then player
        labels, players = pairs.labels[self._order], pairs.players[self._order]
        same_label = _segments(labels[:, None])
        same_player = _segments(np.stack([labels, players], axis=1))
        # By pair, in the set's own order: where its instrument and its player begin and end.
        place = np.empty(len(pairs), np.int64)
        place[self._order] = np.arange(len(pairs))
        self._label_begin, self._label_end = (edge[place] for edge in same_label)
        self._player_begin, self._player_end = (edge[place] for edge in same_player)
        self._pose: NDArray[np.float32] | None = None
        match kind:
            case "instrument":
                self._unlabelled = int((pairs.labels < 0).sum())  # sorted first, no partners
                others = len(pairs) - self._unlabelled - (self._label_end - self._label_begin)
                self.possible = (pairs.labels >= 0) & (others > 0)
            case "person":
                own = self._player_end - self._player_begin
                others = self._label_end - self._label_begin - own
                self.possible = (pairs.labels >= 0) & (others > 0)
            case "pose":
                self._pose = _poses(pairs)
                self.possible = self._has_other_pose()
        if not self.possible.any():
            raise DataError(f"{pairs.store.folder}: {self._impossible()}")

    def sample(self, indices: Indices, rng: np.random.Generator) -> Indices:
        """A mismatched partner for each pair: (B,) indices into the set.

        Raises:
            DataError: a pair has no such partner; see ``possible``.
        """
        if not self.possible[indices].all():
            raise DataError(f"{self.pairs.store.folder}: {self._impossible()}")
        match self.kind:
            case "instrument":
                return self._outside(
                    rng,
                    np.full(len(indices), self._unlabelled),
                    np.full(len(indices), len(self.pairs)),
                    self._label_begin[indices],
                    self._label_end[indices],
                )
            case "person":
                return self._outside(
                    rng,
                    self._label_begin[indices],
                    self._label_end[indices],
                    self._player_begin[indices],
                    self._player_end[indices],
                )
            case "pose":
                return self._other_pose(indices, rng)

    def is_mismatch(self, indices: Indices, partners: Indices) -> NDArray[np.bool_]:
        """Whether each partner is one that ``sample`` may draw: the rule itself, (B,)."""
        labels, players = self.pairs.labels, self.pairs.players
        same_label = labels[indices] == labels[partners]
        same_player = same_label & (players[indices] == players[partners])
        known = (labels[indices] >= 0) & (labels[partners] >= 0)
        match self.kind:
            case "instrument":
                return np.asarray(known & ~same_label)
            case "person":
                return np.asarray(known & same_label & ~same_player)
            case "pose":
                assert self._pose is not None
                distance = pose_distance(self._pose[indices], self._pose[partners])
                return np.asarray(same_player & (distance > self.min_pose_distance))

    def _outside(
        self,
        rng: np.random.Generator,
        begin: Indices,
        end: Indices,
        hole_begin: Indices,
        hole_end: Indices,
    ) -> Indices:
        """Uniform over the sorted places begin … end, without hole_begin … hole_end."""
        drawn = begin + rng.integers(0, end - begin - (hole_end - hole_begin))
        drawn += np.where(drawn >= hole_begin, hole_end - hole_begin, 0)
        return np.asarray(self._order[drawn])

    def _other_pose(self, indices: Indices, rng: np.random.Generator) -> Indices:
        """Draw from the player's moments until the pose is another: uniform over the allowed."""
        partners = np.full(len(indices), -1, np.int64)
        for _ in range(_REJECTION_ROUNDS):
            open_ = np.flatnonzero(partners < 0)
            if not len(open_):
                return partners
            asked = indices[open_]
            drawn = self._order[rng.integers(self._player_begin[asked], self._player_end[asked])]
            fits = self.is_mismatch(asked, drawn)
            partners[open_[fits]] = drawn[fits]
        for place in np.flatnonzero(partners < 0):  # few are allowed: list them
            index = indices[place]
            moments = self._order[self._player_begin[index] : self._player_end[index]]
            allowed = moments[self.is_mismatch(np.full(len(moments), index), moments)]
            partners[place] = rng.choice(allowed)
        return partners

    def _has_other_pose(self) -> NDArray[np.bool_]:
        assert self._pose is not None
        possible = np.zeros(len(self.pairs), np.bool_)
        for begin in np.unique(self._player_begin):
            moments = self._order[begin : self._player_end[self._order[begin]]]
            possible[moments] = farthest_pose(self._pose[moments]) > self.min_pose_distance
        return possible

    def _impossible(self) -> str:
        without = int((~self.possible).sum())
        remedy = {
            "instrument": "two instruments are needed",
            "person": "two players of an instrument are needed",
            "pose": "their poses are too alike, or their true pose is not known; lower "
            f"min_pose_distance ({self.min_pose_distance})",
        }[self.kind]
        return (
            f"{without} of {len(self.pairs)} pairs have no partner mismatched by {self.kind}: "
            + (remedy)
        )


def _poses(pairs: PairSet) -> NDArray[np.float32]:
    """True poses of all pairs, NaN where a column does not apply: (n, columns)."""
    return np.asarray(pairs.store.pose[pairs.table["frame"]])


def _segments(keys: NDArray[np.int64]) -> tuple[Indices, Indices]:
    """Sorted rows (n, columns) → for each row, where the run of equal rows begins and ends."""
    if not len(keys):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, np.any(keys[1:] != keys[:-1], axis=1)])
    lengths = np.diff(np.r_[starts, len(keys)])
    return np.repeat(starts, lengths), np.repeat(starts + lengths, lengths)
