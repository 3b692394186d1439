"""Tracklets and clips: what is gathered, which frames a clip has, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.clips import clip_of, num_starts
from datasets.records import ReIDData, ReIDSample
from datasets.tracklet_groups import tracklets_of
from datasets.transforms import build_transform
from datasets.world.tracklets import read_world_tracklet_probe, read_world_tracklets
from pipeline import build
from pipeline.errors import DataError
from pipeline.training.precision import Precision
from pipeline.training.video.embedding import embed_clips
from tests.references import video as twins

SMALL = {"identities": 3, "cameras": 2, "frames": 5, "size": (32, 16)}


def make_data(*rows: tuple[str, str, int, int | None]) -> ReIDData:
    """Rows are camera, tracklet, frame and person."""
    samples = [ReIDSample(f"{i}.jpg", row[3], row[0], "made", row[2], row[1]) for i, row in enumerate(rows)]
    grey = np.zeros((32, 16, 3), np.uint8)
    return ReIDData("made", tuple(samples), lambda sample: grey + int(sample.frame or 0), "0")


@pytest.mark.parametrize(
    ("count", "length", "stride", "start"), [(9, 4, 2, 0), (9, 4, 2, 2), (3, 4, 2, 0), (1, 4, 1, 0)]
)
def test_a_clip_equals_its_loop_twin(count: int, length: int, stride: int, start: int) -> None:
    found = clip_of(count, length=length, stride=stride, start=start)
    assert found.tolist() == twins.clip_positions(count, length, stride, start)


@pytest.mark.parametrize(("count", "starts"), [(9, 3), (7, 1), (2, 1)])
def test_clips_begin_where_they_end_inside(count: int, starts: int) -> None:
    assert num_starts(count, length=4, stride=2) == starts


def test_crops_are_gathered_by_camera_and_tracklet_in_the_order_of_time() -> None:
    data = make_data(("2", "1", 5, 7), ("1", "1", 9, 7), ("1", "1", 3, 7), ("1", "0", 1, 8))
    found = tracklets_of(data)
    assert [(t.name, t.person_id, t.positions) for t in found] == [
        ("1/0", 8, (3,)), ("1/1", 7, (2, 1)), ("2/1", 7, (0,)),
    ]  # fmt: skip


def test_crops_without_a_tracklet_and_tracklets_of_two_people_are_refused() -> None:
    data = make_data(("1", "1", 3, 7), ("1", "1", 4, 8))
    with pytest.raises(DataError, match="tracklet 1 of camera 1 shows 2 people"):
        tracklets_of(data)
    with pytest.raises(DataError, match=r"belong to no tracklet, such as 0\.jpg"):
        tracklets_of(replace(data, samples=tuple(replace(s, tracklet_id=None) for s in data.samples)))
    with pytest.raises(DataError, match="has no crop"):
        tracklets_of(replace(data, samples=()))


def test_a_batch_holds_clips_that_are_changed_alike() -> None:
    data = make_data(*[("1", "1", 0, 1)] * 6, *[("2", "1", 100, 2)] * 6)
    clips = build.clip_dataset(
        data, size=(32, 16), length=3, stride=2, augment=build_transform(size=(32, 16), preset="reid")
    )
    batch = clips.collect([(0, 11), (1, 12)])
    assert batch.images.shape == (2, 3, 3, 32, 16)
    assert batch.labels is not None
    assert (batch.labels.tolist(), batch.cameras.tolist(), len(batch)) == ([0, 1], [0, 1], 6)
    # Equal frames under one seed stay equal.
    assert torch.equal(batch.images[0, 0], batch.images[0, 2])
    assert torch.equal(clips.collect([(0, 11)]).images[0], batch.images[0])


def test_clips_in_order_cover_each_tracklet() -> None:
    data = make_data(*[("1", "1", frame, 1) for frame in range(5)], ("2", "1", 50, 2))
    clips = build.clip_dataset(data, size=(32, 16), length=2, stride=1)
    parts = list(clips.in_order(batch=2))
    assert torch.cat([part.indices for part in parts]).tolist() == [0, 0, 0, 1]
    seen = torch.cat([part.images[:, :, 0, 0, 0] for part in parts]).tolist()
    assert seen == [[0, 1], [2, 3], [4, 4], [50, 50]]


class _Grey(torch.nn.Module):
    """Embeds a clip by its first pixel; what `embed_clips` needs of a network."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def embed(self, clips: torch.Tensor) -> torch.Tensor:
        first = clips[:, 0, 0, 0, 0].float()
        return torch.stack([first, torch.ones_like(first)], dim=1) * self.weight


def test_a_tracklets_embedding_is_the_mean_of_its_clips() -> None:
    data = make_data(*[("1", "1", frame, 1) for frame in range(5)], ("2", "1", 50, 2))
    clips = build.clip_dataset(data, size=(32, 16), length=2, stride=1)
    found = embed_clips(_Grey(), clips, batch=3, precision=Precision())  # type: ignore[arg-type]
    rows = [[0.0, 1.0], [2.0, 1.0], [4.0, 1.0], [50.0, 1.0]]
    np.testing.assert_allclose(found, twins.tracklet_means(rows, [0, 0, 0, 1], 2), rtol=1e-6)


def test_drawn_tracklets_are_passages() -> None:
    data = read_world_tracklets("sunny_plaza", 1, **SMALL)
    found = tracklets_of(data)
    assert all(len(tracklet.positions) == 5 for tracklet in found)
    assert len({(t.person_id, t.camera_id) for t in found}) == len(found)
    frames = [data.samples[i].frame or 0 for i in found[0].positions]
    assert frames == sorted(frames)
    assert read_world_tracklets("sunny_plaza", 1, **SMALL).digest == data.digest
    with pytest.raises(DataError, match="frames = 1 is out of range"):
        read_world_tracklets("sunny_plaza", 1, **{**SMALL, "frames": 1})


def test_a_drawn_probe_asks_for_every_tracklet_of_who_is_asked_for() -> None:
    probe = read_world_tracklet_probe("sunny_plaza", 1, **SMALL)
    asked, known = tracklets_of(probe.query), tracklets_of(probe.gallery)
    assert {t.person_id for t in asked} < {t.person_id for t in known}
    assert {t.name for t in asked} == {t.name for t in known if t.person_id in {a.person_id for a in asked}}
    assert probe.query.load(probe.query.samples[0]).shape == (32, 16, 3)
