"""When to call two crops one person: thresholds of a network from labelled source pairs and from target clusters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from datasets.loader import CropDataset
from datasets.merge import part_numbers
from pipeline import distributed
from pipeline.metrics.match_rates import match_points, rates_at
from pipeline.metrics.match_record import KINDS, RATES, MatchEvidence, MatchRecord
from pipeline.metrics.pair_distances import PairBlock, PersonRows, pairs_within
from pipeline.models.camera_statistics import CameraStatistics, fit_camera_statistics
from pipeline.models.joined_cameras import camera_positions
from pipeline.models.reid import ReIDModel
from pipeline.training.extraction import extract_embeddings
from pipeline.training.relabel import TargetCrops

# A million pairs: about a hundred of two people match at a rate of 0.0001.
MOST_CROPS = 1500


@dataclass(frozen=True)
class SeenCrops:
    """Crops of one site as one network sees them.

    Args:
        raw: (N, D) BNNeck embeddings.
        ids: (N,) persons or clusters; negative = unknown.
        cameras: (N,) camera positions; -1 = unknown.
        statistics: of these cameras, or None where embeddings are compared as they are.
    """

    raw: np.ndarray
    ids: np.ndarray
    cameras: np.ndarray
    statistics: CameraStatistics | None = None

    def rows(self, *, is_standardised: bool) -> PersonRows:
        """Return the embeddings as they are compared."""
        features = self.raw
        if is_standardised:
            assert self.statistics is not None, "only crops with statistics can be standardised"
            features = self.statistics.standardise(self.raw, self.cameras)
        return PersonRows(features.astype(np.float32), self.ids, self.cameras)


def spread_crops(ids: np.ndarray, cameras: np.ndarray, *, most: int = MOST_CROPS) -> np.ndarray:
    """Choose crops whose pairs stand for all: as many of each person under each camera as fit, at equal distances.

    Args:
        ids: (N,) persons; negative = unknown, never chosen.
        cameras: (N,) camera positions.
        most: crops to choose, at least 1.

    Returns:
        ascending positions, at most `most` of them.
    """
    known = np.flatnonzero(ids >= 0)
    if len(known) <= most:
        return known
    _, group = np.unique(np.stack([ids[known], cameras[known]]), axis=1, return_inverse=True)
    group = group.reshape(-1)
    sizes = np.bincount(group)
    each = max((m for m in range(1, most + 1) if np.minimum(sizes, m).sum() <= most), default=1)
    order = np.argsort(group, kind="stable")
    members = np.split(known[order], np.cumsum(sizes)[:-1])
    chosen = np.sort(np.concatenate([_evenly(own, each) for own in members]))
    return _evenly(chosen, most)


def _evenly(positions: np.ndarray, most: int) -> np.ndarray:
    if len(positions) <= most:
        return positions
    return positions[np.arange(most) * len(positions) // most]


def source_crops(model: ReIDModel, crops: CropDataset, *, is_standardised: bool, num_parts: int = 1) -> list[SeenCrops]:
    """Embed labelled crops for their pairs; crops of several data sets are never paired with each other.

    Args:
        model: the network.
        crops: labelled.
        is_standardised: whether the network is used on embeddings standardised by camera: then those of the source
            are standardised by statistics of its own cameras.
        num_parts: data sets that `merge_labelled` has put together in them.

    Returns:
        one entry a data set.
    """
    assert crops.labels is not None, "pairs of the source are told by its labels"
    numbers = part_numbers(crops.cache.data, num_parts)
    found = []
    for number in range(num_parts):
        own = np.flatnonzero(numbers == number)
        chosen = own[spread_crops(crops.labels[own], crops.cameras[own])]
        raw, cameras = extract_embeddings(model, crops, positions=chosen), crops.cameras[chosen]
        names = crops.cache.data.cameras
        statistics = fit_camera_statistics(raw, cameras, names=names) if is_standardised else None
        found.append(SeenCrops(raw, crops.labels[chosen], cameras, statistics))
    return found


def target_crops(
    model: ReIDModel, target: TargetCrops, labels: np.ndarray | None, *, statistics: CameraStatistics | None,
    site: str = "",
) -> list[SeenCrops]:  # fmt: skip
    """Embed target crops of the last round's clusters for their pairs.

    Args:
        model: the network.
        target: the crops.
        labels: (N,) pseudo-labels, -1 = outlier; None where no round had clusters.
        statistics: of the target's cameras that the network is handed over with, or None.
        site: name of the target, where the statistics are of several.

    Returns:
        one entry, or none without clusters.
    """
    if labels is None:
        return []
    chosen = spread_crops(labels, target.cameras)
    cameras = target.cameras[chosen]
    if statistics is not None:
        known = camera_positions(target.names, statistics, site=site)
        rows = np.array([*(known.get(name, -1) for name in target.names), -1], np.int64)
        cameras = rows[cameras]
    return [SeenCrops(extract_embeddings(model, target.crops, positions=chosen), labels[chosen], cameras, statistics)]


def calibrate(
    model: ReIDModel, source: CropDataset | None, clusters: Sequence[SeenCrops] = (), *, names: Mapping[str, str],
    is_standardised: bool, new_people: CropDataset | None = None, num_parts: int = 1,
) -> MatchRecord:  # fmt: skip
    """Take thresholds for one network from the pairs of labelled people and of the target's clusters.

    Args:
        model: the network.
        source: labelled crops that it was trained on, or None where there are none.
        clusters: what `target_crops` returned, of each target.
        names: in the configuration, by kind of evidence (`match_record.KINDS`).
        is_standardised: whether the network is handed over with statistics of cameras.
        new_people: labelled crops of people whom it has not met, or None.
        num_parts: data sets that the source was merged from.
    """
    groups: dict[str, Sequence[SeenCrops]] = {"clusters": clusters}
    for kind, crops, parts in (("new_persons", new_people, 1), ("persons", source, num_parts)):
        if crops is not None:
            groups[kind] = source_crops(model, crops, is_standardised=is_standardised, num_parts=parts)
    return distributed.by_first(lambda: match_record(groups, names=names))


def match_record(groups: Mapping[str, Sequence[SeenCrops]], *, names: Mapping[str, str]) -> MatchRecord:
    """Take thresholds from all evidence about one network; no label of the target is needed for that.

    Args:
        groups: crops by kind of evidence, apart where they come from several data sets.
        names: of these in the configuration, by kind.
    """
    evidence = []
    for is_standardised in (True, False):
        for kind in KINDS:
            seen = groups.get(kind, ())
            if not seen or (is_standardised and any(one.statistics is None for one in seen)):
                continue
            one = _evidence(seen, data=names[kind], labels=kind, is_standardised=is_standardised)
            evidence += [one] if one.points else []
    return MatchRecord(tuple(evidence))


def _evidence(seen: Sequence[SeenCrops], *, data: str, labels: str, is_standardised: bool) -> MatchEvidence:
    sets = [one.rows(is_standardised=is_standardised) for one in seen]

    def blocks() -> Iterator[PairBlock]:
        for rows in sets:
            yield from pairs_within(rows, needs_common_camera=labels == "clusters")

    return MatchEvidence.of(match_points(blocks, RATES), data=data, labels=labels, is_standardised=is_standardised)


def transferred(record: MatchRecord, before: SeenCrops, after: SeenCrops) -> MatchRecord:
    """Take thresholds over from one network to a copy of it that rounds: as many pairs of crops stay below each.

    Args:
        record: of the network.
        before: crops as the network sees them, whomever they show.
        after: the same crops as the copy sees them.

    Returns:
        the record with other thresholds; the rates are those that were measured on the network.
    """
    assert len(before.raw) == len(after.raw), f"{len(before.raw)} and {len(after.raw)} crops"
    evidence = []
    for one in record.evidence:
        both = (before, after)
        if one.is_standardised and any(seen.statistics is None for seen in both):
            continue
        old, new = (
            replace(seen.rows(is_standardised=one.is_standardised), ids=np.arange(len(seen.raw))) for seen in both
        )
        points = tuple(replace(p, threshold=_as_many_below(old, new, p.threshold)) for p in one.points)
        evidence.append(replace(one, points=points))
    return MatchRecord(tuple(evidence))


def _as_many_below(old: PersonRows, new: PersonRows, threshold: float) -> float:
    _, share = rates_at(lambda: pairs_within(old), threshold)
    if share is None or not 0 < share < 1:
        return threshold
    points = match_points(lambda: pairs_within(new), [share]).points
    return points[0].threshold if points else threshold
