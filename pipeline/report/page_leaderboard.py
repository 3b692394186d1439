"""The page of a comparison: the sorted dots, the table, what each case is, and how to run it again."""

import shlex
from collections.abc import Mapping
from typing import Any

from pipeline.report.dot_plot import draw_dots
from pipeline.report.html import document
from pipeline.report.leaderboard_text import budget_words, cells, footnotes, spread
from pipeline.report.markup import Html, figure, section, table, tag

# With fewer cases even a gain in each of them is no rare event between methods that are equally good: 2 / 2^5 > 0.05.
_SURE = 6


def render_leaderboard(board: Mapping[str, Any]) -> str:
    """Build the page.

    Args:
        board: the document.

    Returns:
        a complete HTML document that asks for nothing from the network.
    """
    body = tag("body", _header(board), tag("main", *_sections(board)))
    return document(f"{board['config']} · comparison", body)


def _header(board: Mapping[str, Any]) -> Html:
    done = sum(case["done"] for case in board["cases"])
    eyebrow = (
        f"comparison {board['config']} · {done} of {len(board['cases'])} cases done · budget {budget_words(board)}"
    )
    return tag("header", tag("p", eyebrow, class_="eyebrow"), tag("h1", _headline(board)),
               *(tag("p", note, class_="notes") for note in board["notes"]))  # fmt: skip


def _headline(board: Mapping[str, Any]) -> str:
    if not board["methods"]:
        return "No case is scored yet"
    best, baseline = board["methods"][0], board["baseline"]
    words = f"{best['method']} is first of {len(board['methods'])} methods with {spread(best['mAP'])} % mAP"
    if baseline is None or best["method"] == baseline:
        return words
    against = best["against_baseline"]
    words += f", {100 * against['mean']:+.1f} points from {baseline}"
    unsure = len(against["each"]) < _SURE or against["interval"][0] <= 0
    return words + (", which chance alone could make" if unsure else "")


def _sections(board: Mapping[str, Any]) -> list[Html]:
    parts = []
    if board["methods"]:
        head, rows = cells(board)
        last = len(head) - 1
        # What differs is text, and stands beside the name.
        order = [0, last, *range(1, last)]
        shown = table([head[i] for i in order], [[row[i] for i in order] for row in rows], text_columns=2)
        parts = [
            section("dots", "Every case", *_figures(board)),
            section("table", "Leaderboard", shown, *(tag("p", line, class_="soft") for line in footnotes(board))),
        ]
    states = [[case["case"], "scored" if case["done"] else f"{case['trained']} of {board['count']} methods trained"]
              for case in board["cases"]]  # fmt: skip
    command = tag("pre", shlex.join(board["command"]))
    return [*parts, section("cases", "Cases", table(["case", "state"], states, text_columns=2)),
            section("reproduce", "Reproduce", command)]  # fmt: skip


def _figures(board: Mapping[str, Any]) -> list[Html]:
    cases = [case["case"] for case in board["cases"] if case["done"]]
    baseline = board["baseline"]
    scores = {row["method"]: [100 * value for value in row["mAP"]["each"]] for row in board["methods"]}
    shown = [figure(
        draw_dots(scores, cases=cases, x_label="mAP % on the target", marked=baseline),
        "Each dot is a case, the black line the mean." + (f" Dashed: the mean of {baseline}." if baseline else ""),
        alt="mAP of every method in every case",
    )]  # fmt: skip
    if baseline is not None:
        gaps = {row["method"]: [100 * value for value in row["against_baseline"]["each"]] for row in board["methods"]}
        shown.append(figure(
            draw_dots(gaps, cases=cases, x_label=f"mAP - {baseline}, in points of the same case", zero=True),
            f"The same against {baseline}, case by case: what differs between cases for all methods is gone.",
            alt=f"distance of every method to {baseline} in every case",
        ))  # fmt: skip
    return shown
