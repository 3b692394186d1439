"""Derives the configuration that adapts a run's models to new cameras: its own stages, data and budgets once more."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ManifestError
from pipeline.new_cameras.models_run import DETECTOR, REID, ModelsRun, Tree
from pipeline.new_cameras.truth import Truth

FRAMES, PEOPLE = "frames", "people"
# The first sub-folder; one camera's folder is shared by all of its frames, so that 'folder' would not see it.
_CAMERA = "^(?P<camera>[^/]+)/"


@dataclass(frozen=True)
class _Half:
    """Names that differ between detection and re-ID."""

    kind: str
    target: str
    pretrain: str
    ceiling_data: str
    ceiling_stage: str
    evaluate: str


_HALVES = (
    _Half(DETECTOR, "moments", "detector_pretrain", "site_frames", "supervised_detector", "evaluate_detector"),
    _Half(REID, PEOPLE, "source_pretrain", "site_crops", "supervised_student", "evaluate"),
)


def derive(run: ModelsRun, footage: Tree, *, name: str, truth: Truth, follow: str = "student") -> Tree:
    """Return a configuration as plain values.

    The detector adapts to sampled frames, then follows people, then the re-ID networks adapt to what was cut out. What
    the adapting stages began with in their own run is taken over; stages before them that adapted to the same target
    are run again on the new cameras.

    Args:
        run: where models, source data and budgets come from.
        footage: entry of the data section.
        name: of the new run.
        truth: by which it is measured.
        follow: 'student' or 'teacher': which of the adapted detectors follows people; the student has learned from
            boxes of frames in several sizes, which the teacher alone would not find.

    Raises:
        ManifestError: a half is missing in the run, or something that it would be measured against.
    """
    adapting = {half.kind: run.adapting_stage(half.kind) for half in _HALVES}
    tree: Tree = {key: copy.deepcopy(run.tree[key]) for key in ("schema", "seed", "runtime") if key in run.tree}
    tree |= {"name": name, "data": {"site": footage}, "models": {}, "stages": {}}
    derivation = _Derivation(run, tree)
    tree["stages"][FRAMES] = {"kind": "sample_frames", "footage": "site"}
    tree["data"]["moments"] = {"kind": "frame_folder", "from": f"{FRAMES}.frames", "camera": _CAMERA}
    tree["data"][PEOPLE] = {"kind": "tracklets", "from": f"{PEOPLE}.tracklets"}
    detection, reid = _HALVES
    derivation.half(detection, adapting[DETECTOR], truth.probe_frames, truth.ceiling_frames)
    finder, role = adapting[DETECTOR], "best" if follow == "student" else "teacher"
    tree["stages"][PEOPLE] = {
        "kind": "track_people", "footage": "site", "detector": f"{finder}.{role}",
        "source": run.settings(finder)["source"], "frames": "moments",
    }  # fmt: skip
    derivation.half(reid, adapting[REID], truth.probe_crops, truth.ceiling_crops)
    # Imported files come first, so that the page reads in the order in which things happen.
    stages = tree["stages"]
    tree["stages"] = dict(sorted(stages.items(), key=lambda item: item[1]["kind"] != "imported"))
    return tree


class _Derivation:
    def __init__(self, run: ModelsRun, tree: Tree) -> None:
        self.run, self.tree = run, tree

    def half(self, half: _Half, stage: str, probe: Tree | None, ceiling: Tree | None) -> None:
        """Add the adaptation of one half, and what measures it."""
        self._adapt(stage, half)
        settings = self.run.settings(stage)
        roles = _roles(stage, settings)
        if ceiling is not None:
            self._ceiling(half, settings, ceiling)
            roles["student_supervised"] = f"{half.ceiling_stage}.best"
        if probe is None:
            return
        probe_name = f"{half.ceiling_data}_probe"
        self.tree["data"][probe_name] = probe
        data: Any = {"target": probe_name} if half.kind == DETECTOR else probe_name
        name = "score_detectors" if half.kind == DETECTOR else "score"
        self.tree["stages"][name] = {"kind": half.evaluate, "data": data, "models": roles}

    def _adapt(self, name: str, half: _Half) -> None:
        """Copy an adapting stage with the new target, and before it whatever adapted to the same old one."""
        settings, old_target = copy.deepcopy(self.run.settings(name)), self.run.target_of(name)
        for reference in self.run.artifacts_of(name):
            maker = reference.partition(".")[0]
            if maker in (FRAMES, PEOPLE):
                raise ManifestError(
                    f"run {self.run.folder.path} calls a stage {maker}, as the stages that read footage are called",
                    "another name", "Adapt from the run that its models come from.",
                )  # fmt: skip
            if self.run.target_of(maker) == old_target and self.run.stage(maker).kind == half.kind:
                self._adapt(maker, half)
            else:
                self._import(reference)
        settings["target"] = half.target
        self._name(name, [data for data in self.run.data_of(name) if data != old_target])
        self.tree["stages"][name] = settings

    def _import(self, reference: str) -> None:
        stage, _, role = reference.partition(".")
        artifact = self.run.artifact(reference)
        entry = self.tree["stages"].setdefault(stage, {"kind": "imported", "files": {}})
        entry["files"][role] = {"file": str(artifact.path), "sha256": artifact.sha256}

    def _name(self, stage: str, data: list[str]) -> None:
        """Copy the models that a stage names, and some of its data."""
        for model in self.run.models_of(stage):
            self.tree["models"][model] = copy.deepcopy(self.run.tree["models"][model])
        for name in data:
            entry = copy.deepcopy(self.run.tree["data"][name])
            if self.tree["data"].get(name, entry) != entry:
                raise ManifestError(
                    f"run {self.run.folder.path} calls source data {name}, as data of the new cameras are called",
                    "another name", "Rename it in the config.yaml of a copy of the run.",
                )  # fmt: skip
            if entry.get("from"):
                raise ManifestError(
                    f"data.{name} of run {self.run.folder.path} was made by its stage {entry['from']}",
                    "source data of its own", "Adapt from the run that its models come from.",
                )  # fmt: skip
            self.tree["data"][name] = entry

    def _ceiling(self, half: _Half, adapting: Mapping[str, Any], data: Tree) -> None:
        name = self.run.ceiling(half.pretrain, str(adapting["train"]))
        if name is None:
            raise ManifestError(
                f"run {self.run.folder.path} has no stage that trains {adapting['train']} with target labels",
                f"a {half.pretrain} stage with is_ceiling: true", "Leave the labelled training data of the site out.",
            )  # fmt: skip
        settings = copy.deepcopy(self.run.settings(name))
        for reference in self.run.artifacts_of(name):
            self._import(reference)
        own = settings["data"] if isinstance(settings["data"], list) else [settings["data"]]
        self._name(name, [adapting["source"], *(data for data in self.run.data_of(name) if data not in own)])
        settings["data"] = [adapting["source"], half.ceiling_data]
        self.tree["data"][half.ceiling_data] = data
        self.tree["stages"][half.ceiling_stage] = settings


def _roles(stage: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the report's roles; a role for which there is no file is left out."""
    teacher, init = settings.get("teacher"), settings.get("init")
    roles = {"student_direct": init} if init else {}
    if isinstance(teacher, str) and not teacher.endswith(".route"):
        roles["teacher_direct"] = teacher
    if settings["kind"] == REID or settings.get("teacher_learns"):
        roles["teacher_adapted"] = f"{stage}.teacher"
    roles["student_adapted"] = f"{stage}.best"
    return roles
