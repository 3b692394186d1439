"""Writes report.html: one file that explains a run, opens anywhere and asks for nothing from the network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.atomic_files import read_json, write_atomic
from pipeline.errors import ManifestError
from pipeline.report import page_provenance, page_results
from pipeline.report.collect import collect_run
from pipeline.report.halves import DETECTION, REID, Half, halves_of
from pipeline.report.markup import Html, join, tag
from pipeline.report.page_classes import classes_block, classes_section
from pipeline.report.page_footage import footage_section
from pipeline.report.page_frames import frames_section
from pipeline.report.page_headline import half_block
from pipeline.report.page_maps import maps_section
from pipeline.report.page_misses import misses_section
from pipeline.report.page_strips import strips_section
from pipeline.report.page_style import CSS
from pipeline.report.page_training import training_section
from pipeline.report.roles import is_number
from pipeline.report.run_files import RunFiles, read_run
from pipeline.report.targets import rows_by_target

# Makes a browser refuse every request, whatever text may have come in from a file.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_ANCHORS = {
    "results": "Results",
    "classes": "Classification",
    "strips": "Retrieval",
    "map": "Embedding map",
    "misses": "Misses",
    "frames": "Frames",
    "footage": "Footage",
    "training": "Training",
    "lineage": "Lineage",
    "size": "Speed and size",
    "semantics": "Evaluation",
    "data": "Data",
    "reproduce": "Reproduce",
}


def write_report(run_dir: Path, *, show_faces: bool = False) -> Path:
    """Write RUN/report.html from what the run's stages have left; what is missing is stated in the page.

    Args:
        run_dir: the run folder.
        show_faces: show the people in pictures as they are; else their heads are blurred.

    Returns:
        the file's path.

    Raises:
        ManifestError: the folder is not a run folder.
    """
    path = run_dir / "report.html"
    write_atomic(path, render(read_run(run_dir), show_faces=show_faces))
    return path


def render(run: RunFiles, *, show_faces: bool = False) -> str:
    """Build the page.

    Args:
        run: the run's files.
        show_faces: as in `write_report`.

    Returns:
        a complete HTML document.
    """
    results = collect_run(run)
    strips, problems = read_strips(run)
    halves = halves_of(run, results)
    has_reid, has_detection = REID in halves, DETECTION in halves
    absent = {"strips", "map"} if not has_reid else set()
    absent |= set() if has_detection else {"misses", "frames"}
    absent |= set() if results.get("classification") else {"classes"}
    footage = footage_section(run, show_faces=show_faces)
    absent |= {"footage"} if footage is None else set()
    absent |= set() if halves else {"results", "size"}
    body = tag(
        "body",
        _header(run, results, halves, problems=problems),
        tag("nav", *(tag("a", name, href=f"#{anchor}") for anchor, name in _ANCHORS.items() if anchor not in absent)),
        tag(
            "main",
            *([page_results.results_section(results, halves)] if halves else []),
            *([classes_section(results)] if results.get("classification") else []),
            *([strips_section(run, strips, show_faces=show_faces), maps_section(run)] if has_reid else []),
            *([misses_section(run, results), frames_section(run, show_faces=show_faces)] if has_detection else []),
            footage,
            training_section(run),
            page_provenance.lineage_section(run),
            *([page_results.size_section(results, halves)] if halves else []),
            page_provenance.semantics_section(run),
            page_provenance.data_section(run),
            page_provenance.reproduce_section(run),
            tag("footer", "All numbers on this page are also in results.json beside it, as fractions."),
        ),
    )
    return document(f"{run.name} · report", body)


def document(title: str, body: Html) -> str:
    """Put a body into a complete document that opens anywhere and loads nothing.

    Args:
        title: of the window.
        body: the body element.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        tag("style", Html(CSS)),
    )
    return join([Html("<!doctype html>\n"), tag("html", head, body, lang="en"), "\n"])


def _header(run: RunFiles, results: Mapping[str, Any], halves: Sequence[Half], *, problems: list[str]) -> Html:
    seconds: list[object] = [stage.section("run").get("seconds") for stage in run.done()]
    facts = [f"run {run.name}", f"seed {results['seed']}" if results["seed"] is not None else None]
    facts.append(f"{len(seconds)} of {len(run.stages)} stages done")
    total = sum(float(value) for value in seconds if is_number(value))
    facts.append(f"{duration(total)} of work" if total else None)
    return tag(
        "header",
        tag("p", " · ".join(filter(None, facts)), class_="eyebrow"),
        tag("div", *(_half(run, results, half) for half in halves), class_="halves") if halves else None,
        classes_block(results) if not halves else None,
        page_provenance.notes_box([*page_provenance.notes(run), *problems]),
    )


def _half(run: RunFiles, results: Mapping[str, Any], half: Half) -> Html:
    shown = [row for rows in rows_by_target(results[half.part]).values() for row in rows]
    adapted = [row["model"] for row in shown if row["role"] == "student_adapted"]
    return half_block(results, half, target_labels_read=page_provenance.target_labels_read(run, adapted))


def read_strips(run: RunFiles) -> tuple[dict[str, Mapping[str, Any]], list[str]]:
    """Read the retrieval strips that evaluations have left.

    Args:
        run: the run's files.

    Returns:
        parsed strips.json by stage, and a sentence for each file that could not be read.
    """
    found: dict[str, Mapping[str, Any]] = {}
    problems = []
    for stage in run.done():
        path = stage.folder / "strips.json" if stage.folder else Path()
        if not path.is_file():
            continue
        try:
            found[stage.name] = read_json(path)
        except ManifestError as error:
            problems.append(f"{stage.name}: {error}.")
    return found, problems


def duration(seconds: float) -> str:
    """Write a time span in its two largest units.

    Args:
        seconds: length, at least 0.
    """
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
