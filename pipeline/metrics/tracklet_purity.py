"""How pure tracklets are, and how many people they cover, where somebody knows who is on each crop."""

import numpy as np

from pipeline.metrics.tracking import best_pairs, enough_overlaps


def tracklet_scores(tracklets: np.ndarray, persons: np.ndarray) -> dict[str, float]:
    """Say how far each tracklet shows one person, and how many people have a tracklet.

    Args:
        tracklets: (N,) int64, the tracklet of each crop.
        persons: (N,) int64, who is on the crop; -1 = nobody.

    Returns:
        purity: share of the crops that show the person whom most crops of their tracklet show, crops of nobody counted
        as wrong; pure: share of the tracklets that show one person only; persons: number of people who are the most
        frequent one of a tracklet; tracklets: their number. 0 for all of them where there is no crop.
    """
    names = np.unique(tracklets)
    best, pure, owners = 0, 0, set()
    for name in names:
        shown, counts = np.unique(persons[tracklets == name], return_counts=True)
        most = int(np.where(shown >= 0, counts, 0).max(initial=0))
        best += most
        pure += int(len(shown) == 1 and most > 0)
        if most:
            owners.add(int(shown[np.where(shown >= 0, counts, 0).argmax()]))
    return {
        "purity": best / len(tracklets) if len(tracklets) else 0.0,
        "pure": pure / len(names) if len(names) else 0.0,
        "persons": float(len(owners)),
        "tracklets": float(len(names)),
    }


def persons_of(boxes: np.ndarray, truth: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """Return the (M,) int64 person of each box by the best one-to-one choice; -1 where nobody fits.

    Args:
        boxes: (M, 4) xyxy.
        truth: (N, 4) xyxy boxes of people.
        persons: (N,) int64.
    """
    found = np.full(len(boxes), -1, np.int64)
    rows, columns = best_pairs(enough_overlaps(truth, boxes))
    found[columns] = persons[rows]
    return found
