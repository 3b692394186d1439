"""From the manifests and summaries of a run to results.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.atomic_files import write_atomic
from pipeline.report.roles import is_number, percent, role_rank
from pipeline.report.run_files import RunFiles, read_run
from pipeline.report.table import format_table
from pipeline.report.targets import target_domains

__all__ = ["collect", "collect_run", "format_table", "write_results"]

SCHEMA = 1
_REID = ("mAP", "cmc", "mINP", "queries", "skipped_queries", "params", "macs")
_DETECTION = ("ap50", "ap", "mr2", "params", "macs")
_CLASSES = ("top1", "top5", "ece", "nll", "params", "macs")
_EXTRA = (
    *("mAP_interval", "top1_interval", "images_per_second", "input", "frames", "boxes", "subset"),
    *("agreement", "images", "cameras", "verification", "open_set", "match"),
)


def collect(run_dir: Path) -> dict[str, Any]:
    """Gather the numbers of every evaluation in a run.

    ``gap_closed = (adapted - direct) / (supervised - direct)``, on mAP for re-ID and on AP at IoU 0.5 for detection,
    within one evaluation stage on the target domain; ``gap_closed_mr2`` is the same ratio of detection's miss rates.
    Rows also carry the evaluation stage, the 95 % interval of mAP, the numbers of each camera, how well one threshold
    tells the same person (`verification`, `open_set`) and whether a stored one holds (`match`), speed, input size,
    frames, boxes and their subset where they were measured; ``gap_closed_reason`` says why a ratio is null. Of several
    targets, which are all domains but ``source`` where none is called ``target``, ratios are means, and
    ``gap_closed_targets`` has each.

    Args:
        run_dir: the run folder.

    Returns:
        the object of results.json, schema 1; all rates are fractions.

    Raises:
        ManifestError: the folder is not a run folder.
    """
    return collect_run(read_run(run_dir))


def collect_run(run: RunFiles) -> dict[str, Any]:
    """Gather the numbers of a run that was already read.

    Args:
        run: the run's files.

    Returns:
        the same object as ``collect``.
    """
    reid: list[dict[str, Any]] = []
    detection: list[dict[str, Any]] = []
    classes: list[dict[str, Any]] = []
    for stage in run.done():
        domain = stage.summary.get("domain")
        for row in _rows(stage.summary):
            row = {"subset": stage.summary.get("subset"), **row}
            keys, rows = (
                (_CLASSES, classes) if "top1" in row else (_REID, reid) if "mAP" in row else (_DETECTION, detection)
            )
            rows.append(_result_row(row, keys, stage=stage.name, domain=domain))
    for rows in (reid, detection):
        rows.sort(key=role_rank)
    gaps = {"reid": _gap(reid, "mAP"), "detection": _gap(detection, "ap50")}
    targets = {name: _gaps(rows, key) for name, rows, key in (("reid", reid, "mAP"), ("detection", detection, "ap50"))}
    return {
        "schema": SCHEMA,
        "run": run.name,
        "seed": run.config.get("seed"),
        "reid": reid,
        "detection": detection,
        "gap_closed": {name: value for name, (value, _) in gaps.items()},
        "gap_closed_mr2": _gap(detection, "mr2", is_loss=True)[0],
        "gap_closed_reason": {name: reason for name, (_, reason) in gaps.items() if reason},
        "gap_closed_targets": {
            name: {domain: value for domain, (value, _) in found.items()}
            for name, found in targets.items()
            if len(found) > 1
        },
        **({"classification": classes} if classes else {}),
    }


def _rows(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of a summary that hold a score of re-ID, detection or classification."""
    found: list[Mapping[str, Any]] = []
    for key in ("rows", "detection"):
        value = summary.get(key)
        if isinstance(value, list):
            found += [r for r in value if isinstance(r, Mapping) and {"mAP", "ap50", "mr2", "top1"} & set(r)]
    return found


def _result_row(row: Mapping[str, Any], keys: Sequence[str], *, stage: str, domain: object) -> dict[str, Any]:
    """Return a row with exactly the schema's keys, in its order, and the extra ones that were measured."""
    result: dict[str, Any] = {
        "model": str(row.get("model", "?")),
        "role": str(row.get("role", "")),
        "domain": str(row.get("domain") or domain or "target"),
        **{key: _finite(row.get(key)) for key in keys},
        **{key: _finite(row[key]) for key in _EXTRA if row.get(key) is not None},
        "stage": stage,
    }
    if "cmc" in keys and not isinstance(result["cmc"], Mapping):
        result["cmc"] = {}
    return result


def _finite(value: Any) -> Any:
    """Replace what JSON has no spelling for (NaN, infinity) by None."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value if is_number(value) or isinstance(value, (str, bool)) else None


def _gap(rows: Sequence[Mapping[str, Any]], metric: str, *, is_loss: bool = False) -> tuple[float | None, str]:
    """Return the share of the gap that was closed on the target, the mean of several; or None and the reason."""
    found = _gaps(rows, metric, is_loss=is_loss)
    if not found:
        return None, "no student was evaluated on the target"
    unknown = [f"{domain}: {reason}" if len(found) > 1 else reason for domain, (_, reason) in found.items() if reason]
    if unknown:
        return None, unknown[0]
    values = [value for value, _ in found.values() if value is not None]
    return sum(values) / len(values), ""


def _gaps(
    rows: Sequence[Mapping[str, Any]], metric: str, *, is_loss: bool = False
) -> dict[str, tuple[float | None, str]]:
    """Return, for each target, the share of the gap that was closed, or None and the reason."""
    measured = [row for row in rows if is_number(row[metric])]
    return {
        domain: _gap_on([row for row in measured if row["domain"] == domain], metric, is_loss=is_loss)
        for domain in target_domains(rows)
    }


def _gap_on(target: Sequence[Mapping[str, Any]], metric: str, *, is_loss: bool) -> tuple[float | None, str]:
    stages = sorted({row["stage"] for row in target})
    scores = [{row["role"]: row[metric] for row in reversed(target) if row["stage"] == stage} for stage in stages]
    # The evaluation that compares most of the three is the one meant; ties go to the first by name.
    roles = {"student_direct": "source-only", "student_adapted": "adapted", "student_supervised": "supervised"}
    best = max(scores, key=lambda score: sum(role in score for role in roles), default={})
    missing = [name for role, name in roles.items() if role not in best]
    if len(missing) == len(roles):
        return None, "no student was evaluated on the target"
    if missing:
        return None, f"no {' and no '.join(missing)} student was evaluated on the target"
    direct, adapted, supervised = (best[role] for role in roles)
    if supervised == direct or (supervised < direct) is not is_loss:
        return None, (
            f"the supervised student ({percent(supervised)} %) is not better than the source-only one "
            f"({percent(direct)} %), so there is no gap to close"
        )
    return (adapted - direct) / (supervised - direct), ""


def write_results(run_dir: Path) -> Path:
    """Write RUN/results.json in one step: a reader sees the old file or the whole new one.

    Args:
        run_dir: the run folder.

    Returns:
        the file's path.

    Raises:
        ManifestError: the folder is not a run folder.
    """
    text = json.dumps(collect(run_dir), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    path = run_dir / "results.json"
    write_atomic(path, text)
    return path
