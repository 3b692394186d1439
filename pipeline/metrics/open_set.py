"""Open-set identification: queries of people who are not in the gallery, and how often they are taken for somebody."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.metrics.pair_distances import PersonRows, are_apart, cosine_distances, directions, rows_a_block

RATES = (0.01, 0.05, 0.1)


@dataclass(frozen=True)
class OpenSetPoint:
    """A threshold and what it does; the nearest person is named where the distance is below it.

    Args:
        rate: share of queries of unknown people that may raise an alarm.
        threshold: cosine distance.
        false_alarm_rate: share of them that do, at most `rate`.
        identified: share of queries of known people whose nearest row shows them, below the threshold.
    """

    rate: float
    threshold: float
    false_alarm_rate: float
    identified: float


@dataclass(frozen=True)
class OpenSetResult:
    """Detection and identification at several rates of false alarms.

    Args:
        left_out: persons that were taken out of the gallery.
        known: queries of persons who are in it, under another camera.
        unknown: queries of persons who were taken out.
        points: by ascending rate; rates below one query of an unknown person are left out.
    """

    left_out: int
    known: int
    unknown: int
    points: tuple[OpenSetPoint, ...]


def left_out_persons(query_ids: np.ndarray) -> np.ndarray:
    """Return the persons who are taken out of the gallery: every second one of the queries, by ascending id.

    Args:
        query_ids: (Q,) integers; negative = unknown.
    """
    return np.unique(query_ids[query_ids >= 0])[1::2]


def open_set(
    query: PersonRows, gallery: PersonRows, *, cameras: str = "discard_same", rates: Sequence[float] = RATES
) -> OpenSetResult:
    """Measure the detection and identification rate at rates of false alarms.

    With a(q) the distance from q to its own person and b(q) to anybody else, at the rate r
    ``t = largest with #{unknown: b < t} <= r * #unknown`` and ``DIR = #{known: a < b and a < t} / #known``.

    Args:
        query: Q rows; negative ids take no part.
        gallery: G rows; negative ids are nobody.
        cameras: 'discard_same' leaves out rows of the query's person under the query's own camera; 'unknown' keeps all.
        rates: in (0, 1).

    Raises:
        DataError: a feature is not finite.

    Reference:
        Phillips, Grother, Micheals: Evaluation methods in face recognition, Handbook of Face Recognition 2011, for the
        measure; who is left out is a rule of ours.
    """
    out = left_out_persons(query.ids)
    own, other = _nearest(query, gallery, np.flatnonzero((gallery.ids >= 0) & ~np.isin(gallery.ids, out)), cameras)
    is_unknown = np.isin(query.ids, out)
    is_known = (query.ids >= 0) & ~is_unknown & np.isfinite(own)
    alarms = np.sort(other[is_unknown])
    hits = own[is_known & (own < other)]
    points = []
    for rate in sorted(rates):
        rank = int(rate * len(alarms) + 1e-6)
        if rank >= 1 and is_known.any():
            limit = alarms[rank]
            share = np.count_nonzero(alarms < limit) / len(alarms)
            points.append(OpenSetPoint(rate, float(limit), share, np.count_nonzero(hits < limit) / int(is_known.sum())))
    return OpenSetResult(len(out), int(is_known.sum()), int(is_unknown.sum()), tuple(points))


def _nearest(query: PersonRows, gallery: PersonRows, kept: np.ndarray, cameras: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (Q,) distances to the query's own person and to anybody else among some gallery rows; infinite = none."""
    left, right = directions(query.features), directions(gallery.features)[kept]
    own, other = np.full((2, len(left)), np.inf, np.float32)
    size = rows_a_block(len(kept))
    for start in range(0, len(left) if len(kept) else 0, size):
        part = slice(start, start + size)
        distances = cosine_distances(left[part], right)
        is_own = query.ids[part][:, None] == gallery.ids[kept][None]
        counts = is_own if cameras == "unknown" else is_own & are_apart(query.cameras[part], gallery.cameras[kept])
        own[part] = np.where(counts, distances, np.inf).min(axis=1)
        other[part] = np.where(is_own, np.inf, distances).min(axis=1)
    return own, other
