"""The subsets of people that published miss rates speak of: ranges of full height and of visible share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.detection.truth import FrameTruth

Range = tuple[float, float]


@dataclass(frozen=True)
class Subset:
    """Who counts: boxes inside both ranges, both ends included; all others are ignore regions.

    Args:
        name: what messages call it.
        height: lowest and highest full height in pixels.
        visible: lowest and highest visible share of the area.
        source: whose definition it is.
    """

    name: str
    height: Range
    visible: Range
    source: str = ""

    def __str__(self) -> str:
        """Return the name with both ranges."""
        words = f"{self.name}: height {_interval(self.height)} px, visible share {_interval(self.visible)}"
        return f"{words} ({self.source})" if self.source else words

    def ignored(self, truth: FrameTruth) -> np.ndarray:
        """Return which boxes of a frame are ignored: by their flag, their height or their visible share.

        Args:
            truth: the frame's boxes.
        """
        outside = (truth.heights < self.height[0]) | (truth.heights > self.height[1])
        hidden = (truth.visible_ratio < self.visible[0]) | (truth.visible_ratio > self.visible[1])
        return truth.ignore | outside | hidden


_NO_LIMIT = math.inf
_PLAIN: Range = (0.65, _NO_LIMIT)
_HEAVY: Range = (0.2, 0.65)
_SEEN: Range = (0.2, _NO_LIMIT)
# KAIST tags occlusion by hand: none, partial = up to one half, heavy.
_HALF: Range = (0.5, _NO_LIMIT)
_WHOLE: Range = (1.0, _NO_LIMIT)

_TABLE = (
    Subset("reasonable", (50, _NO_LIMIT), _PLAIN, "Caltech, CityPersons"),
    Subset("small", (50, 75), _PLAIN, "CityPersons' Reasonable_small, Caltech"),
    Subset("medium", (75, 100), _PLAIN, "ALFNet"),
    Subset("large", (100, _NO_LIMIT), _PLAIN, "ALFNet"),
    Subset(
        "heavy_citypersons", (50, _NO_LIMIT), _HEAVY, "Heavy of CityPersons and Caltech; CSP's tables mean heavy_csp"
    ),
    Subset(
        "heavy_csp", (50, _NO_LIMIT), (0.0, 0.65), "Heavy of the CSP, ALFNet and RepLoss tables, not CityPersons' own"
    ),
    Subset("bare", (50, _NO_LIMIT), (0.9, _NO_LIMIT), "CSP, ALFNet"),
    Subset("partial", (50, _NO_LIMIT), (0.65, 0.9), "CSP, ALFNet"),
    Subset("all", (20, _NO_LIMIT), _SEEN, "Caltech, CityPersons"),
    Subset("kaist_reasonable", (55, _NO_LIMIT), _HALF, "KAIST, no or partial occlusion"),
    Subset("kaist_near", (115, _NO_LIMIT), _WHOLE, "KAIST, no occlusion"),
    Subset("kaist_medium", (45, 115), _WHOLE, "KAIST, no occlusion"),
    Subset("kaist_far", (1, 45), _WHOLE, "KAIST, no occlusion"),
    Subset("kaist_all", (20, _NO_LIMIT), (0.0, _NO_LIMIT), "KAIST, any occlusion"),
    Subset("eurocity_reasonable", (40, _NO_LIMIT), _PLAIN, "EuroCity Persons as Pedestron scores it"),
    Subset("eurocity_small", (30, 60), _PLAIN, "EuroCity Persons as Pedestron scores it"),
    Subset("eurocity_occluded", (40, _NO_LIMIT), _HEAVY, "EuroCity Persons as Pedestron scores it"),
    Subset("eurocity_all", (20, _NO_LIMIT), _SEEN, "EuroCity Persons as Pedestron scores it"),
)
SUBSETS: Mapping[str, Subset] = {subset.name: subset for subset in _TABLE}


def find_subset(name: str) -> Subset:
    """Return a named subset; hyphens and capitals do not matter.

    Args:
        name: a key of `SUBSETS`, or 'heavy', which is CityPersons' own definition.

    Raises:
        DataError: for an unknown name.
    """
    key = name.strip().lower().replace("-", "_")
    if key == "heavy":
        return SUBSETS["heavy_citypersons"]
    if key not in SUBSETS:
        raise DataError(f"a subset called {name!r}", f"one of {', '.join(SUBSETS)}")
    return SUBSETS[key]


def _interval(limits: Range) -> str:
    low, high = limits
    return f"[{low:g}, inf)" if math.isinf(high) else f"[{low:g}, {high:g}]"
