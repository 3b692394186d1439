"""The folder of sampled frames, and the point from which sampling goes on: plain files, nothing that could be code."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import CheckpointError
from pipeline.footage.reading import ReadingPlace
from pipeline.footage.spread_choice import Moment

FRAMES, TABLE = "frames", "frames.csv"
COLUMNS = ("path", "camera", "frame", "seconds", "motion")
_STATE, _BEFORE = "sampling.json", "before.npy"


@dataclass
class SamplingState:
    """How far sampling has come.

    Args:
        camera: position of the camera that is being read.
        place: where its present recording begins; None at its beginning.
        first: number of the first frame that was not looked at.
        looks: frames looked at so far, over all cameras.
        rows: of the frames that are written, in the order of COLUMNS.
        faults: what was survived, by camera and reason.
        kept: moments of the present camera, each with its JPEG.
        before: thumbnail of the frame looked at last.
    """

    camera: int = 0
    place: ReadingPlace | None = None
    first: int = 0
    looks: int = 0
    rows: list[list[str]] = field(default_factory=list)
    faults: dict[str, dict[str, int]] = field(default_factory=dict)
    kept: list[Moment] = field(default_factory=list)
    before: np.ndarray | None = None

    def save(self, folder: Path) -> None:
        """Write the state into a folder of its own."""
        moments = [[moment.seconds, moment.motion, moment.number] for moment in self.kept]
        content = {
            "camera": self.camera, "place": None if self.place is None else asdict(self.place), "first": self.first,
            "looks": self.looks, "rows": self.rows, "faults": self.faults, "moments": moments,
        }  # fmt: skip
        (folder / _STATE).write_text(json.dumps(content), encoding="utf-8")
        for moment in self.kept:
            (folder / f"{moment.number}.jpg").write_bytes(moment.content)
        if self.before is not None:
            np.save(folder / _BEFORE, self.before, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "SamplingState":
        """Read what `save` wrote.

        Raises:
            CheckpointError: the files have another form.
        """
        try:
            content: Mapping[str, Any] = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            kept = [
                Moment(seconds, motion, number, (folder / f"{number}.jpg").read_bytes())
                for seconds, motion, number in content["moments"]
            ]
            before = np.load(folder / _BEFORE, allow_pickle=False) if (folder / _BEFORE).exists() else None
            place = None if content["place"] is None else ReadingPlace(**content["place"])
            plain = {name: content[name] for name in ("camera", "first", "looks", "rows", "faults")}
            return cls(place=place, kept=kept, before=before, **plain)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder} is no point of sampled frames ({error})") from error


def write_moments(root: Path, camera: str, moments: Sequence[Moment]) -> list[list[str]]:
    """Write the frames of one camera and return their rows.

    Args:
        root: the folder; FRAMES is made in it.
        camera: name of the camera and of its folder.
        moments: what was kept of it, each with its JPEG.
    """
    folder = root / FRAMES / camera
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for moment in moments:
        name = f"{moment.number:08d}.jpg"
        (folder / name).write_bytes(moment.content)
        numbers = (str(moment.number), f"{moment.seconds:.4f}", f"{moment.motion:.6f}")
        rows.append([f"{camera}/{name}", camera, *numbers])
    return rows


def write_table(root: Path, rows: Sequence[Sequence[str]]) -> str:
    """Write the table of all frames and return its name below the folder."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    (root / FRAMES / TABLE).write_text(text.getvalue(), encoding="utf-8")
    return f"{FRAMES}/{TABLE}"
