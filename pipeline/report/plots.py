"""Curves and point clouds as SVG text; every figure has one pair of axes, so that the page can lay them out itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import MaxNLocator

from pipeline.report.plot_style import COLOURS, MARKERS, STYLE, colour, legend_below, new_axes, svg_text

MAX_POINTS = 400
Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def draw_curves(series: Series, *, x_label: str, y_label: str, log: bool = False) -> str:
    """Draw named curves over one axis.

    Args:
        series: (x, y) by name; values that are not finite leave a gap. Long curves are averaged in bins.
        x_label: what x counts.
        y_label: what y measures; may be empty.
        log: asks for a logarithmic axis, granted where every value is positive and they span a factor of 20.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(4.7, 3.0)
        values = np.concatenate([np.asarray(y, dtype=float) for _, y in series.values()] or [np.zeros(0)])
        values = values[np.isfinite(values)]
        for place, (name, (x, y)) in enumerate(series.items()):
            style: dict[str, Any] = (
                {"lw": 2.2, "color": "#17202b"} if name == "total" else {"lw": 1.5, "color": colour(place)}
            )
            if len(x) <= 30:
                style |= {"marker": "o", "markersize": 3.5}
            axes.plot(*thin_out(x, y, limit=MAX_POINTS), label=name.replace("_", " "), **style)
        if log and len(values) and values.min() > 0 and values.max() > 20 * values.min():
            axes.set_yscale("log")
        axes.set(xlabel=x_label, ylabel=y_label)
        if list(series) != ["total"]:
            legend_below(figure, *axes.get_legend_handles_labels(), columns=3)
        return svg_text(figure)


def draw_rounds(rounds: Sequence[float], values: Sequence[float], *, rejected: Sequence[bool], share: bool) -> str:
    """Draw one number a round, rejected rounds as crosses.

    Args:
        rounds: round numbers.
        values: one value a round; not finite where unknown.
        rejected: True where the round was rolled back.
        share: the value is a share of 1: the axis runs from 0 to 1.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(2.8, 2.0)
        x, y, bad = np.asarray(rounds, float), np.asarray(values, float), np.asarray(rejected, bool)
        axes.plot(x, y, color=COLOURS[0], lw=1.8, zorder=2)
        axes.plot(x[~bad], y[~bad], "o", color=COLOURS[0], ms=4.5, zorder=3)
        axes.plot(x[bad], y[bad], "X", color=COLOURS[1], ms=8, zorder=4)
        margin = 0.05 * (x.max(initial=1) - x.min(initial=1)) + 0.1
        axes.set(xlabel="round", xlim=(x.min() - margin, x.max() + margin))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        if share:
            axes.set_ylim(-0.03, 1.03)
        else:
            axes.set_ylim(bottom=0)
        return svg_text(figure)


def draw_bars(values: Mapping[str, float], *, x_label: str, line: float | None = None) -> str:
    """Draw one bar for each name, the first at the top.

    Args:
        values: length of each bar by name, of either sign.
        x_label: what the length measures.
        line: where a dashed line stands for comparison.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(4.2, 0.9 + 0.32 * len(values))
        places = np.arange(len(values))
        axes.barh(places, list(values.values()), height=0.62, color=COLOURS[0], zorder=2)
        axes.set_yticks(places, [name.replace("$", r"\$") for name in values])
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        axes.axvline(0.0, color="#8a94a3", lw=0.8)
        if line is not None:
            axes.axvline(line, color=COLOURS[1], lw=1.2, ls="--", zorder=3)
        axes.set(xlabel=x_label)
        return svg_text(figure)


def draw_cmc(curves: Mapping[str, Mapping[int, float]]) -> str:
    """Draw the share of queries with a right answer among the first k.

    Args:
        curves: CMC as fractions by rank, by model name.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(5.6, 3.1)
        for place, (name, curve) in enumerate(curves.items()):
            ranks = sorted(curve)
            marker = MARKERS[place % len(MARKERS)]
            axes.plot(ranks, [100 * curve[k] for k in ranks], marker=marker, ms=5, color=colour(place), label=name)
        axes.set(xlabel="rank k", ylabel="CMC@k in %", ylim=(0, 103))
        axes.set_xticks(sorted({k for curve in curves.values() for k in curve})[:20])
        legend_below(figure, *axes.get_legend_handles_labels(), columns=2)
        return svg_text(figure)


def draw_map(points: np.ndarray, person_ids: np.ndarray, camera_ids: np.ndarray, *, persons: Sequence[int]) -> str:
    """Draw projected embeddings: a dozen persons in colour, all others grey, the marker tells the camera.

    Args:
        points: (N, 2) coordinates.
        person_ids: (N,) persons.
        camera_ids: (N,) cameras, of any sortable type.
        persons: the persons in colour; a dozen keep distinct colours.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, axes = new_axes(4.6, 4.4)
        axes.grid(False)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
        for place, camera in enumerate(sorted(set(camera_ids.tolist()))):
            marker = MARKERS[place % len(MARKERS)]
            here = camera_ids == camera
            grey = here & ~np.isin(person_ids, list(persons))
            axes.scatter(
                points[grey, 0],
                points[grey, 1],
                s=9,
                marker=marker,
                c="#d3d8df",
                linewidths=0,
                label=f"camera {camera}",
            )
            for rank, person in enumerate(persons):
                own = here & (person_ids == person)
                axes.scatter(
                    points[own, 0],
                    points[own, 1],
                    s=26,
                    marker=marker,
                    c=colour(rank),
                    edgecolors="white",
                    linewidths=0.4,
                )
        handles, labels = axes.get_legend_handles_labels()
        legend = legend_below(figure, handles, labels, columns=4)
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set(facecolor="#5f6b7a", sizes=[30])
        return svg_text(figure)


def thin_out(x: Sequence[float], y: Sequence[float], *, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Average a long curve in bins of equal length, so that the page stays small and noise does not hide the trend.

    Args:
        x: (N,) positions.
        y: (N,) values.
        limit: greatest number of points to keep.

    Returns:
        two arrays of at most ``limit`` points; the curve itself where it is short enough.
    """
    positions, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(positions) <= limit:
        return positions, values
    size = -(-len(positions) // limit)
    starts = np.arange(0, len(positions), size)
    counts = np.diff([*starts, len(positions)])
    return np.add.reduceat(positions, starts) / counts, np.add.reduceat(values, starts) / counts
