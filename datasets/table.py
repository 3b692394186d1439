"""Generic reader: person, camera, frame and tracklet by a regular expression over names, or from a CSV file."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from datasets.csv_rows import finite_or_none, read_csv_rows
from datasets.file_data import file_data
from datasets.listing import list_images, open_root
from datasets.name_patterns import compile_pattern
from datasets.records import ReIDData, ReIDProbe, ReIDSample, normalise_camera_name
from datasets.selection import select_persons, select_samples
from pipeline.errors import ConfigError, DataError

# In these two, person 0 is nobody: images without a match that only belong into a gallery.
_WITH_DISTRACTORS = ("market", "mars")
_INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True)
class _Parsed:
    """Samples whose persons are still text, by path."""

    root: Path
    samples: list[ReIDSample]
    persons: Mapping[str, str]
    skipped: Counter[str]


def read_table(
    root: str,
    pattern: str | None = None,
    csv: str | None = None,
    labelled: bool = True,
    split: str | None = None,
    cameras: list[str] | None = None,
    identities: str = "all",
) -> ReIDData:
    """Read a folder of images whose labels stand in the names or in a CSV file.

    Persons with whole numbers keep them (negative = junk, never loaded); other persons are numbered by sorted name.

    Args:
        root: the folder; all sub-folders are read.
        pattern: regular expression with the named groups person, camera, frame, tracklet (those that exist), searched
            in the relative path; or one of 'market', 'personx', 'randperson', 'mars'.
        csv: CSV file (relative to root) with the columns path, person, camera and, where known, frame, tracklet,
            seconds, split.
        labelled: whether persons are read.
        split: rows of the CSV file's split column to keep.
        cameras: cameras to keep; None keeps all.
        identities: persons to keep, as in `read_market1501`.

    Raises:
        DataError: nothing fits the pattern or the table.
        ConfigError: the arguments contradict each other.
    """
    parsed = _parse(root, pattern=pattern, csv=csv, labelled=labelled, split=split)
    if pattern in _WITH_DISTRACTORS:
        parsed = _without_distractors(parsed)
    samples, skipped = _number_persons([parsed])[0]
    persons = None
    if labelled:
        persons = select_persons((s.person_id for s in samples if s.person_id is not None), identities)
    kept, dropped = select_samples(samples, cameras=cameras, persons=persons)
    return file_data(parsed.root, kept, skipped=skipped + dropped, part=split or "table")


def read_table_probe(query: str, gallery: str, pattern: str | None = None, csv: str | None = None) -> ReIDProbe:
    """Read query and gallery from two folders; a CSV file with a split column keeps 'query' or 'gallery' rows.

    Args:
        query: folder of the queries.
        gallery: folder of the gallery.
        pattern: as in `read_table`, for both folders.
        csv: as in `read_table`, one in each folder (or one absolute path).

    Raises:
        DataError: nothing fits the pattern or the table.
        ConfigError: neither or both of pattern and csv are given.
    """
    both = [
        _parse(root, pattern=pattern, csv=csv, labelled=True, split=part, is_split_optional=True)
        for root, part in ((query, "query"), (gallery, "gallery"))
    ]
    numbered = _number_persons(both)
    parts = [
        file_data(parsed.root, samples, skipped=skipped, part=part)
        for parsed, (samples, skipped), part in zip(both, numbered, ("query", "gallery"), strict=True)
    ]
    return ReIDProbe(*parts)


def _parse(
    root: str,
    *,
    pattern: str | None,
    csv: str | None,
    labelled: bool,
    split: str | None,
    is_split_optional: bool = False,
) -> _Parsed:
    if (pattern is None) == (csv is None):
        raise ConfigError("table reader: " + ("both" if csv else "neither") + " of pattern and csv", "exactly one")
    if csv is None and split is not None and not is_split_optional:
        raise ConfigError(f"split: {split!r} with a pattern", "a csv", "Point `root` at the split's folder instead.")
    base = open_root(root)
    listing = list_images(base)
    if csv is not None:
        needed = ("path", "person") if labelled else ("path",)
        rows = read_csv_rows(base, csv, needed=needed, split=split, is_split_optional=is_split_optional)
        fields = {name: rows[name] for name in listing.names if name in rows}
        missing, reason = len(rows) - len(fields), "image not in the table"
    else:
        compiled = compile_pattern(pattern or "", required=("person",) if labelled else ())
        matches = {name: compiled.search(name) for name in listing.names}
        fields = {name: {k: v or "" for k, v in m.groupdict().items()} for name, m in matches.items() if m}
        missing, reason = 0, "name does not fit the pattern"
    skipped = Counter(listing.skipped)
    skipped["row without an image"] = missing
    skipped[reason] = len(listing.names) - len(fields)
    if not fields:
        raise DataError(f"{str(base)!r}: {reason}, for all {len(listing.names)} (the first is {listing.names[0]!r})")
    return _to_samples(base, fields, labelled=labelled, skipped=skipped)


def _to_samples(
    base: Path, fields: Mapping[str, Mapping[str, str]], *, labelled: bool, skipped: Counter[str]
) -> _Parsed:
    samples: list[ReIDSample] = []
    persons: dict[str, str] = {}
    for name, row in sorted(fields.items()):
        person = "-1" if row.get("person") == "00-1" else row.get("person", "").strip()
        if labelled and not person:
            skipped["no person given"] += 1
            continue
        if labelled and _INTEGER.fullmatch(person) and int(person) < 0:
            skipped["junk (negative person)"] += 1
            continue
        camera, frame = row.get("camera", "").strip(), row.get("frame", "").strip()
        persons[name] = person
        samples.append(
            ReIDSample(
                path=name,
                person_id=None,
                camera_id=normalise_camera_name(camera) if camera else None,
                domain=base.absolute().name,
                frame=int(frame) if _INTEGER.fullmatch(frame) else None,
                tracklet_id=row.get("tracklet", "").strip() or None,
                seconds=finite_or_none(row.get("seconds", "")),
            )
        )
    return _Parsed(base, samples, persons if labelled else {}, skipped)


def _without_distractors(parsed: _Parsed) -> _Parsed:
    kept = [s for s in parsed.samples if not parsed.persons or int(parsed.persons[s.path]) != 0]
    skipped = parsed.skipped + Counter({"distractor (person 0)": len(parsed.samples) - len(kept)})
    return replace(parsed, samples=kept, skipped=skipped)


def _number_persons(parts: Sequence[_Parsed]) -> list[tuple[list[ReIDSample], Counter[str]]]:
    """Give every sample its person id; the numbering is one for all parts."""
    texts = sorted({text for part in parts for text in part.persons.values()})
    are_numbers = all(_INTEGER.fullmatch(text) for text in texts)
    ids = {text: int(text) if are_numbers else rank for rank, text in enumerate(texts)}
    return [
        ([replace(s, person_id=ids[p.persons[s.path]] if p.persons else None) for s in p.samples], p.skipped)
        for p in parts
    ]
