import json

import numpy as np
import pytest

from pipeline.report.collect import collect, format_table
from pipeline.report.html import write_report
from pipeline.report.page_frames import read_marks
from pipeline.report.page_rounds import curves_of
from pipeline.report.page_training import group_terms
from pipeline.report.stage_files import StageFiles
from tests.unit.report.make_detection_run import SCORES, make_detection_row, make_detection_run, make_drawn_frames
from tests.unit.report.make_run import edit_json, make_run
from tests.unit.report.test_html import read


def evaluation(run):
    return run / "count" / "a0001"


def test_page_of_detectors_tells_what_was_gained(tmp_path):
    structure, text = read(write_report(make_detection_run(tmp_path / "streets")))
    assert "The small detector’s miss rate fell from 62.1\u00a0% to 43.1\u00a0% on the target." in text
    assert "That is 75 % of the way to the same detector trained on labels of the target (by AP50: 69 %)." in text
    assert "The adaptation read no label of the target." in text
    assert "62.1\u00a0→\u00a043.1" in text
    assert "6.8 times fewer than the teacher" in text
    assert "visible share [0.2, inf)" in text
    assert "student pyramid" in text
    assert "Retrieval" not in text
    assert structure.tags.count("section") == 9


def test_both_halves_share_one_page(tmp_path):
    run = make_detection_run(make_run(tmp_path, logs=False), logs=False)
    structure, text = read(write_report(run))
    assert "mAP on the target." in text
    assert "miss rate fell" in text
    assert structure.tags.count("section") == 11
    assert {"#strips", "#frames"} <= {value for name, value in structure.attributes if name == "href"}


def test_miss_rate_that_rises_is_called_a_loss(tmp_path):
    run = make_detection_run(tmp_path / "streets", logs=False, pictures=False)
    rows = [make_detection_row("student_direct"), {**make_detection_row("student_adapted"), "mr2": 0.7}]
    edit_json(evaluation(run) / "summary.json", {"rows": rows})
    _, text = read(write_report(run))
    assert "Adaptation did not help: the small detector’s miss rate went from 62.1\u00a0% to 70.0\u00a0%" in text
    edit_json(evaluation(run) / "summary.json", {"rows": rows[1:]})
    _, text = read(write_report(run))
    assert "The adapted detector’s miss rate is 70.0 % on the target; there is nothing to compare it with." in text


def test_labels_read_by_another_detector_stage_do_not_matter(tmp_path):
    run = make_detection_run(tmp_path / "streets", logs=False, pictures=False)
    labels = {"data": {"night": {"labels_read": True}}}
    edit_json(run / "follow_pyramid" / "a0001" / "manifest.json", labels)
    assert "read no label" in read(write_report(run))[1]
    edit_json(run / "follow" / "a0001" / "manifest.json", labels)
    assert "read no label" not in read(write_report(run))[1]


def test_gap_by_miss_rate_counts_downwards(tmp_path):
    run = make_detection_run(tmp_path / "streets", logs=False, pictures=False)
    results = collect(run)
    assert results["gap_closed_mr2"] == pytest.approx((0.621 - 0.431) / (0.621 - 0.366))
    assert results["gap_closed"]["detection"] == pytest.approx((0.585 - 0.412) / (0.662 - 0.412))
    first = results["detection"][0]
    assert list(first)[:8] == ["model", "role", "domain", "ap50", "ap", "mr2", "params", "macs"]
    assert (first["frames"], first["boxes"], first["subset"][:4]) == (120, 645, "all:")
    rows = [make_detection_row(role) for role in SCORES]
    rows[4]["mr2"] = 0.7
    edit_json(evaluation(run) / "summary.json", {"rows": rows})
    assert collect(run)["gap_closed_mr2"] is None


def test_terminal_shows_both_domains_and_names_every_role(tmp_path):
    lines = format_table(collect(make_detection_run(tmp_path / "streets", logs=False, pictures=False))).splitlines()
    assert lines[0] == "Detection on the target · count · 120 frames · 645 people"
    assert lines[1].split()[:7] == ["model", "MR⁻²", "%", "AP50", "%", "AP", "%"]
    assert len({len(line) for line in lines[1:9]}) == 1
    assert lines[8].split()[:5] == ["student", "pyramid", "50.2", "51.3", "25.7"]
    assert lines[10] == "Detection on the source · count · 120 frames · 645 people"
    assert lines[-2].startswith("MR⁻² is the log-average miss rate")
    assert lines[-1].endswith("69 % of the way from the source-only to the supervised student by AP50, 75 % by MR⁻².")


def test_frames_show_every_kind_of_box_with_its_score(tmp_path):
    structure, text = read(write_report(make_detection_run(tmp_path / "streets", logs=False)))
    classes = [value for name, value in structure.attributes if name == "class"]
    # Two frames, two detectors, one swatch each in the legend: 1 + 3 right of 4, one false each.
    assert [classes.count(f"{kind}-mark") for kind in ("found", "missed", "false", "ignored")] == [8, 8, 4, 8]
    assert "1 of 4 people found, 1 false · score 0.42 and up" in text
    assert "3 of 4 people found, 1 false" in text
    assert "right · score 0.90" in text
    assert "ignored region" in text
    assert "makes 0.1 false positives an image" in text


def test_one_figure_a_domain_shows_the_misses(tmp_path):
    run = make_detection_run(tmp_path / "streets", logs=False, pictures=False)
    structure, _ = read(write_report(run))
    alts = [value for name, value in structure.attributes if name == "alt"]
    assert alts == ["miss rate curves on the target", "miss rate curves on the source"]
    curves = json.loads((evaluation(run) / "miss_curves.json").read_text())
    curves["source"]["student_pyramid"] = {"fppi": [0.1], "miss": [2.0]}
    (evaluation(run) / "miss_curves.json").write_text(json.dumps(curves))
    assert "cannot be read: student pyramid on the source" in read(write_report(run))[1]


@pytest.mark.parametrize("name", ["miss_curves.json", "drawn_frames.json", "summary.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]", b"{}", b'[{"roles": 3}, 4]', b'{"target": {"a": 1}}'])
def test_damaged_files_do_not_stop_the_page(tmp_path, name, content):
    run = make_detection_run(tmp_path / "streets", logs=False, pictures=False)
    (evaluation(run) / name).write_bytes(content)
    read(write_report(run))


def test_text_of_drawn_frames_is_never_markup(tmp_path):
    evil = '"><script>x</script>'
    run = make_detection_run(tmp_path / "streets", logs=False)
    frame = make_drawn_frames(1)[0] | {"label": evil, "image": evil, "roles": {evil: {"found": [{"box": evil}]}}}
    (evaluation(run) / "drawn_frames.json").write_text(json.dumps([frame]))
    structure, text = read(write_report(run))
    assert "script" not in structure.tags
    assert evil in text


def test_marks_that_are_no_boxes_are_left_out():
    good = {"box": [0, 0.1, 1, 1.2], "score": 0.5}
    bad = [None, 3, {}, {"box": [1, 2, 3]}, {"box": [1, 2, 3, "4"]}, {"box": [0, 0, 1, float("nan")]}]
    (mark,) = read_marks([good, *bad], "found")
    assert (mark.box, mark.score) == ((0, 0.1, 1, 1.2), 0.5)
    assert mark.area == pytest.approx(1.1)
    assert list(read_marks({"box": 1}, "found")) == []


def test_thousands_of_boxes_are_a_page(tmp_path):
    run = make_detection_run(tmp_path / "streets", logs=False)
    boxes = np.random.default_rng(0).random((3000, 4)).round(4).tolist()
    frame = make_drawn_frames(1)[0] | {"roles": {"a": {"missed": [{"box": box} for box in boxes]}}}
    (evaluation(run) / "drawn_frames.json").write_text(json.dumps([frame]))
    assert "0 of 3000 people found" in read(write_report(run))[1]


def test_rounds_of_a_detector_have_captions_of_their_own(tmp_path):
    _, text = read(write_report(make_detection_run(tmp_path / "streets", pictures=False)))
    assert "agreement with the mirrored frame" in text
    assert "Terms of the student on the target." in text
    assert "training went on from it" in text
    assert "clusters" not in text
    # A round that is not the best so far is nothing to warn of.
    assert "To know before reading on" not in text


def test_unjudged_rounds_and_a_silent_teacher_leave_nothing_to_draw():
    rounds = [{"event": "round", "round": 0, "selection": 0.0, "beta": 0.1, "accepted": True}]
    stage = StageFiles("follow", manifest={"kind": "detector_kd"}, events=rounds)
    drawn = [curve.key for curve in curves_of(stage)]
    assert "selection" not in drawn
    assert "beta" not in drawn
    learns = [*rounds, {"event": "step", "terms": {"teacher.source.box": 1.0}}]
    assert "beta" in [curve.key for curve in curves_of(StageFiles("f", manifest=stage.manifest, events=learns))]


def test_terms_are_grouped_by_model_and_domain():
    keys = ("student.source.pyramid", "student.kd", "box", "student.target.a.b", "teacher.source")
    assert group_terms([{"terms": dict.fromkeys(keys, 1.0)}]) == {
        "": {"box": "box"},
        "student": {"kd": "student.kd"},
        "student on the source": {"pyramid": "student.source.pyramid"},
        "student on the target": {"a.b": "student.target.a.b"},
        "teacher": {"source": "teacher.source"},
    }
