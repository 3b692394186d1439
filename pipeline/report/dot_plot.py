"""The leaderboard as a picture: each case a dot, each mean a line, the best at the top."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context

from pipeline.report.plot_style import COLOURS, MARKERS, STYLE, colour, legend_below, new_axes, svg_text


def draw_dots(
    values: Mapping[str, Sequence[float]], *, cases: Sequence[str], x_label: str, marked: str | None = None,
    zero: bool = False,
) -> str:  # fmt: skip
    """Draw one line of dots for each name, the first at the top.

    Args:
        values: one value a case by name.
        cases: names of the cases, in the same order.
        x_label: what the values are.
        marked: name whose mean is drawn as a dashed line through all others; None draws none.
        zero: draws a line at 0.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(8.0, 1.3 + 0.27 * len(values))
        places = np.arange(len(values))
        # Cases lie a little apart, so that equal values are seen as several.
        for number, case in enumerate(cases):
            shift = 0.28 * (number / max(1, len(cases) - 1) - 0.5)
            marker = MARKERS[number % len(MARKERS)]
            axes.scatter([found[number] for found in values.values()], places + shift, s=20, marker=marker,
                         color=colour(number), alpha=0.75, linewidths=0, label=case, zorder=3)  # fmt: skip
        means = [float(np.mean(found)) for found in values.values()]
        axes.scatter(means, places, s=170, marker="|", color="#17202b", linewidths=2.2, label="mean", zorder=4)
        if marked is not None:
            axes.axvline(float(np.mean(values[marked])), color=COLOURS[1], lw=1.1, ls="--", zorder=2)
        if zero:
            axes.axvline(0.0, color="#8a94a3", lw=0.9, zorder=2)
        axes.set_yticks(places, [name.replace("$", r"\$") for name in values])
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set(xlabel=x_label)
        legend_below(figure, *axes.get_legend_handles_labels(), columns=4)
        return svg_text(figure)
