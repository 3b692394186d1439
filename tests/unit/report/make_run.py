"""Builds a run folder as the stages leave it, small and without training anything."""

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.report.embedding_map import project
from pipeline.report.strips import Shown, make_strip

STAGES = {
    "pretrain": {"kind": "source_pretrain", "train": "big", "data": "source"},
    "direct": {"kind": "source_pretrain", "train": "small", "data": "source"},
    "adapt": {"kind": "progressive_kd", "teacher": "pretrain.best", "source": "source", "target": "target"},
    "ceiling": {"kind": "source_pretrain", "train": "small", "data": "both"},
    "score": {"kind": "evaluate", "models": ["direct.best", "adapt.best", "ceiling.best"], "data": "probe"},
    "score_source": {"kind": "evaluate", "models": ["direct.best", "adapt.best"], "data": "source_probe"},
}
SCORES = {
    "student_direct": ("direct.best", 0.312),
    "teacher_direct": ("pretrain.best", 0.398),
    "teacher_adapted": ("adapt.teacher", 0.521),
    "student_adapted": ("adapt.best", 0.463),
    "student_supervised": ("ceiling.best", 0.571),
}


def make_run(root: Path, *, roles: tuple[str, ...] = tuple(SCORES), pictures: bool = True, logs: bool = True) -> Path:
    """Write a whole run and return its folder; without logs and pictures its report is drawn much faster."""
    length = 90 if logs else 0
    run = root / "quickstart"
    run.mkdir(parents=True)
    config = {"schema": 1, "name": "quickstart", "seed": 17, "stages": STAGES}
    (run / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    source = {"source": make_data("source", labels_read=True)}
    both = {**source, "target": make_data("target", labels_read=False)}
    make_stage(
        run,
        "pretrain",
        data=source,
        outputs=("best",),
        events=make_steps(("id", "triplet"), owner="", seed=1, count=length),
    )
    make_stage(
        run,
        "direct",
        data=source,
        outputs=("best",),
        events=make_steps(("id", "triplet"), owner="", seed=2, count=length),
    )
    rounds = make_rounds() if logs else []
    make_stage(
        run,
        "adapt",
        data=both,
        inputs=("pretrain.best",),
        outputs=("best", "teacher"),
        events=[*make_steps(("kd", "relation", "mmd", "id"), owner="student", seed=3, count=length), *rounds],
    )
    if "student_supervised" in roles:
        labels = {**source, "target": make_data("target", labels_read=True)}
        events = make_steps(("id", "triplet"), owner="", seed=4, count=length)
        make_stage(run, "ceiling", data=labels, outputs=("best",), events=events)
    make_evaluation(run, "score", roles=roles, domain="target")
    few = tuple(role for role in roles if role in ("student_direct", "student_adapted"))
    make_evaluation(run, "score_source", roles=few, domain="source")
    if pictures:
        make_pictures(run / "score" / "a0001")
    return run


def make_stage(run: Path, name: str, **parts: Any) -> Path:
    """Write one committed attempt; parts: inputs, outputs (names), data, summary, events, attempt, kind."""
    attempt = run / name / parts.get("attempt", "a0001")
    attempt.mkdir(parents=True, exist_ok=True)
    outputs = {
        role: {"path": f"{role}.safetensors", "sha256": sha(name + role), "meta": {}}
        for role in parts.get("outputs", ())
    }
    inputs = {ref: {"role": ref.split(".")[1], "path": "x", "sha256": sha(ref)} for ref in parts.get("inputs", ())}
    command = ["python", "tools/run.py", "configs/quickstart.yaml", "--set", "name=my run"]
    manifest = {
        "schema": 1,
        "stage": name,
        "kind": parts.get("kind") or STAGES[name]["kind"],
        "fingerprint": sha(f"fingerprint {name}"),
        "inputs": inputs,
        "data": parts.get("data", {}),
        "outputs": outputs,
        "metrics": parts.get("summary", {}),
        "run": {"attempt": attempt.name, "seconds": 71.3, "host": "box", "command": command, "torch": "2.15"},
        "code": {"commit": "0123abcd", "modified": False},
    }
    (attempt / "summary.json").write_text(json.dumps(parts.get("summary", {})))
    (attempt / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in parts.get("events", ())))
    (attempt / "manifest.json").write_text(json.dumps(manifest))
    (run / name / "CURRENT").write_text(f"{attempt.name}\n")
    return attempt


def make_evaluation(run: Path, name: str, *, roles: tuple[str, ...], domain: str, kind: str | None = None) -> Path:
    """Write an evaluation of these roles."""
    rows = [make_row(role, domain) for role in roles]
    semantics = {
        "mAP": "Mean over the queries of the average precision of the ranked gallery.",
        "same camera": "Gallery images of the query's person by the query's camera are left out.",
        "ranking": "Cosine distance of BN embeddings, no re-ranking.",
    }
    notes = ["3 queries have no other image of their person and were skipped."] if domain == "target" else []
    summary = {"domain": domain, "semantics": semantics, "rows": rows, "notes": notes}
    inputs = tuple(dict.fromkeys(row["model"] for row in rows))
    data = {"probe": make_data("probe", labels_read=True)}
    return make_stage(run, name, inputs=inputs, summary=summary, data=data, kind=kind)


def make_row(role: str, domain: str = "target") -> dict[str, Any]:
    """Return one row of an evaluation's summary."""
    model, score = SCORES[role]
    score = score + 0.3 if domain == "source" else score
    is_big = role.startswith("teacher")
    return {
        "model": model,
        "role": role,
        "domain": domain,
        "mAP": score,
        "cmc": {"1": min(score + 0.12, 1), "5": min(score + 0.28, 1), "10": min(score + 0.36, 1)},
        "mINP": score - 0.2,
        "mAP_interval": [score - 0.04, score + 0.05],
        "queries": 200,
        "skipped_queries": 3,
        "params": 23_510_000 if is_big else 1_240_000,
        "macs": 4_090_000_000 if is_big else 171_000_000,
        "images_per_second": 112.4 if is_big else 934.0,
        "input": [128, 64],
    }


def make_data(name: str, *, labels_read: bool) -> dict[str, Any]:
    """Return what a manifest records of one data set."""
    record = {"digest": sha(name), "labels_read": labels_read, "images": 1240, "cameras": 3}
    return {**record, "skipped": {"cannot be read": 2}} | ({"persons": 60} if labels_read else {})


def make_steps(terms: tuple[str, ...], *, owner: str, seed: int, count: int) -> list[dict[str, Any]]:
    """Return logged steps with falling, noisy terms."""
    noise = np.random.default_rng(seed)
    rows = []
    for step in range(count):
        values = {
            f"{owner}.{term}" if owner else term: (3.0 / (place + 1)) * np.exp(-step / 40) + 0.1 + 0.05 * noise.random()
            for place, term in enumerate(terms)
        }
        if owner:
            values |= {"teacher.triplet": float(0.4 * np.exp(-step / 30) + 0.03 * noise.random())}
        terms_now = {key: round(float(value), 4) for key, value in values.items()}
        rows.append(
            {"event": "step", "step": 10 * step, "loss": sum(terms_now.values()), "terms": terms_now, "lr": 1e-3}
        )
    return rows


def make_rounds() -> list[dict[str, Any]]:
    """Return six rounds, one of them rolled back."""
    rows: list[dict[str, Any]] = []
    for number in range(1, 7):
        accepted = number != 5
        rows.append(
            {
                "event": "round",
                "round": number,
                "beta": round(1 - 0.85 ** (number - 1), 3),
                "clusters": [31, 48, 55, 58, 12, 60][number - 1],
                "outliers": [0.42, 0.3, 0.22, 0.19, 0.66, 0.17][number - 1],
                "agreement": None if number == 1 else [0, 0.61, 0.74, 0.8, 0.35, 0.84][number - 1],
                "selection": [0.2, 0.29, 0.35, 0.38, 0.11, 0.4][number - 1],
                "seconds": 11.2,
                "accepted": accepted,
                "note": "" if accepted else "clusters fell below half",
            }
        )
    collapse = {
        "event": "rollback",
        "round": 5,
        "note": "Round 5 lost 80 % of its clusters; the weights of round 4 came back.",
    }
    return [*rows[:5], collapse, rows[5]]


def make_pictures(attempt: Path) -> None:
    """Write strips.json and embedding_map.npz for the student before and after."""
    strips, arrays = picture_content()
    (attempt / "strips.json").write_text(strips)
    np.savez(attempt / "embedding_map.npz", **arrays)


@functools.cache
def picture_content() -> tuple[str, dict[str, np.ndarray]]:
    """Return the text of strips.json and the arrays of embedding_map.npz."""
    noise = np.random.default_rng(5)
    persons, cameras = np.repeat(np.arange(20), 9), np.tile(np.repeat([1, 2, 3], 3), 20)
    centres, shifts = noise.normal(size=(20, 24)), noise.normal(size=(4, 24))
    strips, arrays = {}, {"person_ids": persons, "camera_ids": cameras}
    for role, spread, right in (("student_direct", 1.6, 0.35), ("student_adapted", 0.5, 0.75)):
        features = centres[persons] + spread * shifts[cameras] + spread * 0.4 * noise.normal(size=(180, 24))
        arrays[f"{role}_xy"] = project(features.astype(np.float32), 17)
        strips[role] = [make_entry(query, right, noise) for query in range(5)]
    return json.dumps(strips), arrays


def make_entry(query: int, right: float, noise: np.random.Generator) -> dict[str, object]:
    """Return one strip: ten crops, the share `right` of them the query's person."""
    results = []
    for place in range(10):
        correct = bool(noise.random() < right)
        results.append(Shown(make_crop(query if correct else query + 1 + place, noise), correct, 0.1 + 0.05 * place))
    return make_strip(make_crop(query, noise), f"person {query} · camera 2", results=results)


def make_crop(person: int, noise: np.random.Generator) -> np.ndarray:
    """Return a crude person: head, shirt and trousers in the person's colours."""
    colours = np.random.default_rng(person + 100).integers(30, 226, size=(2, 3))
    image = np.full((64, 32, 3), 150, np.uint8)
    image[4:14, 12:20] = (205, 160, 130)
    image[14:38, 7:25], image[38:62, 9:23] = colours[0], colours[1]
    return np.clip(image + noise.normal(0, 9, image.shape), 0, 255).astype(np.uint8)


def sha(text: str) -> str:
    """Return the hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def edit_json(path: Path, changes: Mapping[str, Any]) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
