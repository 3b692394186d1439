"""The report's curves of people missed against false positives, one figure a domain."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atomic_files import read_json
from pipeline.errors import ManifestError
from pipeline.report.markup import Html, Part, figure, section, tag
from pipeline.report.plot_misses import MissCurve, draw_misses
from pipeline.report.roles import ROLE_NAMES, is_number, percent, role_name
from pipeline.report.run_files import RunFiles

CURVES = "miss_curves.json"
_NOTE = (
    "The share of people who are not found, by how many false positives an image one accepts; lower is better. The "
    "number in the legend is MR⁻², the geometric mean of the curve at the nine marked points."
)


def misses_section(run: RunFiles, results: Mapping[str, Any]) -> Html:
    """Draw the curves of every evaluation of detectors.

    Args:
        run: the run's files.
        results: the object of results.json, for the numbers in the legends.
    """
    rates = {(row["stage"], row["domain"], row["role"]): row["mr2"] for row in results["detection"]}
    paths = {stage.name: stage.folder / CURVES for stage in run.done() if stage.folder}
    paths = {name: path for name, path in paths.items() if path.is_file()}
    parts: list[Part] = []
    for name, path in paths.items():
        parts += [tag("h3", f"Stage {name}")] if len(paths) > 1 else []
        own = {(domain, role): rate for (stage, domain, role), rate in rates.items() if stage == name}
        try:
            parts += _figures(path, own)
        except ManifestError as error:
            parts.append(tag("p", f"The curves of stage {name} cannot be drawn: {error}."))
    if not parts:
        parts = [tag("p", "No evaluation of detectors has left its curves.")]
    else:
        parts = [tag("p", _NOTE, class_="soft"), *parts]
    return section("misses", "People missed against false positives", *parts)


def _figures(path: Path, rates: Mapping[tuple[str, str], Any]) -> list[Part]:
    content = {domain: curves for domain, curves in read_json(path).items() if isinstance(curves, Mapping)}
    domains = sorted(content, key=lambda domain: (domain != "target", domain))
    present = {role for domain in domains for role in content[domain]}
    # One order for all domains, so that a detector has the same colour and marker in each.
    roles = [role for role in (*ROLE_NAMES, *sorted(present - set(ROLE_NAMES))) if role in present]
    figures, broken = [], []
    for domain in domains:
        curves = []
        for place, role in enumerate(roles):
            if role not in content[domain]:
                continue
            name, rate = role_name({"role": role}), rates.get((domain, role))
            legend = f"{name} · {percent(rate)} %" if is_number(rate) else name
            curve = read_curve(content[domain][role], legend, place=place)
            if curve is None:
                broken.append(f"{name} on the {domain}")
            else:
                curves.append(curve)
        if curves:
            figures.append(figure(draw_misses(curves), tag("b", domain), alt=f"miss rate curves on the {domain}"))
    left_out = tag("p", f"Left out, because they cannot be read: {', '.join(broken)}.") if broken else None
    return [tag("div", *figures, class_="grid two"), left_out]


def read_curve(value: object, name: str, *, place: int) -> MissCurve | None:
    """Check one curve of the file.

    Args:
        value: an object with the lists 'fppi' and 'miss'.
        name: what the legend calls it.
        place: position among all detectors.

    Returns:
        the curve, None where the lists do not fit together or hold anything but rates.
    """
    fppi, miss = (value.get("fppi"), value.get("miss")) if isinstance(value, Mapping) else (None, None)
    if not (isinstance(fppi, list) and isinstance(miss, list) and len(fppi) == len(miss)):
        return None
    if not all(map(is_number, [*fppi, *miss])):
        return None
    rates, misses = np.asarray(fppi, dtype=float), np.asarray(miss, dtype=float)
    is_good = (rates > 0).all() and (np.diff(rates) >= 0).all() and ((misses >= 0) & (misses <= 1)).all()
    return MissCurve(name, place, rates, misses) if is_good else None
