"""Distances between pictures of two cameras, made larger where nobody walks from one to the other in such a time."""

import numpy as np
from scipy import sparse

from pipeline.retrieval.gap_ratios import UNKNOWN
from pipeline.retrieval.transitions import Transitions

# Of the logistic smoothing 1 / (1 + SCALE exp(-SLOPE x)).
SCALE, SLOPE = 2.0, 5.0


def damping(probability: np.ndarray) -> np.ndarray:
    """Return by what a similarity is multiplied: f(r) / f(1/2), at most 1, f(x) = 1 / (1 + 2 exp(-5 x)).

    Args:
        probability: (n,) in [0, 1]; 1/2 says nothing and changes nothing.

    Returns:
        (n,) float64, 0.39 for a gap that is impossible.

    Reference:
        Wang et al., Spatial-Temporal Person Re-identification, AAAI 2019, multiplies such a logistic function of visual
        similarity by one of probability, with these constants. We leave the visual one out, for Jaccard distances are
        spread over their range, and never make a pair closer: a plausible time is common to many people.
    """
    smoothed, neutral = (1.0 / (1.0 + SCALE * np.exp(-SLOPE * x)) for x in (np.asarray(probability), UNKNOWN))
    return np.minimum(1.0, smoothed / neutral)


def fused_distances(
    distances: sparse.csr_matrix, transitions: Transitions, cameras: np.ndarray, seconds: np.ndarray
) -> sparse.csr_matrix:
    """Return d' = 1 - (1 - d) damping, for all stored pairs.

    Args:
        distances: (N, N) symmetric CSR of distances in [0, 1].
        transitions: what was learnt from clusters of these same pictures.
        cameras: (N,) integers; -1 = unknown.
        seconds: (N,); NaN = unknown.

    Returns:
        CSR of the same pairs and type; pairs of which nothing is known are as they were.
    """
    pairs = distances.tocoo()
    one, other = pairs.row, pairs.col
    labels = transitions.labels
    likely = transitions.probability(
        cameras[one],
        cameras[other],
        np.where(one == other, np.nan, seconds[other] - seconds[one]),
        is_own=(labels[one] == labels[other]) & (labels[one] >= 0),
    )
    result = distances.copy()
    moved = 1.0 - (1.0 - distances.data) * damping(likely)
    result.data = np.where(likely < UNKNOWN, moved, distances.data).astype(distances.dtype)
    return result
