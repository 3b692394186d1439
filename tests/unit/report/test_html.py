import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from pipeline.plan import PlannedStage, write_plan
from pipeline.report.html import duration, write_report
from pipeline.report.page_provenance import semantics_section
from pipeline.report.run_files import read_run
from tests.unit.report.make_run import edit_json, make_evaluation, make_run, make_stage

VOID = {"meta", "img", "br", "!doctype"}


class Structure(HTMLParser):
    """Checks nesting and collects text and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.texts, self.attributes, self.tags = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def read(path) -> tuple[Structure, str]:
    structure = Structure()
    structure.feed(path.read_text(encoding="utf-8"))
    assert structure.open == []
    return structure, "".join(structure.texts)


def test_page_tells_what_was_gained(tmp_path):
    structure, text = read(write_report(make_run(tmp_path)))
    assert "from 31.2\u00a0% to 46.3\u00a0% mAP on the target" in text
    assert "58 % of the way" in text
    assert "read no label of the target" in text
    assert "Round 5 lost 80 % of its clusters" in text
    assert "average precision of the ranked gallery" in text
    assert "python tools/run.py configs/quickstart.yaml --set 'name=my run'" in text
    assert structure.tags.count("section") == 9


def test_page_asks_for_nothing_from_outside(tmp_path):
    structure, _ = read(write_report(make_run(tmp_path)))
    links = [value for name, value in structure.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert all(value.startswith(("data:image/", "#")) for value in links)
    assert not {"script", "link", "iframe", "object", "form"} & set(structure.tags)
    assert not re.search(r"url\(|@import", (tmp_path / "quickstart" / "report.html").read_text())


def test_same_run_gives_the_same_bytes(tmp_path):
    run = make_run(tmp_path)
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_text_from_files_is_never_markup(tmp_path):
    evil = '<script>alert("x")</script>'
    run = make_run(tmp_path, logs=False)
    score = run / "score" / "a0001"
    row = {"model": evil, "role": evil, "domain": "target", "mAP": 0.5, "cmc": {evil: 0.1, "1": 0.2}, "input": [evil]}
    edit_json(score / "summary.json", {"rows": [row], "notes": [evil], "semantics": {evil: evil}})
    strip = {"query": evil, "query_label": evil, "results": [{"thumb": f'x" onerror="{evil}', "correct": evil}]}
    (score / "strips.json").write_text(json.dumps({evil: [strip]}))
    edit_json(score / "manifest.json", {"run": {"command": evil, "host": evil}, "data": {evil: {"digest": evil}}})
    events = [{"event": "step", "step": 1, "loss": 1.0, "terms": {evil: 1.0}}, {"event": "collapse", "note": evil}]
    make_stage(run, "adapt", outputs=(evil,), events=events)
    edit_config = yaml.safe_load((run / "config.yaml").read_text()) | {"name": evil}
    (run / "config.yaml").write_text(yaml.safe_dump(edit_config))
    structure, text = read(write_report(run))
    assert "script" not in structure.tags
    assert not [name for name, _ in structure.attributes if name.startswith("on")]
    assert evil in text


def test_missing_ceiling_is_stated(tmp_path):
    run = make_run(tmp_path, roles=("student_direct", "student_adapted"), pictures=False, logs=False)
    _, text = read(write_report(run))
    assert "no supervised student was evaluated on the target" in text
    assert "No retrieval strips" in text
    assert "No evaluation has left an embedding map" in text
    assert "ceiling: The stage has not been run." in text


def test_a_loss_is_called_a_loss(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    rows = json.loads((run / "score" / "a0001" / "summary.json").read_text())["rows"]
    rows[3] |= {"mAP": 0.2, "mAP_interval": [0.15, 0.3]}
    edit_json(run / "score" / "a0001" / "summary.json", {"rows": rows})
    _, text = read(write_report(run))
    assert "Adaptation did not help" in text
    assert "intervals overlap" in text


def test_labels_that_were_read_are_not_denied(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    edit_json(run / "adapt" / "a0001" / "manifest.json", {"data": {"target": {"labels_read": True}}})
    _, text = read(write_report(run))
    assert "read no label" not in text


def test_run_with_nothing_done_is_a_page_too(tmp_path):
    config = {"name": "fresh", "stages": {"pretrain": {"kind": "source_pretrain"}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    _, text = read(write_report(tmp_path))
    assert "No adapted student has been evaluated" in text
    assert "0 of 1 stages done" in text


@pytest.mark.parametrize("name", ["summary.json", "strips.json", "embedding_map.npz", "metrics.jsonl", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"\x80\x00\xff", b"[]", b"{}", b'{"rows": 3, "person_ids": 1}'])
def test_damaged_files_do_not_stop_the_report(tmp_path, name, content):
    run = make_run(tmp_path, roles=("student_direct",), pictures=False, logs=False)
    (run / "score" / "a0001" / name).write_bytes(content)
    read(write_report(run))


def test_arrays_that_do_not_fit_are_refused_in_words(tmp_path):
    run = make_run(tmp_path, logs=False)
    arrays = {"person_ids": np.zeros(3, int), "camera_ids": np.zeros(3, int), "student_direct_xy": np.zeros((4, 2))}
    np.savez(run / "score" / "a0001" / "embedding_map.npz", **arrays)
    _, text = read(write_report(run))
    assert "student_direct_xy does not fit 3 crops" in text


def test_pickled_arrays_are_never_opened(tmp_path):
    run = make_run(tmp_path, logs=False)
    np.savez(run / "score" / "a0001" / "embedding_map.npz", person_ids=np.array([{}], dtype=object))
    _, text = read(write_report(run))
    assert "cannot be drawn" in text


def test_cameras_may_have_names(tmp_path):
    run = make_run(tmp_path, logs=False)
    path = run / "score" / "a0001" / "embedding_map.npz"
    arrays = dict(np.load(path))
    arrays["camera_ids"] = np.array(["lobby", "street"])[arrays["camera_ids"] % 2]
    np.savez(path, **arrays)
    _, text = read(write_report(run))
    assert "cannot be drawn" not in text


def test_current_that_names_no_attempt_becomes_a_note(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    (run / "adapt" / "CURRENT").write_text("../../etc\n")
    _, text = read(write_report(run))
    assert "adapt: file CURRENT holds" in text


def test_failed_newest_attempt_becomes_a_note(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    failed = run / "adapt" / "a0002"
    failed.mkdir()
    (failed / "failure.json").write_text(json.dumps({"message": "loss kd is not finite"}))
    _, text = read(write_report(run))
    assert "The newest attempt a0002 failed: loss kd is not finite" in text


def test_skipped_stage_says_why_and_its_old_results_are_left_out(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    reason = "data.probe has no root; set data.probe.root"
    write_plan(run / "plan.json", (PlannedStage("score", "evaluate", skipped=reason),))
    _, text = read(write_report(run))
    assert f"score: The stage is skipped: {reason}." in text
    assert "No adapted student has been evaluated on the target" in text


def test_results_of_other_settings_are_called_out_of_date(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    write_plan(run / "plan.json", (PlannedStage("score", "evaluate", identity={"config": {"index": "ivf"}}),))
    edit_json(run / "score" / "a0001" / "manifest.json", {"identity": {"config": {"index": "flat"}}})
    _, text = read(write_report(run))
    assert 'score: Out of date (index "flat" → "ivf"); run the configuration again.' in text


def test_stage_that_the_configuration_dropped_is_left_out(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    make_evaluation(run, "renamed", roles=("student_adapted",), domain="target", kind="evaluate")
    _, text = read(write_report(run))
    assert "renamed: Left out" in text
    assert "stage renamed" not in text


def test_stages_that_read_each_other_still_give_a_page(tmp_path):
    run = tmp_path / "run"
    make_stage(run, "a", kind="x", inputs=("b.best",), outputs=("best",))
    make_stage(run, "b", kind="x", inputs=("a.best",), outputs=("best",))
    make_evaluation(run, "score", roles=("student_adapted",), domain="target")
    read(write_report(run))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (90, "2 min"), (3599, "1 h 0 min"), (5400, "1 h 30 min")]
)
def test_durations_have_two_units(seconds, text):
    assert duration(seconds) == text


def test_rules_that_differ_say_whose_they_are(tmp_path):
    run = read_run(make_run(tmp_path))
    rules = [{"cameras": "same camera is junk"}, {"cameras": "unknown"}]
    stages = [replace(next(run.done()), name=f"score{i}", summary={"semantics": rule}) for i, rule in enumerate(rules)]
    text = semantics_section(replace(run, stages=tuple(stages)))
    assert "score0: same camera is junk" in str(text)
    assert "score1: unknown" in str(text)
