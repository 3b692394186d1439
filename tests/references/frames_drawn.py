"""Slow twins of choosing frames, of sorting a frame's boxes for drawing, and of reading a miss-rate curve."""

import math


def choose_frames(counts, count):
    chosen = []
    for wanted in (True, False):
        places = [i for i in range(len(counts)) if (counts[i] > 0) == wanted]
        room = min(count - len(chosen), len(places))
        for stretch in range(room):
            # The middle of stretch k of n over L places: the place whose cell holds (k + 1/2) L / n.
            middle = (stretch + 0.5) * len(places) / room
            chosen.append(places[math.floor(middle)])
    return sorted(chosen)


def sampled(fppi, miss, references):
    found = []
    for reference in references:
        value = 1.0
        for rate, share in zip(fppi, miss, strict=True):
            if rate <= reference * (1 + 1e-9):
                value = share
        found.append(value)
    return found
