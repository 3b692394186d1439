"""Makers of boxes, of frames in memory, and of small folders in the layout of each detection format."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from datasets.box_rows import BoxRow, build_boxes
from datasets.frame_records import FrameData, FrameSample
from pipeline.detection_types import FrameBoxes
from pipeline.errors import DataError
from tests.unit.datasets.crops import make_pixels

SIZE = (48, 64)


def make_boxes(*rows: BoxRow | tuple[float, float, float, float], size: tuple[int, int] = SIZE) -> FrameBoxes:
    return build_boxes([r if isinstance(r, BoxRow) else BoxRow(r) for r in rows], size, skipped=Counter())


def make_frames(
    boxes: list[FrameBoxes | None] | None = None,
    *,
    sizes: tuple[tuple[int, int], ...] = (SIZE,),
    broken: tuple[int, ...] = (),
    name: str = "made",
) -> FrameData:
    """Frames in memory, sizes in turn, two cameras in turn."""
    boxes = [make_boxes((i, 2, i + 10, 32)) for i in range(8)] if boxes is None else boxes
    samples = tuple(
        FrameSample(f"{i:04d}.png", sizes[i % len(sizes)], str(i % 2 + 1), name, i, found)
        for i, found in enumerate(boxes)
    )
    return FrameData(name, samples, MemoryLoader(broken), digest=f"{name}-{len(boxes)}-{broken}-{sizes}")


class MemoryLoader:
    def __init__(self, broken: tuple[int, ...] = ()) -> None:
        self._broken = broken

    def __call__(self, sample: FrameSample) -> np.ndarray:
        index = int(sample.path[:4])
        if index in self._broken:
            raise DataError(f"cannot read image {sample.path!r}: made so")
        return make_pixels(index, *sample.size)


def write_images(root: Path, names: list[str], size: tuple[int, int] = SIZE) -> Path:
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make_pixels(seed, *size)).save(path)
    return root


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_coco_tree(root: Path) -> None:
    write_images(root, ["a/1.png", "b/2.png"])
    images = [
        {"id": 7, "file_name": "b/2.png", "height": 48, "width": 64, "camera": "cam02", "frame": 5},
        {"id": 3, "file_name": "a/1.png", "height": 48, "width": 64},
    ]
    annotations = [
        {"id": 1, "image_id": 3, "category_id": 9, "bbox": [1.5, 2, 10, 30], "iscrowd": 0, "person_id": 4},
        {"id": 2, "image_id": 3, "category_id": 9, "bbox": [20, 2, 10, 30], "iscrowd": 1},
        {"id": 3, "image_id": 3, "category_id": 8, "bbox": [20, 2, 10, 30], "iscrowd": 0},
    ]
    tree = {"images": images, "annotations": annotations, "categories": [{"id": 9, "name": "person"}, {"id": 8}]}
    write_text(root / "annotations.json", json.dumps(tree))


CITY_BOXES = np.array(
    [
        [1, 2, 3, 20, 40, 101, 2, 3, 10, 40],
        [0, 30, 3, 20, 20, 0, 30, 3, 20, 20],
        [2, 40, 3, 10, 20, 102, 40, 3, 10, 20],
        [5, 50, 3, 255, 30, 0, 50, 3, 255, 30],
    ],
    np.uint8,
)


def make_city_entry(city: str, name: str, boxes: np.ndarray) -> np.ndarray:
    entry = np.empty((1, 1), [("cityname", object), ("im_name", object), ("bbs", object)])
    entry[0, 0] = (city, name, boxes)
    return entry


def write_citypersons_tree(root: Path) -> None:
    names = [f"bonn_00000{i}_000019_leftImg8bit.png" for i in range(2)]
    write_images(root / "leftImg8bit" / "train" / "bonn", names)
    cells = np.empty((1, 2), object)
    for i, name in enumerate(names):
        cells[0, i] = make_city_entry("bonn", name, CITY_BOXES if i == 0 else np.empty((0, 10), np.uint8))
    (root / "annotations").mkdir()
    scipy.io.savemat(root / "annotations" / "anno_train.mat", {"anno_train_aligned": cells})


ODGT = [
    {
        "ID": "273271,1a0d6000b9e1f5b7",
        "gtboxes": [
            {"tag": "person", "fbox": [-4, 5, 20, 50], "vbox": [0, 5, 16, 43], "hbox": [0, 5, 4, 4],
             "head_attr": {"ignore": 1}, "extra": {"box_id": 0, "occ": 1}},
            {"tag": "mask", "fbox": [30, 5, 20, 20], "vbox": [30, 5, 20, 20], "extra": {"ignore": 1}},
            {"tag": "person", "fbox": [40, 5, 9, 20], "vbox": [40, 5, 9, 20], "extra": {"ignore": 1}},
        ],
    },
    {"ID": "empty", "gtboxes": []},
]  # fmt: skip


def write_crowdhuman_tree(root: Path) -> None:
    write_images(root / "Images", [f"{entry['ID']}.png" for entry in ODGT])
    write_text(root / "annotation_train.odgt", "".join(json.dumps(entry) + "\n" for entry in ODGT))


def make_vbb(frames: list[list[tuple[int, list[float], int, list[float]]]], labels: list[str]) -> dict[str, object]:
    """The struct A: for each frame its (id, pos, occl, posv)."""
    lists = np.empty((1, len(frames)), object)
    fields = [(name, object) for name in ("id", "pos", "occl", "lock", "posv")]
    for i, objects in enumerate(frames):
        entries = np.empty((1, len(objects)), fields)
        for k, (number, pos, occluded, visible) in enumerate(objects):
            values = (np.uint8(number), np.array([pos]), np.uint8(occluded), np.uint8(0), np.array([visible]))
            entries[0, k] = values
        lists[0, i] = entries if objects else np.empty((0, 0))
    names = np.empty((1, len(labels)), object)
    names[0, :] = labels
    return {"A": {"nFrame": len(frames), "objLists": lists, "maxObj": len(labels), "objLbl": names}}


VBB_FRAMES: list[list[tuple[int, list[float], int, list[float]]]] = [
    [],
    [
        (1, [3.5, 4, 10, 30], 0, [0, 0, 0, 0]),
        (2, [20, 4, 10, 30], 1, [20, 4, 10, 15]),
        (3, [30, 4, 20, 30], 0, [0, 0, 0, 0]),
        (4, [40, 4, 10, 30], 1, [40, 4, 10, 30]),
    ],
]
VBB_LABELS = ["person", "person", "people", "person"]


def write_caltech_tree(root: Path) -> None:
    write_images(root / "images" / "set06" / "V000", ["I00000.png", "I00001.png"])
    (root / "annotations" / "set06").mkdir(parents=True)
    tree = make_vbb(VBB_FRAMES, VBB_LABELS)
    scipy.io.savemat(root / "annotations" / "set06" / "V000.vbb", tree, appendmat=False)


GT = """1,1,11,6,10,30,1,1,0.86
1,2,20,6,10,30,0,1,1
1,3,30,6,10,30,0,12,1
1,4,30,6,10,30,0,3,1
9,1,30,6,10,30,1,1,1
"""


def write_mot_tree(root: Path) -> None:
    for name in ("MOT17-02-FRCNN", "MOT17-02-SDP", "MOT17-04-SDP"):
        folder = root / "train" / name
        write_images(folder / "img1", ["000001.png", "000002.png"])
        write_text(folder / "seqinfo.ini", f"[Sequence]\nname={name}\nimDir=img1\nimWidth=64\nimHeight=48\n")
        write_text(folder / "gt" / "gt.txt", GT)


def write_wider_tree(root: Path) -> None:
    write_images(root / "Images", ["000040.png", "000041.png"])
    write_text(root / "train.txt", "000040\n000041\n")
    write_text(root / "Annotations" / "000040.jpg.txt", "3\n1 2 3 10 40\n3 12 3 20 40\n5 30 3 60 40\n")
    write_text(root / "Annotations" / "000041.jpg.txt", "0\n")


def write_penn_tree(root: Path) -> None:
    write_images(root / "PNGImages", ["FudanPed00001.png", "FudanPed00002.png"])
    (root / "PedMasks").mkdir()
    for number in (1, 2):
        mask = np.zeros(SIZE, np.uint8)
        if number == 1:
            mask[5:31, 7:20] = 1
            mask[6:40, 30:32] = 3
        Image.fromarray(mask).save(root / "PedMasks" / f"FudanPed0000{number}_mask.png")


def write_frame_folder(root: Path) -> None:
    write_images(root, ["cam1/frame_0005.png", "cam2/frame_0006.png"])


TREES = {
    "caltech": write_caltech_tree,
    "citypersons": write_citypersons_tree,
    "coco": write_coco_tree,
    "crowdhuman": write_crowdhuman_tree,
    "frame_folder": write_frame_folder,
    "mot": write_mot_tree,
    "penn_fudan": write_penn_tree,
    "wider_person": write_wider_tree,
}
