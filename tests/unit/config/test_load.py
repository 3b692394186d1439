"""Whole configurations: the page of the design loads, and all mistakes of a bad one are told at once."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field, model_validator

from pipeline.config.binding import ComponentTable, bind, check
from pipeline.config.graph import run_order
from pipeline.config.json_schema import json_schema
from pipeline.config.load import load_config
from pipeline.config.references import (
    ArtifactRefName,
    Component,
    Components,
    DataRef,
    ModelRef,
    marked_values,
    references,
)
from pipeline.config.schema import StageConfig, StrictModel
from pipeline.errors import ConfigError
from pipeline.stage import Stage


class Optimizer(StrictModel):
    rate: float = 1e-3
    name: Literal["adam", "sgd"] = "adam"


class PretrainConfig(StageConfig):
    train: ModelRef
    data: DataRef
    epochs: int = 60
    optimizer: Optimizer = Optimizer()


class DistilConfig(StageConfig):
    teacher: ArtifactRefName
    train: ModelRef
    source: DataRef | None = None
    target: DataRef
    rounds: int = 12
    objectives: Annotated[dict[str, dict[str, Any]], Components("objectives")] = Field(default_factory=dict)
    schedule: Annotated[dict[str, Any], Component("schedules")] = Field(default={"kind": "fixed"})


class EvaluateConfig(StageConfig):
    models: list[ArtifactRefName]
    data: DataRef
    index: str = "flat"


def kd(temperature: float = 4.0, *, sizes: tuple[int, int] = (1, 2), classes: int) -> None:
    """Stand for a constructor; `classes` comes from whoever builds it."""


class Relation:
    def __init__(self, power: Literal[1, 2] = 2) -> None:
        self.power = power


def folder(root: Path, split: str = "train") -> None:
    """Stand for a reader."""


def never(context: Any) -> Any:
    raise AssertionError("not run here")


STAGES = {
    "source_pretrain": Stage("source_pretrain", 1, PretrainConfig, ("best", "last"), never),
    "progressive_kd": Stage("progressive_kd", 1, DistilConfig, ("best",), never),
    "evaluate": Stage("evaluate", 1, EvaluateConfig, (), never),
}
TABLES = {
    "objectives": ComponentTable({"kd": kd, "relation": Relation}, {"weight": float}, ("classes",)),
    "schedules": ComponentTable({"fixed": lambda: None}),
    "data": ComponentTable({"image_folder": folder, "market1501": folder}),
    "pooling": ComponentTable({"gem": never, "avg": never}),
}

GOOD = """\
schema: 1
name: market-to-site
seed: 17
runtime: {amp: off}
data:
  source: {kind: market1501, root: data/market1501, split: train}
  target: {kind: image_folder, root: data/new_site}
models:
  big: {arch: timm/resnet50.a1_in1k, ibn: a, size: [256, 128]}
  small: {arch: timm/mobilenetv4_conv_small, embedding: 512, size: [256, 128]}
stages:
  score: {kind: evaluate, models: [pretrain.best, adapt.best], data: source}
  adapt:
    kind: progressive_kd
    teacher: pretrain.best
    train: small
    source: source
    target: target
    objectives: {kd: {temperature: 4}, relation: {weight: 1.0}}
  pretrain: {kind: source_pretrain, train: big, data: source, epochs: 60, optimizer: {rate: 3e-4}}
"""


def load(tmp_path: Path, text: str, *overrides: str) -> Any:
    (tmp_path / "run.yaml").write_text(text)
    return load_config(tmp_path / "run.yaml", overrides, STAGES, tables=TABLES)


def problems(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, *overrides)
    lines = str(caught.value).replace(f"{tmp_path}/", "").split("\n")
    return [line.strip() for line in (lines[1:] if len(lines) > 1 else lines)]


def test_a_good_configuration_is_typed(tmp_path):
    config = load(tmp_path, GOOD)
    assert config.runtime.amp == "off"
    assert config.stages["pretrain"].optimizer.rate == 3e-4
    assert config.models["big"].size == (256, 128)
    assert config.data["source"].arguments == {"root": "data/market1501", "split": "train"}
    assert run_order(config.stages) == ["pretrain", "adapt", "score"]


def test_the_stored_configuration_loads_to_the_same(tmp_path):
    from pipeline.config.strict_yaml import write_yaml

    config = load(tmp_path, GOOD)
    assert load(tmp_path, write_yaml(config.to_tree())) == config
    # Other programs read it by other rules, and must read the same.
    assert yaml.safe_load(write_yaml(config.to_tree())) == config.to_tree()


def test_all_mistakes_are_told_at_once_with_place_and_way_out(tmp_path):
    text = """\
schema: 1
name: bad
sede: 3
runtime: {amp: maybe, compile: off, workers: -1}
data:
  source: {kind: market1501, rot: data/market1501}
  other: {kind: marktet1501, root: x}
models:
  big: {arch: timm/resnet50, size: [256], embeding: 4, pooling: gme}
stages:
  pretrain: {kind: source_pretrian, train: big, data: source}
  first:
    kind: source_pretrain
    train: bog
    data: source
    epochs: "60"
    optimizer: {rate: true, nam: adam}
  adapt:
    kind: progressive_kd
    teacher: first.bst
    train: small
    target: targt
    objectives:
      kd: {temprature: 4.0, classes: 3, sizes: [1, x]}
      relatoin: {}
      relation: {power: 3, weight: high}
    schedule: {temperature: 3}
  score: {kind: evaluate, models: [adapt.best, third.best, adapt], data: source}
"""
    assert problems(tmp_path, text) == [
        "run.yaml:3: sede: unknown key; did you mean 'seed'?",
        "run.yaml:4: runtime.workers: -1: should be greater than or equal to 0",
        "run.yaml:4: runtime.amp: \"maybe\": should be 'off', 'bf16' or 'fp16'",
        'run.yaml:4: runtime.compile: "off": should be a valid boolean; off is a text here; write false',
        "run.yaml:6: data.source.root: required, but missing",
        "run.yaml:6: data.source.rot: unknown key; did you mean 'root'?",
        "run.yaml:7: data.other: unknown name 'marktet1501'; did you mean 'market1501'?",
        "run.yaml:9: models.big.size.1: required, but missing",
        "run.yaml:9: models.big.embeding: unknown key; did you mean 'embedding'?",
        "run.yaml:11: stages.pretrain.kind: unknown kind 'source_pretrian'; did you mean 'source_pretrain'?",
        'run.yaml:16: stages.first.epochs: "60": should be a valid integer',
        "run.yaml:17: stages.first.optimizer.rate: true: should be a valid number",
        "run.yaml:17: stages.first.optimizer.nam: unknown key; did you mean 'name'?",
        "run.yaml:20: stages.adapt.teacher: stage 'first' (source_pretrain) leaves no 'bst'; did you mean 'best'?",
        "run.yaml:21: stages.adapt.train: 'small' is not in models; known: big",
        "run.yaml:22: stages.adapt.target: 'targt' is not in data; known: other, source",
        'run.yaml:24: stages.adapt.objectives.kd.sizes.1: "x": should be a valid integer',
        "run.yaml:24: stages.adapt.objectives.kd.temprature: unknown key; did you mean 'temperature'?",
        "run.yaml:24: stages.adapt.objectives.kd.classes: unknown key; did you mean 'sizes'?",
        "run.yaml:25: stages.adapt.objectives.relatoin: unknown name 'relatoin'; did you mean 'relation'?",
        "run.yaml:26: stages.adapt.objectives.relation.power: 3: should be 1 or 2",
        'run.yaml:26: stages.adapt.objectives.relation.weight: "high": should be a valid number',
        "run.yaml:27: stages.adapt.schedule: a component needs a `kind`; known: fixed",
        "run.yaml:28: stages.score.models.1: there is no stage 'third'; known: adapt, first, pretrain, score",
        "run.yaml:28: stages.score.models.2: 'adapt' is not of the form stage.role; for example pretrain.best",
    ]


def test_stages_that_wait_for_each_other_are_a_circle(tmp_path):
    text = GOOD.replace(
        "stages:\n", "stages:\n  again: {kind: progressive_kd, teacher: adapt.best, train: small, target: target}\n"
    )
    text = text.replace("teacher: pretrain.best", "teacher: again.best")
    assert problems(tmp_path, text) == [
        "run.yaml:12: stages.again: stages wait for each other: again → adapt → again",
    ]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("stages.adpt.rounds=3", "--set stages.adpt.rounds=3: stages.adpt: unknown key; did you mean 'adapt'?"),
        ("stages.adapt.round=3", "--set stages.adapt.round=3: stages.adapt.round: unknown key; did you mean 'rounds'?"),
        ("runtme.device=cpu", "--set runtme.device=cpu: runtme: unknown key; did you mean 'runtime'?"),
        ("stages.adapt.rounds", "--set stages.adapt.rounds: not of the form a.b.c=value"),
        ("seed.x=1", "--set seed.x=1: seed: not a mapping; it has no keys below it; set it as a whole"),
        (
            "stages.adapt.objectives.kd.temprature=1",
            "--set stages.adapt.objectives.kd.temprature=1: stages.adapt.objectives.kd.temprature: unknown key; "
            "did you mean 'temperature'?",
        ),
        ("name=a/b", None),
    ],
)
def test_bad_overrides_name_themselves(tmp_path, override, line):
    found = problems(tmp_path, GOOD, override)
    assert len(found) == 1
    assert found[0] == line or (line is None and found[0].startswith("--set name=a/b: name: "))


def test_overrides_are_read_by_the_same_rules(tmp_path):
    config = load(
        tmp_path,
        GOOD,
        "runtime.device=cpu",
        "stages.pretrain.optimizer.rate=1e-5",
        "stages.adapt.objectives={kd: {weight: 2}}",
        "stages.adapt.source=null",
        "name=b=c".replace("b=c", "other"),
    )
    assert config.runtime.device == "cpu"
    assert config.stages["pretrain"].optimizer.rate == 1e-5
    assert config.stages["adapt"].objectives == {"kd": {"weight": 2}}
    assert config.stages["adapt"].source is None
    assert config.name == "other"


def test_extends_merges_deeply_and_keeps_the_origin_of_each_line(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD)
    (tmp_path / "child").mkdir()
    (tmp_path / "child/run.yaml").write_text(
        "extends: ../base.yaml\nname: child\n"
        "data: {target: {kind: market1501, root: other, split: all}, source: {split: test}}\n"
        "stages: {adapt: {rounds: 1}}\n"
    )
    config = load_config(tmp_path / "child/run.yaml", [], STAGES, tables=TABLES)
    assert (config.name, config.seed, config.stages["adapt"].rounds) == ("child", 17, 1)
    assert config.data["source"].arguments == {"root": "data/market1501", "split": "test"}
    (tmp_path / "child/run.yaml").write_text(
        "extends: ../base.yaml\nstages: {adapt: {round: 1}, pretrain: {epochs: x}}\n"
    )
    with pytest.raises(ConfigError, match=r"run.yaml:2: stages.adapt.round: unknown key; did you mean 'rounds'\?"):
        load_config(tmp_path / "child/run.yaml", [], STAGES)


def test_a_mapping_that_changes_its_kind_starts_afresh(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD.replace("root: data/new_site", "root: data/new_site, split: a"))
    (tmp_path / "child.yaml").write_text("extends: base.yaml\ndata: {target: {kind: market1501, root: x}}\n")
    config = load_config(tmp_path / "child.yaml", [], STAGES)
    assert config.data["target"].arguments == {"root": "x"}


def test_files_that_extend_each_other_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ConfigError, match=r"extend each other in a circle: a.yaml → b.yaml → a.yaml"):
        load_config(tmp_path / "a.yaml", [], STAGES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a mapping; a configuration begins with `schema: 1`"),
        ("schema: 2\nname: a\nstages: {}\n", "schema: 2: should be 1"),
        ("schema: 1\nname: a\n", "stages: required, but missing"),
        ("schema: 1\nname: a\nstages: []\n", "stages: should be a mapping from names to settings"),
        ("schema: 1\nname: a\nstages: {a.b: {kind: evaluate, models: [], data: d}}\n", "the name 'a.b'; a name is"),
        ("schema: 1\nname: a\nstages: {a: 3}\n", "stages.a: not a mapping; a stage has a `kind`"),
        ("schema: 1\nname: a\nstages: {a: {}}\n", "stages.a.kind: required, but missing; known: evaluate"),
    ],
)
def test_the_envelope(tmp_path, text, message):
    assert any(message in line for line in problems(tmp_path, text)), problems(tmp_path, text)


def test_an_absent_file_is_said_plainly(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: can't be read \(No such file or directory\); check the path"):
        load_config(tmp_path / "absent.yaml", [], STAGES)


def test_references_are_found_wherever_they_stand(tmp_path):
    class Inner(StrictModel):
        model: ModelRef

    class Deep(StageConfig):
        one: DataRef | None = None
        some: list[ArtifactRefName]
        named: dict[str, ArtifactRefName]
        pair: tuple[ModelRef, int]
        nested: dict[str, list[Inner]]

    config = Deep(kind="k", one="d", some=["a.b"], named={"x": "c.d"}, pair=("m", 1), nested={"y": [Inner(model="n")]})
    assert [(path, name) for path, _, name in references(config)] == [
        (("one",), "d"),
        (("some", 0), "a.b"),
        (("named", "x"), "c.d"),
        (("pair", 0), "m"),
        (("nested", "y", 0, "model"), "n"),
    ]
    assert next(marked_values(Deep(kind="k", pair=("q", 2), some=[], named={}, nested={}))).value == "q"


def test_bound_arguments_have_their_parameters_types():
    bound = bind(TABLES["objectives"], "kd", {"sizes": [3, 4], "weight": 2})
    assert bound.constructor is kd
    assert bound.arguments == {"sizes": (3, 4)}
    assert bound.extra == {"weight": 2.0}
    assert bind(TABLES["data"], "market1501", {"root": "x"}).arguments == {"root": Path("x")}


def test_one_component_can_stand_twice_under_names_of_ones_own(tmp_path):
    table = ComponentTable({"kd": kd, "relation": Relation}, {"weight": float, "use": str}, ("classes",))
    config = load(tmp_path, GOOD)
    adapt = config.stages["adapt"].model_copy(
        update={"objectives": {"mild": {"use": "kd", "temperature": 1}, "kd": {}, "wild": {"use": "relatoin"}}}
    )
    with pytest.raises(ConfigError, match=r"^stages.adapt.objectives.wild: unknown name 'relatoin'; did you mean"):
        check(config.model_copy(update={"stages": {"adapt": adapt}}), {"objectives": table})


def test_a_rule_between_settings_is_told_at_the_stage(tmp_path):
    class Either(PretrainConfig):
        @model_validator(mode="after")
        def _one(self) -> "Either":
            raise ValueError("give either epochs or steps")

    stages = {**STAGES, "source_pretrain": dataclasses.replace(STAGES["source_pretrain"], config_type=Either)}
    (tmp_path / "run.yaml").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"run.yaml:20: stages.pretrain: give either epochs or steps$"):
        load_config(tmp_path / "run.yaml", [], stages)


def test_check_works_without_a_file(tmp_path):
    config = load(tmp_path, GOOD)
    check(config, TABLES)
    with pytest.raises(ConfigError, match=r"\n  models.big.pooling: unknown name 'gem'; known: max\n"):
        check(config, {"pooling": ComponentTable({"max": never})})


def test_data_that_is_not_given_needs_no_root(tmp_path):
    text = GOOD.replace("root: data/new_site", "root: null, optional: true")
    assert not load(tmp_path, text).data["target"].is_given
    found = problems(tmp_path, GOOD.replace("root: data/new_site", "root: null"))
    assert len(found) == 1
    assert found == ["run.yaml:7: data.target.root: null: should be a folder; give it by --set data.target.root=FOLDER"]


def test_the_json_schema_knows_stages_and_components():
    schema = json_schema(STAGES, TABLES)
    stage = schema["$defs"]["stage progressive_kd"]
    assert stage["properties"]["kind"] == {"const": "progressive_kd"}
    assert set(stage["properties"]["objectives"]["properties"]["kd"]["properties"]) == {
        "temperature",
        "sizes",
        "weight",
    }
    assert schema["$defs"]["ModelConfig"]["properties"]["pooling"] == {"enum": ["avg", "gem"]}
    assert set(schema["$defs"]["data market1501"]["properties"]) == {"kind", "root", "from", "split", "optional"}
    json.dumps(schema)
