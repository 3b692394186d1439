"""Reader for the layout of MARS: bbox_train and bbox_test of tracklet crops, and info/query_IDX.mat beside them."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from datasets.file_data import file_data
from datasets.listing import list_images, open_root
from datasets.matlab_files import read_matlab
from datasets.records import ReIDData, ReIDProbe, ReIDSample
from pipeline.errors import DataError

# 0001C1T0001F001.jpg: person, camera, tracklet, frame; 00-1 is junk and 0000 a distractor.
_NAME = re.compile(r"(?P<person>00-1|\d{4})C(?P<camera>\d+)T(?P<tracklet>\d+)F(?P<frame>\d+)", re.IGNORECASE)
_TRAIN, _TEST, _INFO = "bbox_train", "bbox_test", "info"
_TRACKS, _QUERIES = "tracks_test_info", "query_IDX"
_WITHOUT = "Without it, remove the folder info: then the first tracklet of each person is asked for."


def read_mars(root: str) -> ReIDData:
    """Read the training tracklets; crops of nobody (0000) and junk (00-1) are left out.

    Args:
        root: the folder that holds bbox_train.

    Raises:
        DataError: a folder is missing or holds no crop of this form.
    """
    base = open_root(root)
    samples, skipped = _read(base, _TRAIN, keeps_distractors=False)
    return file_data(base, samples, skipped=skipped, part="train")


def read_mars_probe(root: str) -> ReIDProbe:
    """Read the tracklets that are asked for and the gallery, in which distractors (0000) stay.

    Queries are those of info/query_IDX.mat; without that folder, the first tracklet of each person in each camera.

    Args:
        root: the folder that holds bbox_test and, as it was published, info.

    Raises:
        DataError: a folder is missing, or info says something that is not there.
    """
    base = open_root(root)
    samples, skipped = _read(base, _TEST, keeps_distractors=True)
    asked = _listed_queries(base, samples) if (base / _INFO).is_dir() else _first_tracklets(samples)
    query = [s for s in samples if (s.camera_id, s.tracklet_id) in asked and s.person_id]
    return ReIDProbe(
        query=file_data(base, query, skipped=Counter(), part="query"),
        gallery=file_data(base, samples, skipped=skipped, part="gallery"),
    )


def parse_mars_name(path: str, *, domain: str) -> ReIDSample | None:
    """Read person (-1 = junk, 0 = nobody), camera, tracklet and frame from a name such as 0001C1T0001F001.jpg.

    Tracklets are numbered anew for each person and camera, so person and number together make the tracklet's name.

    Args:
        path: relative, '/'-separated.
        domain: the data set's name.

    Returns:
        the sample, or None where the name is of another form.
    """
    match = _NAME.match(path.rpartition("/")[2])
    if match is None:
        return None
    person = -1 if match["person"] == "00-1" else int(match["person"])
    tracklet = f"{match['person']}T{match['tracklet']}"
    return ReIDSample(path, person, str(int(match["camera"])), domain, int(match["frame"]), tracklet)


def _read(base: Path, folder: str, *, keeps_distractors: bool) -> tuple[list[ReIDSample], Counter[str]]:
    listing = list_images(base / folder)
    skipped, samples = Counter(listing.skipped), []
    for name in listing.names:
        sample = parse_mars_name(f"{folder}/{name}", domain=base.absolute().name)
        if sample is None:
            skipped["name of another form"] += 1
        elif sample.person_id == -1:
            skipped["junk (person -1)"] += 1
        elif sample.person_id == 0 and not keeps_distractors:
            skipped["distractor (person 0)"] += 1
        else:
            samples.append(sample)
    if not samples:
        raise DataError(
            f"no image in {str(base / folder)!r} has a name of MARS", "names like 0001C1T0001F001.jpg",
            "For other names use kind: table with a pattern that has a group tracklet.",
        )  # fmt: skip
    return samples, skipped


def _first_tracklets(samples: list[ReIDSample]) -> set[tuple[str | None, str | None]]:
    first: dict[tuple[int | None, str | None], str] = {}
    for sample in samples:
        key = (sample.person_id, sample.camera_id)
        first[key] = min(first.get(key, str(sample.tracklet_id)), str(sample.tracklet_id))
    return {(camera, tracklet) for (_, camera), tracklet in first.items()}


def _listed_queries(base: Path, samples: list[ReIDSample]) -> set[tuple[str | None, str | None]]:
    """Return the tracklets of query_IDX, 1-based rows of tracks_test_info: first crop, last crop, person, camera."""
    folder = base / _INFO
    tables = {}
    for name in (_TRACKS, _QUERIES):
        content = read_matlab(_part(folder, f"{name}.mat"), expected=f"the file {name}.mat of MARS")
        held = [value for key, value in content.items() if not key.startswith("__")]
        if len(held) != 1:
            raise DataError(f"{name}.mat in {str(folder)!r} holds {len(held)} variables", "the published file with one")
        tables[name] = np.asarray(held[0], np.int64)
    names = _test_names(folder)
    tracks, asked = tables[_TRACKS].reshape(-1, 4), tables[_QUERIES].reshape(-1)
    if len(asked) and not 1 <= asked.min() <= asked.max() <= len(tracks):
        raise DataError(f"{_QUERIES}.mat names tracklet {int(asked.max())}", f"numbers from 1 to {len(tracks)}")
    known = {sample.path.rpartition("/")[2]: (sample.camera_id, sample.tracklet_id) for sample in samples}
    found = set()
    for row in tracks[asked - 1]:
        if not 1 <= row[0] <= len(names):
            raise DataError(f"{_TRACKS}.mat names crop {int(row[0])}", f"numbers from 1 to {len(names)}")
        if names[row[0] - 1] in known:
            found.add(known[names[row[0] - 1]])
    return found


def _part(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise DataError(f"{str(folder)!r} has no {name}", "the folder info as it was published", _WITHOUT)
    return path


def _test_names(folder: Path) -> list[str]:
    return _part(folder, "test_name.txt").read_text(encoding="utf-8").split()
