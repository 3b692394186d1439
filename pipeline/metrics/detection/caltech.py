"""What Caltech's own evaluation does to the truth before it matches; no other protocol does it."""

from dataclasses import replace

import numpy as np

from pipeline.metrics.detection.subsets import Subset
from pipeline.metrics.detection.truth import FrameTruth

# left, top, right, bottom in pixels of the 640x480 frames of Caltech and the 640x512 ones of KAIST.
CALTECH_BORDER = (5.0, 5.0, 635.0, 475.0)
KAIST_BORDER = (5.0, 5.0, 635.0, 507.0)
PERSON_ASPECT = 0.41


def prepare_caltech(
    truth: FrameTruth,
    subset: Subset,
    *,
    border: tuple[float, float, float, float] = CALTECH_BORDER,
    aspect: float = PERSON_ASPECT,
) -> FrameTruth:
    """Apply the border rule and the width rule to one frame.

    A box that is not wholly inside the border becomes an ignore region. Each box that then counts in the subset gets
    the width aspect * height around its centre; ignore regions keep their shape.

    Args:
        truth: the frame's boxes.
        subset: who counts; a box outside it keeps its shape.
        border: left, top, right and bottom in pixels.
        aspect: width over height of a person.

    Returns:
        The frame with changed boxes and ignore flags; its heights and visible shares are as before.

    Reference: Dollar et al., Pedestrian Detection: An Evaluation of the State of the Art, PAMI 2012.
    """
    left, top, right, bottom = truth.boxes.T
    outside = (left < border[0]) | (top < border[1]) | (right > border[2]) | (bottom > border[3])
    ignore = truth.ignore | outside
    counts = ~subset.ignored(replace(truth, ignore=ignore))
    boxes = truth.boxes.copy()
    centres, widths = (left + right) / 2, aspect * (bottom - top)
    boxes[counts, 0] = (centres - widths / 2)[counts]
    boxes[counts, 2] = (centres + widths / 2)[counts]
    return replace(truth, boxes=boxes, ignore=np.asarray(ignore, dtype=bool))
