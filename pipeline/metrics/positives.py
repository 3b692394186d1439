"""Which gallery rows are positive and which are junk for a query, without a query x gallery matrix."""

import numpy as np

from pipeline.errors import DataError

CAMERA_MODES = ("discard_same", "unknown")
NO_SUCH_PERSON = "the person is not in the gallery"
SAME_CAMERA_ONLY = "the person is in the gallery only under the query's own camera"
NO_IDENTITY = "the query has no person id (negative)"


def check_integers(values: np.ndarray, name: str, length: int) -> np.ndarray:
    """Return ids or cameras as (N,) int64.

    Args:
        values: the column.
        name: what the column is called in the message.
        length: the number of rows that it must have.

    Raises:
        DataError: when the column has another length, is not flat or does not hold integers.
    """
    column = np.asarray(values)
    if column.ndim != 1 or len(column) != length:
        raise DataError(f"{name} of shape {column.shape}", f"one entry for each of the {length} feature rows")
    # Other programs write ids as floating point; whole numbers lose nothing.
    is_whole = column.dtype.kind in "iu" or (column.dtype.kind == "f" and bool((column == np.floor(column)).all()))
    if not is_whole or (column.dtype.kind == "f" and not np.isfinite(column).all()):
        raise DataError(
            f"{name} of type {column.dtype}", "integers", "Number persons and cameras from 0; -1 = unknown."
        )
    return column.astype(np.int64)


class GalleryGroups:
    """The gallery rows of every query's person, split into positives and junk.

    A row of the query's person under the query's own known camera is junk. An unknown camera (-1) on either side never
    makes a pair junk. Gallery rows without a person id (negative) are junk for everybody, and `kept_gallery` leaves
    them out.

    Args:
        query_ids: (Q,) int64 person ids; negative = unknown.
        query_cameras: (Q,) int64 cameras; negative = unknown.
        gallery_ids: (G,) int64, as above.
        gallery_cameras: (G,) int64, as above.
        cameras: 'discard_same', or 'unknown' to count every row of the person as a positive.
    """

    def __init__(
        self,
        query_ids: np.ndarray,
        query_cameras: np.ndarray,
        *,
        gallery_ids: np.ndarray,
        gallery_cameras: np.ndarray,
        cameras: str,
    ) -> None:
        if cameras not in CAMERA_MODES:
            raise DataError(f"a camera mode called {cameras!r}", f"one of {', '.join(CAMERA_MODES)}")
        self.cameras = cameras
        self.kept_gallery = np.flatnonzero(gallery_ids >= 0)
        self._gallery_cameras = gallery_cameras[self.kept_gallery]
        self._query_ids, self._query_cameras = query_ids, query_cameras
        kept_ids = gallery_ids[self.kept_gallery]
        self._order = np.argsort(kept_ids, kind="stable")
        ordered = kept_ids[self._order]
        self._first = np.searchsorted(ordered, query_ids, side="left")
        # An unknown query must not meet anyone, so its range is closed.
        last = np.searchsorted(ordered, query_ids, side="right")
        self._last = np.where(query_ids >= 0, last, self._first)
        self.num_positives = np.array([len(self.split(q)[0]) for q in range(len(query_ids))], dtype=np.int64)

    def split(self, query: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ascending positions of positives and of junk among the kept gallery rows."""
        rows = self._order[self._first[query] : self._last[query]]
        camera = self._query_cameras[query]
        if self.cameras == "unknown" or camera < 0:
            return rows, rows[:0]
        is_junk = self._gallery_cameras[rows] == camera
        return rows[~is_junk], rows[is_junk]

    def skip_reasons(self) -> dict[str, int]:
        """Return the number of queries without a positive by reason, commonest reason first."""
        skipped = self.num_positives == 0
        known = self._query_ids >= 0
        present = self._last > self._first
        counts = {
            SAME_CAMERA_ONLY: int((skipped & present).sum()),
            NO_SUCH_PERSON: int((skipped & ~present & known).sum()),
            NO_IDENTITY: int((skipped & ~known).sum()),
        }
        return {reason: n for reason, n in sorted(counts.items(), key=lambda item: -item[1]) if n}

    def require_positives(self) -> None:
        """Raise `DataError` with the usual cause when no query can be ranked."""
        if self.num_positives.any():
            return
        reasons = self.skip_reasons()
        found = "; ".join(f"{reason}: {n} queries" for reason, n in reasons.items()) or "there are no queries"
        remedy = "Check that query and gallery use the same person ids."
        if next(iter(reasons), None) == SAME_CAMERA_ONLY:
            remedy = "The usual cause is one camera id for everything: give real cameras, or choose cameras 'unknown'."
        raise DataError(f"no query can be ranked ({found})", "a positive in the gallery for at least one query", remedy)

    def semantics(self) -> dict[str, str]:
        """Return the sentences about junk, skipped queries and cameras."""
        junk = "gallery rows without a person id (negative) are junk and take no rank"
        if self.cameras == "discard_same":
            junk = f"gallery rows of the query's person under the query's own camera are junk and take no rank; {junk}"
        unknown = int((self._query_cameras < 0).sum() + (self._gallery_cameras < 0).sum())
        mode = {
            "discard_same": f"cameras are known; a pair with an unknown camera (-1) is kept ({unknown} such rows)",
            "unknown": "cameras are unknown: every row of the person counts, same-camera shots included",
        }[self.cameras]
        reasons = "; ".join(f"{n}: {reason}" for reason, n in self.skip_reasons().items()) or "none here"
        skipped = f"queries without a positive are skipped and are not in the means ({reasons})"
        return {"junk": junk, "skipped": skipped, "cameras": mode}
