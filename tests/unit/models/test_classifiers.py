"""Plain classifiers: the CIFAR networks, and the head without a BNNeck."""

import pytest
import torch

from pipeline import build
from pipeline.checkpoint import load_model, save_model
from pipeline.checkpoint_file import check_spec
from pipeline.config.schema import ModelConfig
from pipeline.errors import ConfigError
from pipeline.models.cifar_resnet import CIFAR_RESNETS, CifarResNet
from pipeline.models.plain_neck import PlainNeck, make_neck
from pipeline.models.trunks import build_trunk


def make_config(**changes) -> ModelConfig:
    settings = {"arch": "cifar/resnet8", "size": (8, 8), "neck": "none", "embedding": None, "pooling": "average"}
    return ModelConfig(**{**settings, "args": {"widths": [4, 4, 6, 8]}, **changes})


def make_model(**changes):
    torch.manual_seed(0)
    return build.reid_model(**build.model_spec(make_config(**changes)), num_classes=3)


# Known sizes with 100 classes: those of the papers' tables.
@pytest.mark.parametrize(
    ("arch", "parameters"),
    [("resnet20", 278_324), ("resnet56", 861_620), ("resnet8x4", 1_233_540), ("resnet32x4", 7_433_860)],
)
def test_networks_have_their_published_sizes(arch, parameters):
    trunk = build_trunk(f"cifar/{arch}")
    total = sum(p.numel() for p in trunk.parameters()) + (trunk.num_features + 1) * 100
    assert total == parameters


@pytest.mark.parametrize("arch", [name for name in CIFAR_RESNETS if "8" in name])
def test_maps_are_a_quarter_of_the_image(arch):
    assert build_trunk(arch)(torch.zeros(2, 3, 32, 32)).shape[2:] == (8, 8)


def test_maps_have_canonical_names():
    model = make_model()
    assert {k: model.shape.maps[k] for k in ("stage1", "stage2", "stage3", "last")} == {
        "stage1": 4, "stage2": 6, "stage3": 8, "last": 8,
    }  # fmt: skip
    taps = model(torch.zeros(2, 3, 8, 8), taps=("stage2", "last"))
    assert taps.maps["stage2"].shape == (2, 6, 4, 4)
    assert taps.maps["last"].shape == (2, 8, 2, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        {"pretrained": True},
        {"ibn": "a"},
        {"args": {"depth": 8}},
        {"args": {"widths": [4, 4]}},
        {"args": {"widths": "wide"}},
        {"last_stride": 3},
    ],
)
def test_what_a_cifar_network_does_not_have_is_refused(arguments):
    with pytest.raises(ConfigError):
        build_trunk("cifar/resnet8", **arguments)


def test_a_depth_that_is_none_and_a_mistyped_name_are_refused():
    with pytest.raises(ConfigError, match="6 n \\+ 2"):
        CifarResNet(depth=10)
    with pytest.raises(ConfigError, match="cifar/resnet32x4"):
        build_trunk("cifar/resnet32x5")


def test_both_embeddings_of_a_classifier_are_one_and_logits_are_linear_in_it():
    model = make_model().eval()
    taps = model(torch.randint(0, 256, (4, 3, 8, 8)).float())
    assert torch.equal(taps.embedding, taps.bn_embedding)
    head = model.neck.classifier
    assert torch.allclose(taps.logits, taps.embedding @ head.weight.T + head.bias)
    assert torch.allclose(model.embed(torch.zeros(1, 3, 8, 8)).norm(), torch.tensor(1.0))


def test_a_projection_and_another_number_of_classes():
    neck = PlainNeck(8, embedding=5, num_classes=3)
    assert neck.classifier.weight.shape == (3, 5)
    neck.reset_classifier(7)
    assert neck(torch.zeros(2, 8))[2].shape == (2, 7)
    neck.reset_classifier(None)
    assert neck(torch.zeros(2, 8))[2] is None


def test_an_unknown_neck_is_refused():
    with pytest.raises(ConfigError, match="bnneck, none"):
        make_neck("nome", 4, embedding=None, num_classes=2)


def test_a_file_says_which_head_it_holds(tmp_path):
    model = make_model()
    spec = build.model_spec(make_config())
    save_model(tmp_path / "m.safetensors", model, spec=spec, meta={"classes": ["a", "b", "c"]})
    loaded = load_model(tmp_path / "m.safetensors")
    assert isinstance(loaded.model.neck, PlainNeck)
    images = torch.randint(0, 256, (2, 3, 8, 8)).float()
    assert torch.equal(loaded.model(images).logits, model.eval()(images).logits)
    loaded.check_spec(spec, wanted="small")
    with pytest.raises(ConfigError, match="neck"):
        loaded.check_spec({**spec, "neck": "bnneck"}, wanted="small")


def test_a_file_that_does_not_say_it_holds_a_bnneck():
    check_spec({"arch": "x"}, {"arch": "x", "neck": "bnneck"}, wanted="small")
    with pytest.raises(ConfigError, match="neck bnneck"):
        check_spec({"arch": "x"}, {"arch": "x", "neck": "none"}, wanted="small")


def test_a_classifier_keeps_the_strides_of_its_trunk():
    settings = {"arch": "timm/resnet18", "size": (64, 64), "args": {"channels": [4, 4, 8, 8]}}
    maps = [make_model(**settings, neck=neck).trunk(torch.zeros(1, 3, 64, 64)) for neck in ("none", "bnneck")]
    assert [value.shape[-1] for value in maps] == [2, 4]
