"""Writing the recordings of a site as a folder: the videos, and beside them everything that is true about them."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.world.frames.street import SPLITS, Street
from datasets.world.market_writer import README, prepare_folder
from datasets.world.video.complete_file import complete_file
from datasets.world.video.itineraries import visits_of
from datasets.world.video.mot_truth import mot_truth
from datasets.world.video.mp4_file import mp4_file
from datasets.world.video.recording import Recording, Shot, shots_of
from datasets.world.video.site import Site
from datasets.world.video.split_truth import FOLDERS, SplitTruth, crop_stride
from pipeline.errors import DataError

FOOTAGE, TRUTH, CAMERAS = "footage", "truth", "cameras.csv"
_BEGINS = {"train": 0.0, "test": 86_400.0}


@dataclass(frozen=True)
class VideoPlan:
    """How long and how finely the cameras of a site record.

    Args:
        minutes: length of each recording, and of the later time that query and test are cut from.
        fps: frames a second.
        size: height and width of a frame, pixels.
        shots: crops of each tracklet.

    Raises:
        DataError: a number is out of range.
    """

    minutes: float
    fps: int
    size: tuple[int, int]
    shots: int

    def __post_init__(self) -> None:
        """Refuse numbers that give no usable video."""
        for name, value, least, most in (
            ("minutes", self.minutes, 0.05, 1440),
            ("fps", self.fps, 1, 30),
            ("height", self.size[0], 48, 1080),
            ("width", self.size[1], 48, 1920),
            ("shots", self.shots, 1, 99),
        ):
            if not least <= value <= most:
                raise DataError(f"{name} = {value} is out of range", f"a number from {least} to {most}")
        if self.size[0] % 2 or self.size[1] % 2:
            raise DataError(f"frames of {self.size[0]}x{self.size[1]} pixels", "even height and width for H.264")

    def recording(self, split: str, start: float) -> Recording:
        """Return when a camera looks.

        Args:
            split: "train" is filmed; of "test" only the frames that crops may come from are drawn.
            start: second of the camera's first frame after the split's time begins.
        """
        frames = max(1, round(60 * self.minutes * self.fps))
        stride = 1 if split == "train" else crop_stride(self.fps)
        return Recording(_BEGINS[split] + start, frames, self.fps, stride, self.size)


def write_video_folder(
    out: Path,
    site: Site,
    plan: VideoPlan,
    *,
    readme: str,
    is_forced: bool = False,
    progress: Callable[[Iterable[None], int], Iterable[None]] = lambda frames, _: frames,
) -> int:
    """Write `footage/`, which is all that somebody without labels has, and `truth/`; README.txt comes last.

    Args:
        out: the folder; made where it does not exist.
        site: the cameras.
        plan: how they record.
        readme: text of README.txt.
        is_forced: write into a folder that has something in it already, over files of the same names.
        progress: wraps the frames, for a progress bar; gets them and their number.

    Returns:
        number of frames in the videos.

    Raises:
        DataError: the folder is not empty, or a video cannot be written.
    """
    prepare_folder(out, [FOOTAGE, *(f"{TRUTH}/{folder}" for folder in FOLDERS)], is_forced)
    lengths = {split: len(site.streets) * len(plan.recording(split, 0.0).numbers) for split in SPLITS}
    for _ in progress(_write_frames(out, site, plan), sum(lengths.values())):
        pass
    _write_cameras(out / FOOTAGE / CAMERAS, site)
    (out / README).write_text(readme, encoding="utf-8")
    return lengths["train"]


def _write_frames(out: Path, site: Site, plan: VideoPlan) -> Iterator[None]:
    """Write both splits; yields after each frame."""
    for split in SPLITS:
        truth = SplitTruth(out / TRUTH, split=split, shots=plan.shots)
        recordings = [plan.recording(split, start) for start in site.starts]
        ends = [recording.start + recording.frames / recording.fps for recording in recordings]
        visits = visits_of(site, split, (min(recording.start for recording in recordings), max(ends)))
        for street, recording in zip(site.streets, recordings, strict=True):
            own = [visit for visit in visits if visit.camera == street.number]
            shots = shots_of(street, own, recording)
            if split == "train":
                shots = _filmed(out, street, recording, shots)
            seen = truth.camera(street, recording)
            for shot in shots:
                seen.add(shot)
                yield None
            seen.finish()
        truth.finish()


def _filmed(out: Path, street: Street, recording: Recording, shots: Iterable[Shot]) -> Iterator[Shot]:
    """Pass on the shots of a camera, and write the video and its tracks on the way."""
    name = f"camera_{street.number}"
    path, truth = out / FOOTAGE / f"{name}.mp4", out / TRUTH / "mot" / name
    video = mp4_file(path, size=recording.size, fps=recording.fps)
    tracks = mot_truth(truth, video=f"../../../{FOOTAGE}/{path.name}", recording=recording)
    with video as film, tracks as track:
        for shot in shots:
            film(shot.image)
            track(shot)
            yield shot


def _write_cameras(path: Path, site: Site) -> None:
    """Write which file is whose and when it begins, seconds of the clock that the cameras share."""
    with complete_file(path) as part, open(part, "w", encoding="utf-8", newline="") as table:
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("file", "camera", "start"))
        for street, start in zip(site.streets, site.starts, strict=True):
            rows.writerow((f"camera_{street.number}.mp4", street.number, start))
