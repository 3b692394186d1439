"""The cost curve of a benchmark: a cost against a size, both on logarithmic axes, one line a method."""

from collections.abc import Mapping, Sequence

from matplotlib import rc_context

from pipeline.report.plot_style import MARKERS, STYLE, colour, legend_below, new_axes, svg_text


def draw_cost_curve(
    panels: Mapping[str, Mapping[str, Mapping[int, float]]], *, x_label: str, guides: Sequence[float] = ()
) -> str:
    """Draw one panel for each cost, side by side, with lines of the given slopes to compare with.

    Args:
        panels: positive costs by axis label (such as 'CPU s'), method and size.
        x_label: what the size is of.
        guides: exponents of dotted lines through the first method's first point.

    Returns:
        SVG text.
    """
    with rc_context(STYLE):
        figure, first = new_axes(4.2 * len(panels), 3.6)
        first.remove()
        for axes, (y_label, costs) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            for place, (name, found) in enumerate(costs.items()):
                sizes = sorted(found)
                values = [found[size] for size in sizes]
                axes.plot(sizes, values, marker=MARKERS[place % len(MARKERS)], ms=5, color=colour(place), label=name)
            sizes = sorted({size for found in costs.values() for size in found})
            start = min(next(iter(costs.values())).items())
            for guide in guides:
                line = [start[1] * (size / start[0]) ** guide for size in sizes]
                axes.plot(sizes, line, ls=":", lw=1, color="#8a94a3", zorder=1)
                axes.annotate(f"N$^{{{guide:g}}}$", (sizes[-1], line[-1]), color="#5f6b7a", fontsize=9)
            axes.set(xscale="log", yscale="log", xlabel=x_label, ylabel=y_label)
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30, minor=False)
            axes.minorticks_off()
        # A method may be in one panel only.
        lines = {str(line.get_label()): line for axes in figure.axes for line in axes.get_legend_handles_labels()[0]}
        legend_below(figure, list(lines.values()), list(lines), columns=4)
        return svg_text(figure)
