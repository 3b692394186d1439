"""The outlier-suppression curve: a score against the magnitude of augmentation, with and without a teacher."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context

from pipeline.report.plot_style import MARKERS, STYLE, colour, legend_below, new_axes, svg_text


def draw_augmentation_curve(
    scores: Mapping[str, Mapping[float, Sequence[float]]], *, x_label: str, y_label: str
) -> str:
    """Draw the mean over seeds of each way of training, with a band of one standard deviation.

    Args:
        scores: fractions, one a seed, by way of training and magnitude.
        x_label: what the magnitude is of.
        y_label: what the score is.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(5.6, 3.4)
        for place, (name, found) in enumerate(scores.items()):
            magnitudes = sorted(found)
            values = [100 * np.asarray(found[magnitude], float) for magnitude in magnitudes]
            means = np.array([value.mean() for value in values])
            spread = np.array([value.std(ddof=1) if len(value) > 1 else 0.0 for value in values])
            marker = MARKERS[place % len(MARKERS)]
            axes.plot(magnitudes, means, marker=marker, ms=5, color=colour(place), label=name.replace("_", " "))
            axes.fill_between(magnitudes, means - spread, means + spread, color=colour(place), alpha=0.15, lw=0)
        axes.set(xlabel=x_label, ylabel=y_label)
        legend_below(figure, *axes.get_legend_handles_labels(), columns=3)
        return svg_text(figure)
