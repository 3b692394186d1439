"""From names in a configuration to objects, and the sentences where that is impossible."""

import pytest
import torch

from pipeline import build
from pipeline.config.schema import DataConfig, ModelConfig, RuntimeConfig
from pipeline.errors import ConfigError
from pipeline.types import NetworkShape
from tests.smoke.tiny import write_crops

WORLD = {"kind": "world", "domain": "sunny_plaza", "identities": 2, "cameras": 2, "shots": 2, "size": [32, 16]}
SHAPE = NetworkShape(width=4, num_classes=3, maps={"stage1": 4, "stage2": 8, "last": 8, "layer2": 8})


def test_training_data_loses_its_labels_where_none_may_be_read():
    data = DataConfig(**WORLD)
    assert build.reid_data(data, labelled=True).is_labelled
    hidden = build.reid_data(data, labelled=False)
    assert {sample.person_id for sample in hidden.samples} == {None}
    assert hidden.digest == build.data_digest(data)


def test_probes_and_training_data_are_told_apart():
    probe = DataConfig(**WORLD, split="query_gallery")
    with pytest.raises(ConfigError, match="data of kind world with query and gallery; expected crops to train on"):
        build.reid_data(probe, labelled=True)
    with pytest.raises(ConfigError, match="is training data; expected split: query_gallery"):
        build.reid_probe(DataConfig(**WORLD))
    assert len(build.reid_probe(probe).query) > 0


def test_unlabelled_data_is_not_trained_on_with_labels(tmp_path):
    write_crops(tmp_path, ["a.png", "b.png"])
    with pytest.raises(ConfigError, match=f"data {tmp_path.name} has no person ids; expected labelled crops"):
        build.reid_data(DataConfig(kind="image_folder", root=str(tmp_path)), labelled=True)


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert build.device(RuntimeConfig()) == torch.device("cpu")
    with pytest.raises(ConfigError, match=r"runtime\.device is cuda; expected a CUDA device"):
        build.device(RuntimeConfig(device="cuda"))


def test_a_spec_builds_the_same_network_twice():
    config = ModelConfig(arch="timm/resnet18", size=(32, 16), embedding=8, args={"channels": [4, 4, 8, 8]})
    spec = build.model_spec(config)
    assert len(spec["mean"]) == len(spec["std"]) == 3
    models = []
    for _ in range(2):
        build.seed_everything(5)
        models.append(build.reid_model(**spec, num_classes=3))
    one, other = (model.state_dict() for model in models)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert models[0].size == (32, 16)


def test_terms_stand_on_their_usual_domains():
    terms = {"cross_entropy": {}, "kd": {}, "relation": {}, "centroid_contrast": {}, "mmd": {}, "gradient_reversal": {}}
    found = {term.name: term.on for term in build.objectives(terms, student=SHAPE, teacher=SHAPE).terms}
    assert found == {
        "cross_entropy": ("source",), "kd": ("source", "target"), "relation": ("target",),
        "centroid_contrast": ("target",), "mmd": ("across",), "gradient_reversal": ("across",),
    }  # fmt: skip


def test_shapes_are_given_to_the_terms_that_ask_for_them():
    teacher = NetworkShape(width=6, num_classes=3, maps={"stage2": 16})
    terms = {"fitnets": {"layers": ["stage2"]}, "gradient_reversal": {}}
    modules = build.objectives(terms, student=SHAPE, teacher=teacher).modules()
    assert modules["fitnets"].regressors[0].weight.shape[:2] == (16, 8)
    assert modules["gradient_reversal"].discriminator.layers[0].in_features == 4


@pytest.mark.parametrize("name", ["fitnets", "attention_transfer", "sp"])
def test_a_map_that_one_network_lacks_is_refused_with_what_there_is(name):
    setting = {"tap": "stage3"} if name == "sp" else {"layers": ["stage3"]}
    other = NetworkShape(width=4, num_classes=3, maps={"stage3": 8, "last": 8})
    with pytest.raises(ConfigError, match=f"{name} reads the map 'stage3', which the student does not have; "
                                          "expected one of stage1, stage2, last, or a module name"):  # fmt: skip
        build.objectives({name: setting}, student=SHAPE, teacher=other)
    with pytest.raises(ConfigError, match=f"{name} reads the map 'stage3', which the teacher does not have"):
        build.objectives({name: setting}, student=other, teacher=SHAPE)


def test_teachers_without_maps_are_told_apart():
    shape = NetworkShape(width=8, num_classes=3, maps={})
    with pytest.raises(ConfigError, match="which the teacher does not have; expected objectives on logits"):
        build.objectives({"fitnets": {"layers": ["stage2"]}}, student=SHAPE, teacher=shape)


@pytest.mark.parametrize("name", ["fitnets", "attention_transfer", "kr_approx"])
def test_the_inside_of_a_teacher_needs_one(name):
    shape = NetworkShape(width=4, num_classes=3, maps={f"stage{i}": 4 for i in (1, 2, 3)})
    with pytest.raises(ConfigError, match=r"objective mine compares .* no teacher is heard here.*Take mine out"):
        build.objectives({"mine": {"use": name}}, student=shape, teacher=None)


def test_a_term_on_weights_stands_on_one_domain():
    with pytest.raises(ConfigError, match="objective kr_approx on source and target; expected one of them"):
        build.objectives({"kr_approx": {"on": ["source", "target"]}}, student=SHAPE, teacher=SHAPE)


def test_threads_are_limited_where_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    build.limit_threads(RuntimeConfig())
    build.limit_threads(RuntimeConfig(threads=3))
    assert asked == [3]
