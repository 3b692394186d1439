"""A drawing of when and before which camera somebody may have been."""

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.report.found_people import SoughtPerson, clock_text
from pipeline.report.plot_style import STYLE, new_axes, svg_text

_COLOURS = {True: "#12803c", False: "#c22f22", None: "#0062b8"}
# A stay of a second is still a bar that can be seen.
_LEAST_SHARE = 0.006
_MOST_NUMBERED = 10


def draw_timeline(person: SoughtPerson, span: tuple[float, float]) -> str:
    """Draw one row for each camera and one bar for each tracklet, over the nearest ten their rank.

    Args:
        person: who was looked for.
        span: first and last second of all tracklets.

    Returns:
        SVG text.
    """
    cameras = sorted({*person.found, *([person.own[0]] if person.own else [])})
    least = max(_LEAST_SHARE * (span[1] - span[0]), 1e-3)
    with rc_context(STYLE):
        figure, axes = new_axes(9.6, 0.7 + 0.46 * len(cameras))
        # The nearest are painted last, over the others.
        for rank, one in reversed(list(enumerate(person.ranked, start=1))):
            row, width = cameras.index(one.camera), max(one.span[1] - one.span[0], least)
            # The farther down the list, the paler.
            alpha = float(np.clip(1.15 - 0.12 * rank, 0.18, 1.0))
            axes.barh(row, width, left=one.span[0], height=0.42, color=_COLOURS[one.verdict], alpha=alpha)
            if rank <= _MOST_NUMBERED:
                axes.text(one.span[0] + width / 2, row - 0.27, str(rank), ha="center", va="bottom", fontsize=7.5)
        if person.own is not None:
            camera, (first, last) = person.own
            row, width = cameras.index(camera), max(last - first, least)
            axes.barh(row, width, left=first, height=0.5, fill=False, edgecolor="#17202b", linewidth=1.6)
        axes.set_yticks(range(len(cameras)), [f"camera {camera}" for camera in cameras])
        axes.set(ylim=(len(cameras) - 0.45, -0.75), xlim=(span[0], max(span[1], span[0] + least)))
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 3, 6, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock_text(value)))
        axes.grid(axis="y", visible=False)
        axes.set_axisbelow(True)
        return svg_text(figure)
