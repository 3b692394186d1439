"""Detections on frames that pass by are those on a data set of the same frames; confidences fit the thresholds."""

import numpy as np
import pytest

from pipeline import build
from pipeline.config.schema import DataConfig, DetectorConfig
from pipeline.detection_types import Detections, FrameBoxes
from pipeline.training.detection import sureness as module
from pipeline.training.detection.calibration import Calibration
from pipeline.training.detection.raw_frames import find_in_images
from pipeline.training.detection.scoring import find_people, in_stored_pixels
from pipeline.training.detection.sureness import Sureness, learn_sureness


def test_frames_that_pass_by_are_scaled_as_those_of_a_data_set():
    build.seed_everything(3)
    config = DetectorConfig(
        detector="fcos", arch="timm/resnet18", size=(48, 64), pyramid_width=8, head_width=8, head_depth=1,
        args={"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]},
    )  # fmt: skip
    model = build.detector(**build.model_spec(config)).eval()
    entry = DataConfig(kind="world_frames", domain="sunny_plaza", seed=1, cameras=1, frames=3, size=[64, 96])
    frames = build.frame_dataset(build.frame_data(entry, labelled=False), size=(48, 64))
    expected = in_stored_pixels(frames, find_people(model, frames, score_threshold=0.0))
    images = [frames.cache.data.load(sample) for sample in frames.cache.data.samples]
    found = find_in_images(model, images, size=(48, 64), score_threshold=0.0)
    assert sum(len(one) for one in found) > 0
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    assert find_in_images(model, images[:1], size=(48, 64), score_threshold=1.0)[0].boxes.shape == (0, 4)


def found_with(scores):
    return Detections(np.tile(np.array([[0, 0, 10, 20]], np.float32), (len(scores), 1)), np.array(scores, np.float32))


def test_a_factor_below_one_raises_confidences_up_to_one():
    read = Sureness(Calibration(), 0.5).read(found_with([0.8, 0.4, 0.1]))
    np.testing.assert_allclose(read.scores, [1.0, 0.8, 0.2], atol=1e-6)
    np.testing.assert_allclose(Sureness().read(found_with([0.8, 0.4])).scores, [0.8, 0.4], atol=1e-6)
    assert len(Sureness().read(found_with([]))) == 0


class Frames:
    """A list of frames whose annotations nobody needs to draw."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def truth(self, indices):
        nothing = np.zeros((0, 4), np.float32)
        return [FrameBoxes(nothing, nothing, np.zeros(0, np.float32), np.zeros(0, bool), np.zeros(0, np.int64), ())
                for _ in indices]  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "factor"),
    [
        # Five people are expected; half of them are the two best boxes.
        ([0.5, 0.5, 0.45, 0.45, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.5], 0.5 / 0.6),
        ([0.9, 0.8, 0.7], 1.0),
        ([], 1.0),
    ],
    ids=["less sure", "sure", "nobody"],
)
def test_thresholds_come_down_to_where_enough_people_are_believed(monkeypatch, scores, factor):
    # Without a detection on labelled frames there is nothing to calibrate by: confidences are scores.
    answers = {"source": [found_with([])], "target": [found_with(scores)]}
    monkeypatch.setattr(module, "find_people", lambda model, frames, **settings: answers[model])
    learnt = learn_sureness(("source", Frames(1)), ("target", Frames(1)), high=0.6, expected=0.5, judged=4)
    assert learnt.factor == pytest.approx(factor, abs=1e-6)
    assert learnt.calibration == Calibration()
