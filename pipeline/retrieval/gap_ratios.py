"""How much more often two pictures of one person have a gap in time than any two pictures have it."""

import math
from dataclasses import dataclass

import numpy as np

BINS = 256
# So many pairs have to be seen before their own times count as much as knowing nothing.
PRIOR_PAIRS = 20.0
# Nobody passes two cameras on a finer schedule.
LEAST_BANDWIDTH = 1.0
QUARTER = 0.25
UNKNOWN = 0.5


@dataclass(frozen=True)
class GapRatios:
    """Probability that two pictures with a gap show one person, as a histogram.

    Args:
        start: seconds at which the first bin begins.
        width: seconds of a bin.
        new: (BINS,) float64, of pairs that nothing was learnt from.
        own: (BINS,) float64, of pairs that were learnt from: without themselves, or a mistake would confirm itself.
        beyond: outside of the bins.
    """

    start: float
    width: float
    new: np.ndarray
    own: np.ndarray
    beyond: float

    def probability(self, gaps: np.ndarray, *, is_own: np.ndarray) -> np.ndarray:
        """Return the probability of each gap.

        Args:
            gaps: (n,) finite seconds.
            is_own: (n,) bool, whether the pair was learnt from.
        """
        places = np.floor((gaps - self.start) / self.width)
        inside = (places >= 0) & (places < BINS)
        at = np.where(inside, places, 0).astype(np.int64)
        return np.where(inside, np.where(is_own, self.own[at], self.new[at]), self.beyond)


def bandwidth_of(gaps: np.ndarray) -> float:
    """Return Silverman's width of a Gaussian kernel, 0.9 min(s, IQR / 1.34) n^(-1/5), and at least a second.

    Args:
        gaps: (n,) seconds, at least one.
    """
    quartiles = np.percentile(gaps, [25, 75])
    spread = min(float(np.std(gaps)), float(quartiles[1] - quartiles[0]) / 1.34)
    return max(LEAST_BANDWIDTH, 0.9 * spread * len(gaps) ** -0.2)


def gap_ratios(gaps: np.ndarray, background: np.ndarray) -> GapRatios:
    """Compare the gaps inside clusters with all gaps.

    With n pairs, p the density of their gaps and q that of the background, both Parzen estimates on one grid, and e the
    share of wrong pairs, the probability is (m + n0) / (m + n (1 - e) + 2 n0), m = n max(0, p/q - e). It is 1/2 where
    p = q. Wrong pairs take any time, so that p/q = e where no true pair is: e is the ratio that a quarter of the
    background does not exceed.

    Args:
        gaps: (n,) seconds inside clusters, at least one.
        background: (m,) seconds between any pictures of the same cameras.
    """
    bandwidth = bandwidth_of(gaps)
    start, stop = float(gaps.min()) - 4 * bandwidth, float(gaps.max()) + 4 * bandwidth
    width, n = (stop - start) / BINS, len(gaps)
    centres = np.arange(BINS) * width
    kernel = np.exp(-0.5 * ((centres[:, None] - centres[None]) / max(bandwidth, width)) ** 2)
    counts = [np.histogram(values, bins=BINS, range=(start, stop))[0] for values in (gaps, background)]
    near, q = kernel @ counts[0], kernel @ counts[1] / len(background)
    wrong = _share_of_wrong(_ratio(near, n, q), counts[1], len(background))
    new, own = (_posterior(_ratio(pairs, count, q), count, wrong) for pairs, count in ((near, n), (near - 1, n - 1)))
    return GapRatios(start, width, new, own, float(_posterior(np.zeros(1), n, wrong)[0]))


def _ratio(near: np.ndarray, count: int, q: np.ndarray) -> np.ndarray:
    """Return p / q, and 1 where nothing of either is known."""
    is_known = (q > 0) & (count > 0)
    return np.divide(np.maximum(near, 0.0) / max(count, 1), q, out=np.ones(len(q)), where=is_known)


def _posterior(ratios: np.ndarray, count: int, wrong: float) -> np.ndarray:
    evidence = count * np.maximum(0.0, ratios - wrong)
    return (evidence + PRIOR_PAIRS) / (evidence + count * (1.0 - wrong) + 2 * PRIOR_PAIRS)


def _share_of_wrong(ratios: np.ndarray, counts: np.ndarray, total: int) -> float:
    """Return the ratio that a quarter of the background does not exceed, at most 1; beyond the bins it is 0."""
    order = np.argsort(ratios, kind="stable")
    beyond, enough = total - int(counts.sum()), math.ceil(QUARTER * total)
    if beyond >= enough:
        return 0.0
    return min(1.0, float(ratios[order][np.searchsorted(beyond + np.cumsum(counts[order]), enough)]))
