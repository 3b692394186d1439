"""What all figures share: colours, type, one pair of axes, and how they become SVG text."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

# Okabe and Ito's palette, told apart by colour-blind people too; black and yellow left out for contrast on white.
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7a5195", "#5f6b7a", "#8c6d31", "#1b2a6b", "#a50f15", "#4d7c0f"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
# So many rows of names have room below the axes; each further one takes so many inches.
_ROWS, _ROW_INCHES = 4, 0.19
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a94a3",
    "axes.labelcolor": "#3c4654",
    "axes.grid": True,
    "grid.color": "#e7eaef",
    "xtick.color": "#5f6b7a",
    "ytick.color": "#5f6b7a",
    "legend.frameon": False,
}


def colour(place: int) -> str:
    """Return the colour of the n-th curve or person; they repeat after a dozen.

    Args:
        place: position, from 0.
    """
    return COLOURS[place % len(COLOURS)]


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes.

    Args:
        width: in inches.
        height: in inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def legend_below(figure: Figure, handles: Sequence[Any], labels: Sequence[str], *, columns: int) -> Legend:
    """Put the names below the axes; the figure grows with them, so that many leave the axes their height.

    Args:
        figure: with its axes.
        handles: a line or a marker of each.
        labels: the names.
        columns: names beside one another.
    """
    more = max(0, -(-len(labels) // columns) - _ROWS)
    figure.set_figheight(figure.get_figheight() + _ROW_INCHES * more)
    return figure.legend(list(handles), list(labels), loc="outside lower center", ncols=columns, fontsize=9)


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG text that depends on nothing but what was drawn.

    Args:
        figure: the figure.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
