"""Which crops of a tracklet are kept, by comparing every candidate with every crop that is kept already."""

import cv2


def diverse(crops, count):
    """Return positions: the clearest crop, then again and again the one whose nearest kept crop is farthest away."""
    kept = []
    for index, crop in enumerate(crops):
        if not kept or crop.clearness > crops[kept[0]].clearness:
            kept = [index]
    while len(kept) < min(count, len(crops)):
        best, farthest = None, -1.0
        for index, crop in enumerate(crops):
            if index in kept:
                continue
            nearest = min(_difference(crop.image, crops[other].image) for other in kept)
            if nearest > farthest + 1e-5:
                best, farthest = index, nearest
        kept.append(best)
    return kept


def _difference(one, other):
    small = [cv2.resize(image, (8, 16), interpolation=cv2.INTER_AREA).tolist() for image in (one, other)]
    total = 0.0
    for row, row_of_other in zip(*small, strict=True):
        for pixel, pixel_of_other in zip(row, row_of_other, strict=True):
            total += sum(abs(a - b) for a, b in zip(pixel, pixel_of_other, strict=True))
    return total / (8 * 16 * 3)
