"""Cut tracklets out of the frames of one camera: of each track a few crops that are large, whole, sharp and different.

    cutter = TrackletCutter()
    for each frame:
        people = tracker.update(boxes, scores, seconds)
        cutter.look(image, people, frame=number, seconds=seconds)
        for tracklet in cutter.close(tracker.open_tracks): writer.add(camera, tracklet)
    for tracklet in cutter.close(()): writer.add(camera, tracklet)

One TrackletCutter a camera. Memory holds `2 * crops` crops of each track that may still go on.
"""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.tracking.association import overlaps
from pipeline.tracking.diversity import describe, distances, farthest_points, most_redundant
from pipeline.tracking.quality import are_cut, cut_out, hidden_shares, sharpness
from pipeline.tracking.stay import Crop, Road, Stay
from pipeline.tracking.tracker import Tracked

_LEAST_SIDE = 2  # pixels of a crop, whatever the settings say
_REMEMBERED, _LEAST_REMEMBERED = 1000, 20  # crops of the camera that the usual sharpness is taken from


@dataclass(frozen=True)
class Tracklet:
    """Crops of one person out of one unbroken stay before one camera, in the order of time."""

    track_number: int
    crops: tuple[Crop, ...]


class TrackletCutter:
    """Gathers crops of tracks while the frames pass by; what was left out is counted in `left_out` by reason.

    Args:
        crops: most crops of a tracklet; chosen among those that remain by farthest points, the surest one first.
        least_crops: a tracklet with fewer is left out.
        least_frames: so is one whose track was seen in fewer frames.
        least_travel: so is one that never left its place by so many heights: what a detector takes for a person though
            it is none stands still, and so does somebody who stays in one place all the time.
        least_height: of a crop in pixels.
        most_overlap: IoU of two people's boxes above which the tracklets of both end and new ones begin, because a
            tracker that goes by places may take one for the other.
        most_hidden: largest share of a box that nearer people may cover.
        border: pixels from the frame's border at which a box counts as cut off.
        least_sharpness: share of the camera's median sharpness that a crop has to reach.
        least_difference: root mean square difference of two crops' small pictures, as a share of the full range, below
            which the later one is a duplicate.
        pause: seconds between two looks at a track.
    """

    def __init__(
        self,
        *,
        crops: int = 8,
        least_crops: int = 2,
        least_frames: int = 5,
        least_travel: float = 0.5,
        least_height: float = 32.0,
        most_overlap: float = 0.3,
        most_hidden: float = 0.35,
        border: float = 1.0,
        least_sharpness: float = 0.4,
        least_difference: float = 0.02,
        pause: float = 0.15,
    ) -> None:
        assert 1 <= least_crops <= crops, f"least_crops {least_crops}, crops {crops}"
        self._crops, self._least_crops = crops, least_crops
        self._least_frames, self._least_travel = least_frames, least_travel
        self._most_overlap, self._most_hidden = most_overlap, most_hidden
        self._least_height, self._border = least_height, border
        self._least_sharpness, self._least_difference, self._pause = least_sharpness, least_difference, pause
        self._roads: dict[int, Road] = {}
        self._stays: dict[int, Stay] = {}
        self._chosen: list[Tracklet] = []
        self._usual: deque[float] = deque(maxlen=_REMEMBERED)
        self.left_out: Counter[str] = Counter()

    def look(self, image: np.ndarray, people: Sequence[Tracked], *, frame: int, seconds: float) -> None:
        """Take crops out of a frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            people: all that the tracker has found in it.
            frame: its number.
            seconds: when it was filmed.
        """
        if not people:
            return
        boxes = np.stack([person.box for person in people])
        hidden = hidden_shares(boxes)
        is_cut = are_cut(boxes, image.shape[:2], self._border)
        meets = self._meetings(boxes)
        for index, person in enumerate(people):
            self._roads.setdefault(person.track_number, Road()).move(person.box)
            if meets[index]:
                self.left_out["crop where two people meet"] += 1
                self._end(person.track_number)
                continue
            stay = self._stays.setdefault(person.track_number, Stay())
            stay.frames += 1
            if seconds - stay.looked < self._pause:
                continue
            reason = self._reason(boxes[index], float(hidden[index]), bool(is_cut[index]))
            pixels = cut_out(image, person.box)
            if not reason and min(pixels.shape[:2]) >= _LEAST_SIDE:
                stay.looked = seconds
                self._gather(stay, Crop(frame, seconds, person.box, person.score, pixels))
            else:
                self.left_out[reason or "crop too small"] += 1

    def close(self, open_tracks: Collection[int]) -> list[Tracklet]:
        """Return the tracklets that are over, by ascending number of their tracks.

        Args:
            open_tracks: numbers of the tracks that may still go on.
        """
        for number in sorted(set(self._roads) - set(open_tracks)):
            self._end(number)
            del self._roads[number]
        found, self._chosen = sorted(self._chosen, key=lambda tracklet: tracklet.track_number), []
        return found

    def _meetings(self, boxes: np.ndarray) -> np.ndarray:
        shared = overlaps(boxes, boxes)
        np.fill_diagonal(shared, 0.0)
        found: np.ndarray = shared.max(axis=1) > self._most_overlap
        return found

    def _end(self, number: int) -> None:
        """Choose among the crops of a stay; the track may go on with another one."""
        stay = self._stays.pop(number, None)
        tracklet = None if stay is None else self._choose(number, stay, self._roads[number].travel)
        if tracklet is not None:
            self._chosen.append(tracklet)

    def _reason(self, box: np.ndarray, hidden: float, is_cut: bool) -> str:
        if box[3] - box[1] < self._least_height:
            return "crop too small"
        if is_cut:
            return "crop cut off at the border"
        return "crop hidden by others" if hidden > self._most_hidden else ""

    def _gather(self, stay: Stay, crop: Crop) -> None:
        descriptor, sharp = describe(crop.pixels), sharpness(crop.pixels)
        self._usual.append(sharp)
        if stay.crops and distances(descriptor[None], np.stack(stay.descriptors)).min() < self._least_difference:
            self.left_out["crop like another one"] += 1
            return
        stay.crops.append(crop)
        stay.sharpness.append(sharp)
        stay.descriptors.append(descriptor)
        if len(stay.crops) > 2 * self._crops:
            self.left_out["crop beyond the number wanted"] += 1
            stay.remove(most_redundant(np.stack(stay.descriptors)))

    def _choose(self, number: int, stay: Stay, travel: float) -> Tracklet | None:
        least = 0.0
        if len(self._usual) >= _LEAST_REMEMBERED:
            least = self._least_sharpness * float(np.median(self._usual))
        sharp = [position for position, value in enumerate(stay.sharpness) if value >= least]
        self.left_out["crop blurred"] += len(stay.crops) - len(sharp)
        if stay.frames < self._least_frames or len(sharp) < self._least_crops:
            self.left_out["tracklet too short"] += 1
            return None
        if travel < self._least_travel:
            self.left_out["tracklet that stays in its place"] += 1
            return None
        first = max(range(len(sharp)), key=lambda i: stay.crops[sharp[i]].score)
        chosen = farthest_points(np.stack([stay.descriptors[i] for i in sharp]), self._crops, first)
        self.left_out["crop beyond the number wanted"] += len(sharp) - len(chosen)
        return Tracklet(number, tuple(stay.crops[sharp[i]] for i in sorted(chosen)))
