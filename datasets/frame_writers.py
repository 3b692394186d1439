"""The formats that detection data can be written in; a writer is a pure function from frames to texts and names."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.caltech_text import IGNORED_LABELS, write_bbgt
from datasets.coco_writer import coco_tree
from datasets.crowdhuman import write_odgt
from datasets.frame_records import FrameData, FrameSample
from datasets.image_lookup import stem_of
from datasets.mot_writer import mot_texts
from datasets.wider_person import CLASSES as WIDER_CLASSES
from datasets.wider_person import write_wider_person
from pipeline.detection_types import FrameBoxes
from pipeline.errors import DataError


@dataclass(frozen=True)
class WrittenFrames:
    """A data set in one format.

    Args:
        texts: content of each annotation file, by its name in the new folder.
        images: name of each frame's image in the new folder, by its path in the data.
    """

    texts: Mapping[str, str]
    images: Mapping[str, str]


def write_as_coco(data: FrameData) -> WrittenFrames:
    """Return annotations.json; images keep their names."""
    return WrittenFrames({"annotations.json": _json(coco_tree(data))}, {s.path: s.path for s in data.samples})


def write_as_citypersons(data: FrameData) -> WrittenFrames:
    """Return train_gt.json, the form that the authors' evaluation reads."""
    names = _flat_names(data, "leftImg8bit/train/")
    tree = coco_tree(data)
    for image in _rows(tree["images"]):
        image["im_name"] = names[image.pop("file_name")].rpartition("/")[2]
        image.pop("camera", None)
        image.pop("frame", None)
    for box in _rows(tree["annotations"]):
        for key in ("area", "label", "person_id"):
            box.pop(key, None)
    return WrittenFrames({"train_gt.json": _json(tree)}, names)


def write_as_crowdhuman(data: FrameData) -> WrittenFrames:
    """Return annotation_train.odgt, with an ID made of each path."""
    names = _flat_names(data, "Images/")
    text = write_odgt([(stem_of(names[sample.path]), sample) for sample in data.samples])
    return WrittenFrames({"annotation_train.odgt": text}, names)


def write_as_mot(data: FrameData) -> WrittenFrames:
    """Return a sequence for each camera, its frames numbered from 1."""
    return WrittenFrames(*mot_texts(data))


def write_as_caltech(data: FrameData) -> WrittenFrames:
    """Return a bbGt text for each frame: a set for each camera, its frames numbered from 0."""
    sets = {camera: number for number, camera in enumerate(sorted({s.camera_id or "" for s in data.samples}))}
    if len(sets) > 100:
        raise DataError(f"{len(sets)} cameras", "at most 100, a set has two digits")
    counts: Counter[str] = Counter()
    texts, names = {}, {}
    for sample in data.samples:
        camera = sample.camera_id or ""
        place, frame = f"set{sets[camera]:02d}", f"I{counts[camera]:05d}"
        counts[camera] += 1
        names[sample.path] = f"images/{place}/V000/{frame}{_suffix(sample.path)}"
        texts[f"annotations/{place}_V000_{frame}.txt"] = write_bbgt(_boxes(sample))
    return WrittenFrames(texts, names)


def write_as_wider_person(data: FrameData) -> WrittenFrames:
    """Return train.txt and a text for each image."""
    names = _flat_names(data, "Images/")
    stems = {path: stem_of(name) for path, name in names.items()}
    texts = {"train.txt": "".join(f"{stems[s.path]}\n" for s in data.samples)}
    for sample in data.samples:
        texts[f"Annotations/{stems[sample.path]}.jpg.txt"] = write_wider_person(_boxes(sample))
    return WrittenFrames(texts, names)


FRAME_WRITERS: dict[str, Callable[[FrameData], WrittenFrames]] = {
    "caltech_text": write_as_caltech,
    "citypersons_json": write_as_citypersons,
    "coco": write_as_coco,
    "crowdhuman": write_as_crowdhuman,
    "mot": write_as_mot,
    "wider_person": write_as_wider_person,
}
_HOLDS = {
    "caltech_text": {"visible boxes"},
    "citypersons_json": {"visible boxes", "visible ratios"},
    "coco": {"cameras", "frame numbers", "person ids", "visible boxes", "visible ratios"},
    "crowdhuman": {"visible boxes"},
    "mot": {"cameras", "person ids", "visible ratios"},
    "wider_person": set(),
}
_CLASSES = {
    "caltech_text": {"person", *IGNORED_LABELS},
    "crowdhuman": {"person", "mask"},
    "mot": {"pedestrian"},
    "wider_person": set(WIDER_CLASSES.values()),
}


def not_held(data: FrameData, kind: str) -> tuple[str, ...]:
    """Return what this data has and a format cannot hold.

    Args:
        data: labelled frames.
        kind: a key of FRAME_WRITERS.
    """
    found = {"cameras": bool(data.cameras), "frame numbers": any(s.frame is not None for s in data.samples)}
    boxes = [sample.annotations for sample in data.samples if sample.annotations is not None]
    found["person ids"] = any((b.person_ids >= 0).any() for b in boxes)
    found["visible boxes"] = any((b.visible != b.boxes).any() for b in boxes)
    found["visible ratios"] = any(_has_own_ratio(b) for b in boxes)
    lost = [name for name, is_there in found.items() if is_there and name not in _HOLDS[kind]]
    classes = {name for b in boxes for name in b.categories} - _CLASSES.get(kind, {"person"})
    return (*lost, *(["class names"] if classes and kind != "coco" else []))


def _has_own_ratio(boxes: FrameBoxes) -> bool:
    """Return whether a ratio is another than that of the areas."""
    full, seen = boxes.boxes.astype(np.float64), boxes.visible.astype(np.float64)
    areas = [(b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (seen, full)]
    return bool((np.abs(areas[0] / areas[1] - boxes.visible_ratio) > 1e-3).any())


def _flat_names(data: FrameData, folder: str) -> dict[str, str]:
    names = {sample.path: f"{folder}{sample.path.replace('/', '_')}" for sample in data.samples}
    stems = Counter(stem_of(name) for name in names.values())
    twice = [stem for stem, count in stems.items() if count > 1]
    if twice:
        raise DataError(
            f"two frames would both be called {twice[0]!r}", "different names", "Write coco, which keeps folders."
        )
    return names


def _boxes(sample: FrameSample) -> FrameBoxes:
    if sample.annotations is None:
        raise DataError(f"frame {sample.path!r} has no annotations", "labelled frames")
    return sample.annotations


def _suffix(path: str) -> str:
    return "." + path.rpartition(".")[2].lower()


def _rows(tree: Any) -> list[dict[str, Any]]:
    return tree


def _json(tree: object) -> str:
    return json.dumps(tree) + "\n"
