import math

import pytest
import torch

from pipeline.detection_types import BoxTargets
from pipeline.models.detection.proposals import DenseMaps, ProposalNetwork
from pipeline.models.detection.region_head import RegionHead, region_losses, sample_regions
from tests.unit.models.make_detectors import make_detector, make_images, make_sizes, make_target, make_targets

NONE = torch.zeros(0, 4)


def make_network(**changes: int) -> ProposalNetwork:
    torch.manual_seed(0)
    return ProposalNetwork(12, strides=(8, 16), scales=(4.0,), **changes)


def make_dense(*, level: float = 0.0) -> DenseMaps:
    logits = {8: torch.full((1, 1, 8, 12), level), 16: torch.full((1, 1, 4, 6), level)}
    return DenseMaps(logits, {stride: torch.zeros(1, 4, *maps.shape[2:]) for stride, maps in logits.items()})


def test_proposals_are_the_best_anchors_clipped_and_suppressed() -> None:
    dense = make_dense(level=-5.0)
    # A cell in the middle, its weaker neighbour that overlaps it, and one at the border.
    dense.logits[8][0, 0, 4, 5], dense.logits[8][0, 0, 4, 6], dense.logits[16][0, 0, 0, 0] = 3.0, 2.0, 1.0
    proposals = make_network().propose(dense, torch.tensor([[64, 96]]), count=3)[0]
    torch.testing.assert_close(proposals[0], torch.tensor([44.0 - 6.56, 36.0 - 16, 44.0 + 6.56, 36.0 + 16]))
    torch.testing.assert_close(proposals[1], torch.tensor([52.0 - 6.56, 36.0 - 16, 52.0 + 6.56, 36.0 + 16]))
    torch.testing.assert_close(proposals[2], torch.tensor([0.0, 0.0, 8 + 13.12, 8 + 32.0]))


def test_proposals_beyond_the_frame_are_never_made() -> None:
    dense = make_dense()
    dense.logits[8][0, 0, 7, 11] = 9.0
    for boxes in make_network().propose(dense, torch.tensor([[20, 30]]), count=200):
        assert len(boxes) > 0
        assert (boxes <= torch.tensor([30.0, 20.0, 30.0, 20.0])).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 1).all()


def test_proposal_losses_by_hand() -> None:
    network = make_network(samples=1000)
    # Exactly the anchor of row 4, column 5 at stride 8, and everything else background or ignored.
    box = [44.0 - 6.56, 36.0 - 16, 44.0 + 6.56, 36.0 + 16]
    target = make_target([box], weights=[0.5], ignored=[[-100.0, -100, 500, 500]])
    losses = network.losses(make_dense(), torch.tensor([[64, 96]]), [target])
    # The neighbours in the column overlap it by 3/5 and are people as well, at a distance of a quarter height.
    assert losses["proposal_person"].item() == pytest.approx(0.5 * math.log(2), rel=1e-5)
    shift = 0.25 - 0.5 / 9
    assert losses["proposal_box"].item() == pytest.approx(0.5 * 2 * shift / 3, rel=1e-4)


def test_sampling_keeps_the_share_of_people_and_adds_the_people_themselves() -> None:
    torch.manual_seed(0)
    target = make_target([[10.0, 10, 20, 40]], ignored=[[60.0, 0, 96, 64]])
    proposals = torch.cat([
        torch.tensor([[10.0, 10, 20, 39]]).repeat(30, 1), torch.tensor([[40.0, 10, 50, 40]]).repeat(30, 1),
        torch.tensor([[70.0, 10, 80, 40]]).repeat(30, 1),
    ])  # fmt: skip
    rois, matches = sample_regions([proposals], [target], count=20, share=0.25)
    assert len(rois[0]) == 20
    assert (matches[0] == 0).sum() == 5
    assert not (rois[0][:, 0] == 70).any()
    alone, matched = sample_regions([NONE], [target], count=20, share=0.25)
    assert alone[0].tolist() == [[10.0, 10.0, 20.0, 40.0]]
    assert matched[0].tolist() == [0]
    nothing, _ = sample_regions([NONE], [make_target()], count=20, share=0.25)
    assert nothing[0].shape == (0, 4)


def test_region_losses_by_hand() -> None:
    target = BoxTargets(torch.tensor([[10.0, 10, 20, 40]]), torch.tensor([0.5]), NONE)
    rois = [torch.tensor([[12.0, 10, 22, 40], [50, 10, 60, 40]])]
    losses = region_losses(torch.zeros(2, 2), torch.zeros(2, 4), rois, [torch.tensor([0, -1])], [target])
    assert losses["person"].item() == pytest.approx((0.5 + 1.0) * math.log(2) / 2, rel=1e-5)
    # The box lies a fifth of its width to the left: -0.2 * 10 in units of the coder.
    assert losses["box"].item() == pytest.approx(0.5 * (2.0 - 0.5 / 9) / 2, rel=1e-5)


def test_the_box_of_a_region_does_not_depend_on_the_class() -> None:
    penultimate, logits, deltas = RegionHead(12, size=3, hidden=10)(torch.randn(5, 12, 3, 3))
    assert (penultimate.shape, logits.shape, deltas.shape) == ((5, 10), (5, 2), (5, 4))
    assert (penultimate >= 0).all()


def test_the_losses_and_the_taps_speak_of_the_same_regions() -> None:
    detector = make_detector("faster_rcnn")
    taps = detector(make_images(), make_sizes(), targets=make_targets(), wants=frozenset({"penultimate"})).taps
    torch.testing.assert_close(detector.region_head(taps.regions)[0], taps.penultimate)
    assert all(len(boxes) <= 24 for boxes in taps.rois)


def test_regions_alone_leave_both_heads_alone() -> None:
    detector = make_detector("faster_rcnn")
    called: list[int] = []
    for head in (detector.proposals, detector.region_head):
        head.register_forward_hook(lambda *_: called.append(1))
    rois = tuple(target.boxes for target in make_targets())
    taps = detector(make_images(), make_sizes(), rois=rois, wants=frozenset({"regions"})).taps
    assert called == []
    assert taps.penultimate is None
    assert len(taps.regions) == 3


def test_anchor_scales_and_aspect_are_parameters() -> None:
    detector = make_detector("faster_rcnn", anchor_scales=[3.0, 5.0, 8.0], anchor_aspect=0.5)
    anchors = detector.cell_anchors()
    assert anchors is not None
    assert anchors[16].tolist()[0] == [-12.0, -24.0, 12.0, 24.0]
    taps = detector(make_images(), make_sizes(), wants=frozenset({"dense"})).taps
    assert taps.dense_logits[8].shape[1] == 3
