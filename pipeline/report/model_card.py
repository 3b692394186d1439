"""A model card in Markdown: what one model is, what it has learned from and what was measured, from manifests alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ManifestError
from pipeline.report.collect import collect_run
from pipeline.report.model_card_text import (
    DETECTOR_LIMITS,
    DETECTOR_USE,
    LICENCE,
    PURPOSES,
    REID_LIMITS,
    REID_USE,
    markdown_table,
    measured_lines,
    threshold_lines,
)
from pipeline.report.roles import is_number, quantity
from pipeline.report.run_files import RunFiles, read_run
from pipeline.report.stage_files import StageFiles


def model_card(path: Path, *, role: str = "best") -> str:
    """Return the card of a model that a run has left.

    Args:
        path: RUN/STAGE, or a model file of an attempt, RUN/STAGE/aNNNN/NAME.
        role: which model of a stage; that of the file where one is given.

    Returns:
        Markdown; what no manifest tells is said to be unknown.

    Raises:
        ManifestError: there is no such stage or model.
    """
    folder = path.parent.parent if path.suffix and not path.is_dir() else path
    run = read_run(folder.parent)
    stage = next((one for one in run.done() if one.name == folder.name), None)
    if stage is None or stage.folder is None:
        raise ManifestError(f"{path} is no stage of a run, or has not been run", "RUN/STAGE or a model file in it")
    if folder is not path:
        role = _role_of(stage, path)
    output = stage.section("outputs").get(role)
    if output is None:
        raise ManifestError(f"stage {stage.name} has left no {role}", f"one of {sorted(stage.section('outputs'))}")
    return "\n".join([
        f"# {run.name}: {stage.name}.{role}", "", *_identity(stage, role, output, run), "", *_data(stage, run), "",
        *_measured(stage, role, run), "", *_purpose(stage), "", *_lineage(stage, run), "", *LICENCE, "",
    ])  # fmt: skip


def _role_of(stage: StageFiles, path: Path) -> str:
    assert stage.folder is not None, "the stage is committed"
    if path.parent.resolve() != stage.folder.resolve():
        raise ManifestError(f"{path} is not in {stage.folder}, the attempt that counts", "a model file of it")
    roles = [role for role, entry in stage.section("outputs").items() if entry.get("path") == path.name]
    if not roles:
        raise ManifestError(f"{path.name} is no output of stage {stage.name}", "a model file")
    return min(roles, key=lambda role: role == "route")


def _identity(stage: StageFiles, role: str, output: Mapping[str, Any], run: RunFiles) -> list[str]:
    network, made, code = _network(stage, role, run), stage.section("run"), stage.section("code")
    rows = [("kind of stage", stage.kind), ("file", output.get("path")), ("SHA-256", output.get("sha256"))]
    for key in ("arch", "detector", "size", "embedding", "weights"):
        value = network.get(key)
        if value is not None:
            rows.append((key, " × ".join(map(str, value)) if isinstance(value, list) else str(value)))
    row = next(_rows_of(stage, role, run), {})
    rows += [("parameters", quantity(row.get("params"))), ("multiply-adds of an image", quantity(row.get("macs")))]
    if is_number(row.get("images_per_second")):
        rows.append(("images a second", f"{quantity(row['images_per_second'])}, on the machine that evaluated it"))
    rows += [
        ("made", f"{made.get('finished', 'unknown')}, attempt {made.get('attempt', 'unknown')}"),
        ("code", f"commit {code.get('commit') or 'unknown'}, sources {str(code.get('sources', 'unknown'))[:12]}"),
    ]
    unknown = " Size and cost stand with an evaluation; this model has none." if not row else ""
    return ["## The model", "", PURPOSES.get(stage.kind, PURPOSES["other"]) + unknown, "",
            *markdown_table(["fact", "value"], rows)]  # fmt: skip


def _network(stage: StageFiles, role: str, run: RunFiles) -> Mapping[str, Any]:
    """Return the settings of the network: of a teacher's file, those of the stage that made the teacher."""
    config = stage.section("identity").get("config")
    settings = config if isinstance(config, Mapping) else {}
    if role == "teacher":
        taught = settings.get("teacher")
        digest = taught.get("sha256") if isinstance(taught, Mapping) else None
        for reference, entry in stage.section("inputs").items():
            name, _, own = reference.partition(".")
            maker = next((one for one in run.done() if one.name == name), None)
            if entry.get("sha256") == digest and maker is not None and maker is not stage:
                return _network(maker, own, run)
        return {}
    train = settings.get("train")
    return train if isinstance(train, Mapping) else {}


def _makers(stage: StageFiles, run: RunFiles) -> list[StageFiles]:
    """Return a stage and all that it was made of, the stage itself last."""
    known = {one.name: one for one in run.done()}
    found: dict[str, StageFiles] = {}

    def visit(one: StageFiles) -> None:
        if one.name in found:
            return
        found[one.name] = one
        for reference in one.section("inputs"):
            if (maker := known.get(reference.partition(".")[0])) is not None:
                visit(maker)

    visit(stage)
    order = [one.name for one in run.done()]
    return sorted(found.values(), key=lambda one: order.index(one.name))


def _data(stage: StageFiles, run: RunFiles) -> list[str]:
    rows = []
    for one in _makers(stage, run):
        for name, entry in one.section("data").items():
            counts = [str(entry[key]) if key in entry else "–" for key in ("images", "cameras", "persons", "boxes")]
            read = {True: "yes", False: "no"}.get(entry.get("labels_read"), "unknown")
            rows.append((one.name, name, *counts, read, str(entry.get("digest", "unknown"))[:12]))
    header = ["stage", "data", "images", "cameras", "persons", "boxes", "labels read", "digest"]
    text = "What this model and those that taught it or that it began with have learned from. `–`: not counted."
    if any(one.kind == "imported" for one in _makers(stage, run)):
        text += " A stage of kind `imported` brought files of another run; their data stand in the cards of that run."
    return ["## Data", "", text, "", *markdown_table(header, rows)]


def _rows_of(stage: StageFiles, role: str, run: RunFiles) -> Iterator[Mapping[str, Any]]:
    results = collect_run(run)
    for part in ("reid", "detection", "classification"):
        yield from (row for row in results.get(part) or [] if row["model"] == f"{stage.name}.{role}")


def _measured(stage: StageFiles, role: str, run: RunFiles) -> list[str]:
    rows = list(_rows_of(stage, role, run))
    lines = ["## Measured", ""]
    for row in rows:
        lines += measured_lines(row)
    if not rows:
        lines += ["No evaluation of this run has measured this model: nothing is known of how well it does.", ""]
    match = stage.summary.get("match")
    told = match.get(role) if isinstance(match, Mapping) else None
    return [*lines, *threshold_lines(told, rows)] if "detector" not in stage.kind else lines[:-1]


def _purpose(stage: StageFiles) -> list[str]:
    use, limits = (DETECTOR_USE, DETECTOR_LIMITS) if "detector" in stage.kind else (REID_USE, REID_LIMITS)
    return ["## Purpose and limits", "", use, "", *(f"* {limit}" for limit in limits)]


def _lineage(stage: StageFiles, run: RunFiles) -> list[str]:
    rows = []
    for one in _makers(stage, run):
        inputs = ", ".join(f"{ref} ({entry.get('sha256', '')[:12]})" for ref, entry in one.section("inputs").items())
        rows.append((one.name, one.kind, inputs or "–", str(one.manifest.get("fingerprint", "unknown"))[:12]))
    return ["## Lineage", "", *markdown_table(["stage", "kind", "made of", "fingerprint"], rows)]
