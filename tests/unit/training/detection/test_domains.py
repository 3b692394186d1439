"""One detector with batch-norm statistics of each domain."""

import torch

from datasets.world.frames.reader import read_world_frames
from pipeline import build
from pipeline.checkpoint import load_detector, save_detector
from pipeline.training.detection.domains import on_other_frames, plain, speak_for, spread_evenly, with_domains
from tests.smoke.tiny import make_config
from tests.smoke.tiny_streets import make_street_tree

SIZE = (64, 96)


def make_spec():
    return build.model_spec(make_config(make_street_tree()).models["small_detector"])


def make_frames():
    return build.frame_dataset(read_world_frames("night_street", 1, cameras=1, frames=4, size=SIZE), size=SIZE)


def said(model):
    torch.manual_seed(1)
    images = torch.randint(0, 256, (1, 3, *SIZE), dtype=torch.uint8)
    with torch.no_grad():
        return model.eval()(images, torch.tensor([SIZE]), wants=frozenset({"dense"})).taps.dense_logits[8]


def test_each_domain_answers_with_its_own_statistics():
    torch.manual_seed(0)
    model = build.detector(**make_spec()).eval()
    source, target = said(model), said(on_other_frames(model, make_frames(), count=4))
    assert not torch.allclose(source, target)
    both = with_domains(model, make_frames(), count=4)
    torch.testing.assert_close(said(speak_for(both, "source")), source)
    torch.testing.assert_close(said(speak_for(both, "target")), target)
    torch.testing.assert_close(said(plain(both, "target")), target)
    torch.testing.assert_close(said(plain(both, "source")), source)


def test_a_plain_detector_has_one_voice():
    model = build.detector(**make_spec()).eval()
    assert speak_for(model, "target") is model
    assert plain(model, "target") is model


def test_a_file_holds_the_statistics_of_both(tmp_path):
    both = with_domains(build.detector(**make_spec()).eval(), make_frames(), count=4)
    spec, path = make_spec(), tmp_path / "a.safetensors"
    save_detector(path, plain(both, "target"), spec=spec, other_statistics={"source": plain(both, "source")})
    torch.testing.assert_close(said(load_detector(path).model), said(speak_for(both, "target")))
    torch.testing.assert_close(said(load_detector(path, domain="target").model), said(speak_for(both, "target")))
    torch.testing.assert_close(said(load_detector(path, domain="source").model), said(speak_for(both, "source")))


def test_positions_are_spread_over_the_whole_listing():
    assert spread_evenly(10, 3).tolist() == [0, 4, 9]
    assert spread_evenly(2, 5).tolist() == [0, 1]
    assert spread_evenly(1, 1).tolist() == [0]
