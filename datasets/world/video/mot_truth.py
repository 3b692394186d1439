"""The tracks of a recording as MOTChallenge truth, written line by line while the frames come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.box_rows import corner_and_size
from datasets.frame_text import short_number
from datasets.world.video.complete_file import complete_file
from datasets.world.video.recording import Recording, Shot
from pipeline.detection_types import FrameBoxes

# MOTChallenge's class 8: what looks like a person and counts neither for nor against a tracker.
_PERSON, _DISTRACTOR = 1, 8
# Nobody has such a number.
_FIGURES = 10**6


@contextmanager
def mot_truth(folder: Path, *, video: str, recording: Recording) -> Iterator[Callable[[Shot], None]]:
    """Yield a function that appends the boxes of a frame; `gt/gt.txt` and `seqinfo.ini` are there when the block ends.

    A person has the same id before every camera. Flag 0 marks who counts neither way, the ignore regions of the street
    frames. Frames count from 1.

    Args:
        folder: of the sequence; made where it does not exist.
        video: the recording, as a path relative to the folder.
        recording: when the camera looks and how.
    """
    (folder / "gt").mkdir(parents=True, exist_ok=True)
    figures: dict[tuple[float, ...], int] = {}
    with complete_file(folder / "gt" / "gt.txt") as part, open(part, "w", encoding="utf-8") as lines:

        def append(shot: Shot) -> None:
            lines.writelines(_lines(shot, figures))

        yield append
    (folder / "seqinfo.ini").write_text(_seqinfo(folder.name, video, recording), encoding="utf-8")


def _lines(shot: Shot, figures: dict[tuple[float, ...], int]) -> Iterator[str]:
    """Yield the lines of a frame; `figures` gets an id for every figure that is new."""
    for index in range(len(shot.boxes)):
        person, kind = int(shot.boxes.person_ids[index]), _PERSON
        if person < 0:
            # Figures stand still, so that a box is a name.
            box = tuple(shot.boxes.boxes[index].tolist())
            person, kind = figures.setdefault(box, _FIGURES + len(figures)), _DISTRACTOR
        yield mot_line(shot.number + 1, shot.boxes, index, (person, kind))


def mot_line(frame: int, boxes: FrameBoxes, index: int, names: tuple[int, int]) -> str:
    """Return one line of gt.txt.

    Args:
        frame: number, from 1.
        boxes: of the frame.
        index: which of them.
        names: id and class.
    """
    left, top, width, height = corner_and_size(boxes.boxes[index].tolist())
    numbers = ",".join(short_number(value) for value in (left + 1, top + 1, width, height))
    ratio = short_number(round(float(boxes.visible_ratio[index]), 4))
    return f"{frame},{names[0]},{numbers},{int(not boxes.ignore[index])},{names[1]},{ratio}\n"


def _seqinfo(name: str, video: str, recording: Recording) -> str:
    height, width = recording.size
    lines = {
        "name": name, "imDir": "img1", "frameRate": recording.fps, "seqLength": recording.frames, "imWidth": width,
        "imHeight": height, "imExt": ".jpg", "video": video,
    }  # fmt: skip
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())
