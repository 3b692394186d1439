"""Turn the parsed samples of a folder into ReIDData: loader, content digest, and a log line of what was left out."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.contents import file_hashes
from datasets.frame_records import FrameSample
from datasets.images import load_image
from datasets.records import ReIDData, ReIDSample
from pipeline.errors import DataError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileLoader:
    """Loads a sample's image from below a folder; picklable."""

    root: str

    def __call__(self, sample: ReIDSample | FrameSample) -> np.ndarray:
        """Return the sample's (H, W, 3) uint8 RGB pixels."""
        return load_image(Path(self.root) / sample.path)


def file_data(
    root: Path, samples: Sequence[ReIDSample], *, skipped: Mapping[str, int], part: str, name: str = ""
) -> ReIDData:
    """Build the container for samples whose paths are relative to a folder.

    Args:
        root: the folder.
        samples: at least one sample; sorted by path here.
        skipped: number of files left out, by reason.
        part: what the samples are ('train', 'query'), for the log.
        name: the data set's name; the folder's name if empty.

    Raises:
        DataError: there is no sample.
    """
    name = name or root.absolute().name
    if not samples:
        left_out = ", ".join(f"{count} x {reason}" for reason, count in skipped.items()) or "nothing was found"
        raise DataError(f"no usable {part} image in {str(root)!r} ({left_out})", "at least one")
    ordered = tuple(sorted(samples, key=lambda sample: sample.path))
    kept = {reason: count for reason, count in sorted(skipped.items()) if count}
    data = ReIDData(name, ordered, FileLoader(str(root)), _digest(root, ordered), kept)
    logger.info("%s (%s): %s", name, part, describe(data))
    return data


def describe(data: ReIDData) -> str:
    """Return one line with the number of images, persons, cameras, and of what was left out."""
    persons = {sample.person_id for sample in data.samples} - {None}
    counts: dict[int | None, int] = {}
    for sample in data.samples:
        counts[sample.person_id] = counts.get(sample.person_id, 0) + 1
    singles = sum(1 for person in persons if counts[person] == 1)
    words = [f"{len(data)} images"]
    words.append(f"{len(persons)} persons" if persons else "no labels")
    if singles:
        words.append(f"{singles} of them with one image")
    words.append(f"{len(data.cameras)} cameras" if data.cameras else "cameras unknown")
    line = ", ".join(words)
    if data.skipped:
        line += "; left out: " + ", ".join(f"{count} x {reason}" for reason, count in data.skipped.items())
    return line


def compare_published(data: ReIDData, published: tuple[int, int | None], *, origin: str) -> None:
    """Log whether the numbers of images and persons are the published ones.

    Args:
        data: the complete split, nothing filtered.
        published: images and persons (None = not compared).
        origin: the data set and split that the numbers belong to.
    """
    persons = len({s.person_id for s in data.samples}) if published[1] is not None else None
    if (len(data), persons) == published:
        logger.info("%s: counts equal the published ones", origin)
    else:
        logger.warning(
            "%s: %d images%s, but the published split has %d%s",
            origin,
            len(data),
            "" if persons is None else f" of {persons} persons",
            published[0],
            "" if persons is None else f" of {published[1]}",
        )


def _digest(root: Path, samples: tuple[ReIDSample, ...]) -> str:
    """Hash the listing: relative names, labels and file contents; the folder's place does not enter."""
    contents = file_hashes(root, [sample.path for sample in samples])
    total = hashlib.sha256()
    for sample, content in zip(samples, contents, strict=True):
        fields: tuple[object, ...] = (
            sample.path, sample.person_id, sample.camera_id, sample.frame, sample.tracklet_id
        )  # fmt: skip
        if sample.seconds is not None:
            fields += (sample.seconds,)
        total.update(repr(fields).encode("ascii", "backslashreplace") + content)
    return total.hexdigest()
