"""What a network sees of RGB pixels: golden values, geometry, and a model file that says it."""

import pytest
import torch

from pipeline import build
from pipeline.checkpoint import load_model, save_model
from pipeline.config.schema import ModelConfig
from pipeline.errors import ConfigError
from pipeline.models.sight import SIGHTS, grey, infrared

ENTRY = {"arch": "timm/resnet18", "size": [32, 16], "embedding": 8,
         "args": {"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]}}  # fmt: skip


def make_pixels(count=2, size=(32, 16)):
    return torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def make_network(sees):
    spec = build.model_spec(ModelConfig(**ENTRY, sees=sees))
    torch.manual_seed(0)
    return build.reid_model(**spec, num_classes=3).eval(), spec


def test_golden_luma():
    seen = grey(torch.tensor([51.0, 102.0, 153.0]).view(1, 3, 1, 1))
    assert seen.flatten().tolist() == pytest.approx([92.565] * 3)


def test_pixels_are_seen_one_by_one_as_in_a_loop():
    pixels = make_pixels().double() / 255.0
    for name, shares, power in (("grey", (0.299, 0.587, 0.114), 1.0), ("infrared", (0.7, 0.2, 0.1), 0.7)):
        seen = SIGHTS[name](pixels)
        for y, x in ((0, 0), (31, 15), (7, 3)):
            expected = sum(s * float(pixels[1, c, y, x]) for c, s in enumerate(shares)) ** power
            assert seen[1, :, y, x].tolist() == pytest.approx([expected] * 3)


def test_black_and_white_stay_and_flips_commute():
    for name, see in SIGHTS.items():
        assert torch.allclose(see(torch.ones(1, 3, 2, 2)), torch.ones(1, 3, 2, 2)), name
        assert not see(torch.zeros(1, 3, 2, 2)).any(), name
        pixels = make_pixels().float() / 255.0
        torch.testing.assert_close(see(pixels.flip(3)), see(pixels).flip(3))
    assert bool((infrared(pixels) >= 0).all())


@pytest.mark.parametrize("sees", ["grey", "infrared"])
def test_the_file_of_a_network_says_what_it_sees(sees, tmp_path):
    network, spec = make_network(sees)
    save_model(tmp_path / "model.safetensors", network, spec=spec)
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.spec["sees"] == sees
    pixels = make_pixels()
    torch.testing.assert_close(loaded.model.embed(pixels), network.embed(pixels))
    colour, _ = make_network("rgb")
    colour.load_state_dict(network.state_dict())
    assert not torch.allclose(colour.embed(pixels), network.embed(pixels))
    with pytest.raises(ConfigError, match=f"init has sees {sees}"):
        loaded.check_spec(make_network("rgb")[1], wanted="small")


def test_colours_of_one_luma_look_alike_to_a_network_that_sees_grey():
    network, _ = make_network("grey")
    pixels = make_pixels().float()
    torch.testing.assert_close(network.embed(pixels), network.embed(grey(pixels)), rtol=1e-4, atol=1e-5)


def test_a_file_without_a_word_of_it_sees_rgb(tmp_path):
    network, spec = make_network("rgb")
    save_model(tmp_path / "old.safetensors", network, spec={k: v for k, v in spec.items() if k != "sees"})
    load_model(tmp_path / "old.safetensors").check_spec(spec, wanted="small")
