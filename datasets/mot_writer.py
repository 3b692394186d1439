"""Street frames as MOTChallenge sequences: a camera becomes a sequence, its frames are numbered from 1."""

from collections.abc import Sequence

from datasets.box_rows import corner_and_size
from datasets.frame_records import FrameData, FrameSample
from datasets.frame_text import short_number
from pipeline.errors import DataError

_ONLY_SEQUENCE = "sequence"
_FRAMES_A_SECOND = 25  # seqinfo.ini wants a number; nobody here reads it


def mot_texts(data: FrameData) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts by file name and the image names by path.

    A person without an id gets a new one in each frame: MOT knows no unknown person.

    Args:
        data: labelled frames.

    Raises:
        DataError: the frames of a camera differ in size or in kind of file.
    """
    texts: dict[str, str] = {}
    names: dict[str, str] = {}
    for camera in sorted({sample.camera_id or _ONLY_SEQUENCE for sample in data.samples}):
        chosen = [sample for sample in data.samples if (sample.camera_id or _ONLY_SEQUENCE) == camera]
        chosen.sort(key=lambda sample: (sample.frame if sample.frame is not None else -1, sample.path))
        folder = "train/" + "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in camera)
        if f"{folder}/seqinfo.ini" in texts:
            raise DataError(f"two cameras would both be called {folder!r}", "different names")
        suffix = _same({sample.path.rpartition(".")[2].lower() for sample in chosen}, camera)
        for number, sample in enumerate(chosen, start=1):
            names[sample.path] = f"{folder}/img1/{number:06d}.{suffix}"
        texts[f"{folder}/seqinfo.ini"] = _seqinfo(chosen, folder, suffix)
        texts[f"{folder}/gt/gt.txt"] = _gt(chosen)
    return texts, names


def _seqinfo(samples: Sequence[FrameSample], folder: str, suffix: str) -> str:
    size = _same({f"{sample.size[1]}x{sample.size[0]}" for sample in samples}, folder)
    width, height = size.split("x")
    lines = {
        "name": folder.rpartition("/")[2], "imDir": "img1", "frameRate": _FRAMES_A_SECOND, "seqLength": len(samples),
        "imWidth": width, "imHeight": height, "imExt": f".{suffix}",
    }  # fmt: skip
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def _gt(samples: Sequence[FrameSample]) -> str:
    lines = []
    known = [int(s.annotations.person_ids.max(initial=0)) for s in samples if s.annotations is not None]
    next_id = max(known, default=0) + 1
    for number, sample in enumerate(samples, start=1):
        boxes = sample.annotations
        if boxes is None:
            raise DataError(f"frame {sample.path!r} has no annotations", "labelled frames")
        for i in range(len(boxes)):
            person = int(boxes.person_ids[i])
            if person < 0:
                person, next_id = next_id, next_id + 1
            left, top, width, height = corner_and_size(boxes.boxes[i].tolist())
            flag, ratio = int(not boxes.ignore[i]), float(boxes.visible_ratio[i])
            numbers = (left + 1, top + 1, width, height)
            words = [str(number), str(person), *map(short_number, numbers), str(flag), "1", short_number(ratio)]
            lines.append(",".join(words) + "\n")
    return "".join(lines)


def _same(values: set[str], place: str) -> str:
    if len(values) > 1:
        raise DataError(f"{place} has frames of {' and '.join(sorted(values)[:2])}", "one kind in a MOT sequence")
    return values.pop()
