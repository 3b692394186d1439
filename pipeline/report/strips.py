"""Ranked retrieval strips: which queries to show, what stands in each, and their thumbnails."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Shown:
    """One gallery image of a strip.

    Args:
        image: (H, W, 3) uint8 RGB crop.
        correct: whether it shows the query's person.
        distance: its distance to the query, small = close.
    """

    image: np.ndarray
    correct: bool
    distance: float


def choose_strips(before: np.ndarray, after: np.ndarray, *, count: int = 8) -> np.ndarray:
    """Choose the queries to show so that gains and losses both appear.

    Queries are ordered by ``after - before`` and taken at evenly spaced places from the greatest loss to the greatest
    gain, both ends included: the choice tells the truth about the spread, where the best ones alone would not.

    Args:
        before: (Q,) average precision of each query with the first model, 0..1; NaN where the query was skipped.
        after: (Q,) the same with the second model.
        count: number of queries to show, at least 1.

    Returns:
        (min(count, valid),) int64 positions of queries, greatest gain first; ties by position.
    """
    assert before.shape == after.shape, f"one value a query in both, got {before.shape} and {after.shape}"
    assert count >= 1, f"count must be at least 1, got {count}"
    gain = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    valid = np.flatnonzero(np.isfinite(gain))
    ordered = valid[np.argsort(-gain[valid], kind="stable")]
    places = np.linspace(0, max(len(ordered) - 1, 0), min(count, len(ordered)))
    return ordered[np.round(places).astype(np.int64)].astype(np.int64)


def top_ranked(distances: np.ndarray, junk: np.ndarray, *, count: int = 10) -> np.ndarray:
    """Return the nearest gallery images that the protocol counts.

    Args:
        distances: (G,) distances from one query to the gallery.
        junk: (G,) bool; True where the image is not ranked (the query's person seen by the query's own camera).
        count: number of images.

    Returns:
        (min(count, ranked),) int64 gallery positions by ascending distance; ties by position.
    """
    assert distances.shape == junk.shape, f"one flag a distance, got {distances.shape} and {junk.shape}"
    ranked = np.flatnonzero(~np.asarray(junk, dtype=bool))
    return ranked[np.argsort(distances[ranked], kind="stable")[:count]].astype(np.int64)


def make_strip(query: np.ndarray, label: str, *, results: Sequence[Shown], height: int = 96) -> dict[str, object]:
    """Build one entry of strips.json.

    Args:
        query: (H, W, 3) uint8 RGB crop.
        label: what to write under the query: person and camera.
        results: gallery images, nearest first.
        height: height of the thumbnails in pixels.

    Returns:
        an object that json.dumps takes: query and results with base64 JPEG thumbnails.
    """
    return {
        "query": encode_thumbnail(query, height=height),
        "query_label": label,
        "results": [
            {
                "thumb": encode_thumbnail(shown.image, height=height),
                "correct": bool(shown.correct),
                "distance": round(float(shown.distance), 4),
            }
            for shown in results
        ],
    }


def encode_thumbnail(image: np.ndarray, *, height: int = 96) -> str:
    """Shrink a crop to a JPEG in base64; smaller crops keep their size.

    Args:
        image: (H, W, 3) uint8 RGB.
        height: greatest height in pixels.

    Returns:
        base64 text of the JPEG file.
    """
    assert image.ndim == 3, f"an (H, W, 3) crop, got {image.shape}"
    assert image.dtype == np.uint8, f"a uint8 crop, got {image.dtype}"
    picture = Image.fromarray(image)
    if picture.height > height:
        width = max(1, round(picture.width * height / picture.height))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=82, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
