"""One student for two targets: every mode runs, resumes, hands over the cameras of both, and refuses what cannot be."""

import pytest
import torch

from pipeline.checkpoint import load_model
from pipeline.errors import ConfigError
from pipeline.interruption import RunInterrupted
from pipeline.report.html import write_report
from tests.smoke.tiny import BATCH, PEOPLE, attempt_of, make_config, make_tree, manifest_of, rows_of, run_tree
from tests.smoke.tiny import weights_of as digests_of
from tests.unit.report.test_html import read

WAYS = [("joint", True), ("two_stage", True), ("mt_mtda", True), ("joint", False)]


def make_targets(**together):
    """Return a run with two targets whose cameras have the same names, and an evaluation at each."""
    tree = make_tree()
    adaptation = {key: value for key, value in tree["stages"]["adapt"].items() if key not in ("teacher", "target")}
    stages = {name: tree["stages"][name] for name in ("pretrain", "direct")}
    for name, domain in (("station", "winter_station"), ("street", "night_street")):
        tree["data"][name] = {"kind": "world", "domain": domain, **PEOPLE}
        tree["data"][f"{name}_probe"] = {**tree["data"][name], "split": "query_gallery"}
        models = {"student_direct": "direct.best", "student_adapted": "together.best"}
        stages[f"score_{name}"] = {"kind": "evaluate", "data": f"{name}_probe", "domain": name, "models": models}
    stages["together"] = {
        **adaptation, "kind": "multi_target_kd", "targets": ["station", "street"],
        "teachers": {"station": "pretrain.best", "street": "pretrain.best"}, **together,
    }  # fmt: skip
    return {**tree, "stages": stages}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One run folder for all modes, so that the networks before adaptation are trained once."""
    return tmp_path_factory.mktemp("targets") / "run"


@pytest.mark.parametrize(
    ("mode", "learns"), [("joint", True), ("two_stage", True), ("mt_mtda", True), ("joint", False)]
)
def test_a_mode_runs(mode, learns, folder):
    run_tree(make_targets(mode=mode, teacher_learns=learns), folder)
    manifest, attempt = manifest_of(folder, "together"), attempt_of(folder, "together")
    assert set(manifest["outputs"]) == {"best", "last"}
    assert {name: data["labels_read"] for name, data in manifest["data"].items()} == {
        "source": True, "station": False, "street": False,
    }  # fmt: skip
    before = load_model(attempt_of(folder, "direct") / "best.safetensors").model.state_dict()
    after = load_model(attempt / "last.safetensors")
    assert not all(torch.equal(before[name], value) for name, value in after.model.state_dict().items())
    terms = {name for row in rows_of(folder, "together", "step") for name in row["terms"]}
    players = {".".join(name.split(".")[:2]) for name in terms}
    teachers = {"station.teacher", "street.teacher"} if learns else set()
    assert players == {"station.student", "street.student", *teachers}
    rounds = rows_of(folder, "together", "round")
    assert all(row["targets"].keys() == {"station", "street"} for row in rounds)
    record = load_model(attempt / "best.safetensors").match
    assert {e.data for e in record.evidence} <= {"source", "station + street"}
    assert manifest["metrics"]["match"] == {"best": record.summary(is_standardised=after.cameras is not None)}
    scores = [own["selection"] for own in rounds[0]["targets"].values()]
    assert rounds[0]["selection"] == pytest.approx(sum(scores) / 2)
    if mode == "mt_mtda":
        assert after.cameras is None
        assert {"station.student.across.gradient_reversal", "street.teacher.across.gradient_reversal"} <= terms
        assert rounds[0]["beta"] == pytest.approx(0.1)
    else:
        names = after.cameras.names
        assert names == tuple(f"{site}/{camera}" for site in ("station", "street") for camera in ("1", "2", "3"))
        assert manifest_of(folder, "score_street")["metrics"]["notes"] == []


def test_a_stopped_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    tree = make_targets(init=None)
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    for after in (1, 4):
        folder = tmp_path / f"stopped{after}"
        with monkeypatch.context() as patch:
            stop_after(patch, after)
            with pytest.raises(RunInterrupted):
                run_tree(tree, folder)
        run_tree(tree, folder)
        assert manifest_of(folder, "together")["run"]["continued"]
        assert digests_of(folder, "together") == digests_of(tmp_path / "whole", "together")


def stop_after(patch, steps):
    """Interrupt the adaptation after so many steps."""
    from pipeline.training.multi_target import MultiTargetTask

    original, done = MultiTargetTask.step, []

    def step(self, batches, number):
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(number)
        return original(self, batches, number)

    patch.setattr(MultiTargetTask, "step", step)


def test_an_evaluation_that_does_not_say_where_it_looks_is_told(folder):
    tree = make_targets()
    tree["stages"]["score_street"] = {**tree["stages"]["score_street"], "domain": "target"}
    run_tree(tree, folder)
    (note,) = manifest_of(folder, "score_street")["metrics"]["notes"]
    assert note.endswith("cameras of these names were adapted to at station, street: set domain to one of them")


def test_the_report_speaks_of_all_targets(folder):
    run_tree(make_targets(), folder)
    _, text = read(write_report(folder))
    assert "on average over 2 targets" in text
    assert "Re-ID on the station" in text
    assert "Re-ID on the street" in text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"targets": ["station", "street", "station"]}, "targets names station twice; name each target once"),
        ({"targets": ["station"]}, "progressive_kd adapts to a single one"),
        ({"targets": ["station", "source"]}, "source is the source and a target"),
        ({"teachers": {"station": "pretrain.best"}}, "teachers has none for street; name the artifact"),
        ({"targets": ["station", "target"]}, "teachers has none for target"),
        (
            {"teachers": {name: "pretrain.best" for name in ("station", "street", "target")}},
            "teachers names target, which targets does not",
        ),
        ({"teacher_learns": False, "teacher_objectives": {"mmd": {}}}, "does nothing with teacher_learns: false"),
        ({"teachers": {"station": "pretrain.bset", "street": "pretrain.best"}}, "leaves no 'bset'"),
        ({"teacher_objectives": {"kd": {}}}, "the teacher's kd would hear the student"),
        ({"mode": "mt_mtda", "objectives": {"cross_entropy": {"on": ["source", "target"]}}}, "cross_entropy"),
        ({"teachers": {"station": "adapt.route", "street": "pretrain.best"}}, "adapt.route is a route"),
        ({"mode": "two_stage", "beta": {"end": 0.5}}, "beta does nothing where no step is shared"),
        ({"teacher_learns": False, "beta": {"end": 0.5}}, "beta does nothing where no step is shared"),
        ({"mode": "as_published"}, "mt_mtda"),
        ({"criterion": "best"}, "worst"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(settings, sentence):
    with pytest.raises(ConfigError) as caught:
        make_config(make_targets(**settings))
    assert sentence in str(caught.value)
    assert "together" in str(caught.value)


def test_a_target_may_not_be_called_source():
    tree = make_targets(source="target", targets=["station", "source"])
    tree["stages"]["together"]["teachers"] = {"station": "pretrain.best", "source": "pretrain.best"}
    with pytest.raises(ConfigError, match="a target cannot be called source"):
        make_config(tree)


def test_networks_of_several_teachers_may_differ(tmp_path):
    tree = make_targets(teachers={"station": "pretrain.best", "street": "direct.best"}, init=None, rounds=1, steps=1)
    tree["stages"]["together"]["source_batch"] = {**BATCH, "identities": 2}
    run_tree({**tree, "stages": {name: tree["stages"][name] for name in ("pretrain", "direct", "together")}},
             tmp_path / "run")  # fmt: skip
    assert set(manifest_of(tmp_path / "run", "together")["inputs"]) == {"pretrain.best", "direct.best"}
