"""The lower half of the report: how it was measured, from which data, by which commands, and what to be wary of."""

import contextlib
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipeline.errors import ManifestError
from pipeline.manifest import removal_in_words
from pipeline.report.halves import is_detector
from pipeline.report.lineage import draw_lineage
from pipeline.report.markup import Html, Part, section, table, tag
from pipeline.report.roles import is_number
from pipeline.report.run_files import RunFiles
from pipeline.report.stage_files import StageFiles

_DATA_COLUMNS = ("images", "persons", "boxes", "cameras")


def notes(run: RunFiles) -> list[str]:
    """Gather everything that a reader has to know before believing a number.

    Args:
        run: the run's files.

    Returns:
        one sentence each, in the order of the stages.
    """
    found = []
    for stage in run.stages:
        own = [*stage.notes, *_listed(stage.summary.get("notes")), *_removal(stage)]
        for event in stage.events:
            # A detector's round that is not the best so far undoes nothing: training goes on from it.
            if not (is_detector(stage.kind) and event.get("event") == "round"):
                own += _event_notes(event)
        found += [f"{stage.name}: {note}" for note in dict.fromkeys(own)]
    found += [f"{name}: Left out, the configuration no longer has this stage." for name in run.leftovers]
    return found


def _removal(stage: StageFiles) -> list[str]:
    with contextlib.suppress(ManifestError):
        removed = removal_in_words(stage.folder) if stage.folder else ""
        return [f"{removed}."] if removed else []
    return []


def _event_notes(event: Mapping[str, Any]) -> list[str]:
    kind = str(event.get("event", ""))
    texts = [event[key] for key in ("sentence", "message", "note", "text") if isinstance(event.get(key), str)]
    text = next(filter(None, texts), "")
    if kind in ("collapse", "rollback", "warning"):
        return [f"{kind}: {text}" if text else f"{kind} at round {event.get('round', '?')}."]
    if kind == "round" and event.get("accepted") is False:
        return [f"round {event.get('round')} was not accepted{': ' + text if text else '.'}"]
    return []


def _listed(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def notes_box(sentences: Sequence[str]) -> Part:
    """Show the notes in a box, None where there are none.

    Args:
        sentences: the notes.
    """
    if not sentences:
        return None
    return tag(
        "div", tag("b", "To know before reading on"), tag("ul", *(tag("li", s) for s in sentences)), class_="notes"
    )


def lineage_section(run: RunFiles) -> Html:
    """Draw the lineage.

    Args:
        run: the run's files.
    """
    text = (
        "Each box is a stage; its blue lines are the artifacts it left, with the beginning of their SHA-256. A curve "
        "is an artifact being read. A dashed box has not been run."
    )
    return section("lineage", "Lineage", tag("p", text, class_="soft"), draw_lineage(run))


def semantics_section(run: RunFiles) -> Html:
    """State the rules of evaluation that the numbers follow.

    Args:
        run: the run's files.
    """
    terms: dict[str, dict[str, list[str]]] = {}
    for stage in run.done():
        value = stage.summary.get("semantics")
        for name, sentence in value.items() if isinstance(value, Mapping) else ():
            terms.setdefault(str(name), {}).setdefault(str(sentence), []).append(stage.name)
    if not terms:
        return section("semantics", "How it was measured", tag("p", "No evaluation has stated its rules."))
    items = []
    for name, sentences in terms.items():
        items.append(tag("dt", name.replace("_", " ")))
        for text, stages in sentences.items():
            # Where evaluations follow different rules, each rule says whose it is.
            items.append(tag("dd", text if len(sentences) == 1 else f"{', '.join(stages)}: {text}"))
    return section("semantics", "How it was measured", tag("dl", *items))


def target_labels_read(run: RunFiles, models: Collection[str]) -> bool:
    """Return whether any label but the source's may have been read in training: True unless manifests say otherwise.

    Args:
        run: the run's files.
        models: the artifacts in question, 'stage.role'.
    """
    names = {model.partition(".")[0] for model in models}
    adapting = [stage for stage in run.done() if stage.kind.endswith("_kd") and stage.name in names]
    denied = [
        any(isinstance(data, Mapping) and data.get("labels_read") is False for data in stage.section("data").values())
        for stage in adapting
    ]
    return not denied or not all(denied)


def data_section(run: RunFiles) -> Html:
    """List what each stage has read, and whether it looked at labels.

    Args:
        run: the run's files.
    """
    rows: list[list[Part]] = []
    listed = [data for stage in run.done() for data in stage.section("data").values() if isinstance(data, Mapping)]
    columns = [key for key in _DATA_COLUMNS if any(key in data for data in listed)]
    for stage in run.done():
        for name, data in sorted(stage.section("data").items()):
            data = data if isinstance(data, Mapping) else {}
            read = {True: "read", False: tag("strong", "not read")}.get(data.get("labels_read"), "–")  # type: ignore[arg-type]
            cells: list[Part] = [str(name), stage.name, read, _skipped(data.get("skipped"))]
            cells += [str(data.get(key, "–")) for key in columns]
            rows.append([*cells, tag("code", str(data.get("digest", "–"))[:12])])
    header = ["data", "stage", "labels", "left out", *columns, "digest"]
    body = table(header, rows, text_columns=4) if rows else tag("p", "No stage has recorded the data that it read.")
    return section("data", "Data", body)


def _skipped(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{count} {reason}" for reason, count in sorted(value.items()) if count) or "none"
    return str(value) if is_number(value) else "–"


def reproduce_section(run: RunFiles) -> Html:
    """Give the commands, the environment and the full hashes.

    Args:
        run: the run's files.
    """
    commands = dict.fromkeys(filter(None, (command_of(stage) for stage in run.done())))
    parts: list[Part] = [tag("pre", "\n".join(commands) or "No command was recorded.")]
    rows: list[list[Part]] = []
    for stage in run.done():
        attempt = stage.folder.name if stage.folder else "–"
        rows.append(
            [f"{stage.name} {attempt}", "fingerprint", "", tag("code", str(stage.manifest.get("fingerprint", "–")))]
        )
        for role, artifact in sorted(stage.section("outputs").items()):
            artifact = artifact if isinstance(artifact, Mapping) else {}
            path, digest = str(artifact.get("path", "–")), str(artifact.get("sha256", "–"))
            rows.append(["", str(role), path, tag("code", digest)])
    if rows:
        hashes = table(["stage", "artifact", "file", "SHA-256"], rows, text_columns=4)
        parts.append(tag("details", tag("summary", "All hashes"), hashes))
    parts.append(_machine_table(run))
    return section("reproduce", "Reproduce", *parts)


def command_of(stage: StageFiles) -> str:
    """Return the command line that ran a stage, quoted for a shell; empty where none was recorded.

    Args:
        stage: the stage.
    """
    command = stage.section("run").get("command")
    if isinstance(command, list):
        return shlex.join(map(str, command))
    return str(command) if command else ""


def facts_of(stage: StageFiles) -> list[tuple[str, Any]]:
    """Return what a stage has recorded of its run and code, nested mappings such as package versions opened.

    Args:
        stage: the stage.
    """
    found: list[tuple[str, Any]] = []
    for name in ("run", "code"):
        for key, value in sorted(stage.section(name).items()):
            found += sorted(value.items()) if isinstance(value, Mapping) else [(key, value)]
    return found


def _machine_table(run: RunFiles) -> Part:
    """Show run and code facts of each stage that are single values."""
    rows: list[list[Part]] = []
    for stage in run.done():
        facts = [
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in facts_of(stage)
            if key != "command" and isinstance(value, (str, int, float)) and len(str(value)) < 90
        ]
        rows.append([stage.name, " · ".join(facts)])
    if not rows:
        return None
    return tag("details", tag("summary", "Machine, time and code"), table(["stage", "recorded"], rows, text_columns=2))
