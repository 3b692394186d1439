"""Miss rate against false positives an image, as SVG text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from pipeline.report.plot_style import MARKERS, STYLE, colour, legend_below, new_axes, svg_text

# The nine points over which MR^-2 is the mean: 10^-2 .. 10^0 in quarter decades.
REFERENCES = tuple(10.0 ** (quarter / 4) for quarter in range(-8, 1))
# A perfect curve ends at 0, which has no logarithm.
LOWEST_MISS = 0.01
_RANGE = (0.0065, 10.0)
_COARSE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_FINE = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class MissCurve:
    """The curve of one detector.

    Args:
        name: what the legend calls it.
        place: position among all detectors of the page, for its colour and marker.
        fppi: (K,) false positives an image, positive, ascending.
        miss: (K,) share of the people who are not found, in 0..1.
    """

    name: str
    place: int
    fppi: np.ndarray
    miss: np.ndarray


def draw_misses(curves: Sequence[MissCurve]) -> str:
    """Draw curves of steps over logarithmic axes, each marked where MR^-2 reads it.

    Args:
        curves: one a detector.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(5.6, 4.1)
        axes.set(xscale="log", yscale="log")
        lowest = min([1.0, *(float(sampled(curve).min(initial=1.0)) for curve in curves)])
        for curve in curves:
            look: dict[str, Any] = {"color": colour(curve.place), "lw": 1.7}
            # The step to the right: the miss rate holds until the next false positive.
            x = np.append(curve.fppi, max(_RANGE[1], curve.fppi.max(initial=0.0)))
            y = np.maximum(np.append(curve.miss, curve.miss[-1:] if len(curve.miss) else 1.0), LOWEST_MISS)
            axes.step(x, y, where="post", zorder=2, **look)
            marks = np.maximum(sampled(curve), LOWEST_MISS)
            marker = MARKERS[curve.place % len(MARKERS)]
            axes.plot(REFERENCES, marks, marker, ms=5.5, mec="white", mew=0.6, zorder=3, color=look["color"])
            axes.plot([], [], marker=marker, ms=5.5, label=curve.name.replace("$", r"\$"), **look)
        _label_axes(axes, lowest)
        if curves:
            legend_below(figure, *axes.get_legend_handles_labels(), columns=2)
        return svg_text(figure)


def sampled(curve: MissCurve) -> np.ndarray:
    """Return the miss rates at the nine references: at the last point that is not beyond each, 1 where there is none.

    Args:
        curve: the curve.
    """
    # A reference that went through a file may have lost its last digit.
    last = np.searchsorted(curve.fppi, np.asarray(REFERENCES) * (1 + 1e-9), side="right")
    return np.concatenate([[1.0], curve.miss])[last]


def _label_axes(axes: Axes, lowest: float) -> None:
    bottom = max(LOWEST_MISS, 0.8 * lowest)
    axes.set(xlim=_RANGE, ylim=(0.93 * bottom, 1.06), xlabel="false positives an image", ylabel="miss rate in %")
    axes.xaxis.set_major_locator(FixedLocator([0.01, 0.1, 1.0, 10.0]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_locator(FixedLocator([v for v in (_COARSE if bottom < 0.1 else _FINE) if v >= 0.93 * bottom]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(False, axis="x")
    for reference in REFERENCES:
        axes.axvline(reference, color="#e7eaef", lw=0.8, zorder=0)
