"""How well a person search finds people whose true tracks are known."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.images import image_size, load_image
from datasets.market_layout import read_market_folder
from datasets.mot_tracks import MotTracks, read_mot_tracks
from datasets.records import ReIDSample
from datasets.tracklet_boxes import read_tracklet_boxes
from pipeline.errors import DataError
from pipeline.metrics.person_search import SearchQuery, SearchScore, person_search_score
from pipeline.metrics.search_truth import KnownTracklets, owners_of, passage_of_each, shown_persons
from pipeline.metrics.stays import SeenBoxes, passages_of
from pipeline.metrics.tracklet_purity import tracklet_scores
from pipeline.report.found_people import SoughtPerson
from pipeline.training.person_search import PersonSearch
from pipeline.training.tracklet_gallery import TrackletGallery

TRACKS, QUERIES = "mot", "crops/bounding_box_train"
RULES = (
    "Query: the largest crop of each person and camera, cut with the true box; gallery: the tracklets of the other "
    "cameras.",
    "A tracklet is right where most of its boxes have an IoU of at least .5 with the person's true box. Of several "
    "tracklets of one stay the nearest counts, the others are wrong.",
    "AP runs over the stays of the person before the other cameras: whom the detector or the tracker missed lowers it. "
    "A stay is at least a second long, an absence of two seconds ends it.",
)


@dataclass(frozen=True)
class MeasuredSearch:
    """Scores, and the queries that they come from.

    Args:
        score: means over the queries.
        asked: the queries that were scored.
        features: (Q, D) of each.
        known: what is true of the gallery.
        num_skipped: people with nobody to find, because no other camera saw them for a second.
    """

    score: SearchScore
    asked: tuple[ReIDSample, ...]
    features: np.ndarray
    known: KnownTracklets
    num_skipped: int

    @property
    def values(self) -> dict[str, Any]:
        """Return plain values."""
        score = self.score
        return {
            "mAP": score.mAP, "top1": score.top1, "recall": score.recall, "ranking_mAP": score.ranking_map,
            "queries": score.num_queries, "skipped_queries": self.num_skipped, "stays": len(self.known.passages),
            "tracklets": len(self.known.owners), "tracklets_of_nobody": int((self.known.owners < 0).sum()),
            "purity": self.known.purity.get("purity"), "pure_tracklets": self.known.purity.get("pure"),
        }  # fmt: skip

    @property
    def lines(self) -> list[str]:
        """Return the scores and their rules as lines for people."""
        score, values = self.score, self.values
        return [
            f"person search: mAP {score.mAP:.3f}, top-1 {score.top1:.3f}, recall of the detection {score.recall:.3f}, "
            f"mAP over what was detected {score.ranking_map:.3f}",
            f"queries: {score.num_queries}, {self.num_skipped} more were seen by no other camera; gallery: "
            f"{values['tracklets']} tracklets, {values['tracklets_of_nobody']} of nobody; {values['stays']} true stays",
            f"tracklets: {self.known.purity['purity']:.0%} of their crops show whom most of the tracklet shows, "
            f"{self.known.purity['pure']:.0%} show one person alone",
            *RULES,
        ]

    def examples(self, search: PersonSearch, truth: Path, *, people: int, count: int) -> list[SoughtPerson]:
        """Return queries from the best found to the worst, evenly spread, with right and wrong told by the truth.

        Args:
            search: what was measured.
            truth: the folder of the truth.
            people: number of queries.
            count: tracklets of each camera.
        """
        order = np.argsort(-self.score.ap, kind="stable")
        places = np.round(np.linspace(0, len(order) - 1, min(people, len(order)))).astype(int)
        return [self._example(search, truth, int(place), count) for place in order[places]]

    def _example(self, search: PersonSearch, truth: Path, place: int, count: int) -> SoughtPerson:
        sample = self.asked[place]
        label = f"person {sample.person_id} from camera {sample.camera_id}, AP {self.score.ap[place]:.2f}"
        shown = search.answer(self.features[place], load_image(truth / sample.path), label, count=count)
        right = {search.gallery.names[t] for t in np.flatnonzero(self.known.owners == sample.person_id)}
        found = {
            camera: tuple(replace(one, verdict=one.name in right) for one in row)
            for camera, row in shown.found.items()
            if camera != sample.camera_id
        }
        return replace(shown, found=found)


def measure_search(search: PersonSearch, truth: Path) -> MeasuredSearch:
    """Look for everybody who is known, and compare with where everybody was.

    Args:
        search: the gallery and its network.
        truth: folder with mot/CAMERA/gt/gt.txt and crops/bounding_box_train in Market-1501 layout.

    Raises:
        DataError: something is missing, or nobody was seen by two cameras.
    """
    tracks = read_mot_tracks(str(truth / TRACKS))
    known = known_tracklets(search.gallery, tracks)
    asked = [sample for sample in _largest(truth) if sample.camera_id in tracks.cameras]
    features = search.embed(asked, truth)
    queries: list[SearchQuery] = []
    rows: list[int] = []
    for row, sample in enumerate(asked):
        assert sample.person_id is not None, f"{sample.path} shows nobody"
        camera = tracks.cameras.index(sample.camera_id or "")
        query = known.query(sample.person_id, camera, search.gallery.distances(features[row]))
        if query is not None:
            queries.append(query)
            rows.append(row)
    if not queries:
        raise DataError(
            f"none of the {len(asked)} people of {str(truth / QUERIES)!r} was before a second camera for a second",
            "people who pass several cameras",
        )
    chosen = tuple(asked[row] for row in rows)
    return MeasuredSearch(person_search_score(queries), chosen, features[rows], known, len(asked) - len(rows))


def _largest(truth: Path) -> list[ReIDSample]:
    """Return the largest crop of each person and camera, by person."""
    samples, _ = read_market_folder(truth, QUERIES, domain="truth", keep_distractors=False)
    areas = {sample.path: float(np.prod(image_size(truth / sample.path))) for sample in samples}
    best: dict[tuple[int | None, str | None], ReIDSample] = {}
    for sample in sorted(samples, key=lambda sample: (-areas[sample.path], sample.path)):
        best.setdefault((sample.person_id, sample.camera_id), sample)
    return sorted(best.values(), key=lambda sample: sample.path)


def known_tracklets(gallery: TrackletGallery, tracks: MotTracks) -> KnownTracklets:
    """Return whom each tracklet of a gallery shows.

    Args:
        gallery: the tracklets.
        tracks: where everybody was.

    Raises:
        DataError: the truth knows nothing of one of the cameras, or the folder has no boxes.
    """
    unknown = sorted(set(gallery.cameras) - set(tracks.cameras))
    if unknown:
        raise DataError(f"there are no true tracks of camera {unknown[0]}", f"cameras {', '.join(tracks.cameras)}")
    crops = _boxes_of(gallery, tracks)
    truth = SeenBoxes(tracks.rows, tracks.frames, tracks.boxes, tracks.persons)
    shown = shown_persons(crops, truth)
    owners = owners_of(crops, shown, len(gallery))
    passages = passages_of(truth.take(tracks.counts), tracks.rates)
    cameras = np.array([tracks.cameras.index(camera) for camera in gallery.cameras], np.int64)
    scenes = passage_of_each(crops, owners, passages, tracks.rates)
    return KnownTracklets(cameras, owners, scenes, passages, tracklet_scores(crops.names, shown))


def _boxes_of(gallery: TrackletGallery, tracks: MotTracks) -> SeenBoxes:
    samples = gallery.data.samples
    return SeenBoxes(
        cameras=np.array([tracks.cameras.index(sample.camera_id or "") for sample in samples], np.int64),
        frames=np.array([sample.frame for sample in samples], np.int64),
        boxes=read_tracklet_boxes(gallery.root, [sample.path for sample in samples]),
        names=gallery.tracklets,
    )
