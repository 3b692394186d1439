import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.metrics.detection.subsets import SUBSETS
from tests.unit.metrics.test_detection_miss_rate import T1, make_outcomes
from tools.score_detections import EPILOG, PROTOCOLS, main

TOOL = Path(__file__).resolve().parents[3] / "tools" / "score_detections.py"
PERSON = [100, 100, 41, 100]


def make_annotation(box=PERSON, image=1, **keys):
    return {"image_id": image, "category_id": 1, "bbox": box} | keys


def make_detection(box=PERSON, image=1, score=0.9, **keys):
    return make_annotation(box, image) | {"score": score} | keys


def make_truth(*annotations, images=(1,), **keys):
    listed = [{"id": image, "im_name": f"{image}.png", "height": 480, "width": 640} for image in images]
    return {"images": listed, "annotations": list(annotations)} | keys


def make_files(folder, truth, detections):
    paths = []
    for name, content in (("truth", truth), ("found", detections)):
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        paths += [f"--{'truth' if name == 'truth' else 'detections'}", str(path)]
    return paths


def run(capsys, folder, truth, detections, *words):
    code = main([*make_files(folder, truth, detections), *words])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def printed(out):
    rows = (line.split() for line in out.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


def make_t1():
    """T1 of the golden numbers as files."""
    frames = make_outcomes(T1)
    width = lambda box: [box[0], box[1], box[2] - box[0], box[3] - box[1]]  # noqa: E731
    truth = make_truth(*(make_annotation(width(box)) for box in frames[0]["boxes"]), images=range(1, 11))
    pairs = zip(frames[0]["found"], frames[0]["scores"], strict=True)
    return truth, [make_detection(width(box), score=score) for box, score in pairs]


def test_citypersons_prints_six_decimals_and_its_rules(tmp_path, capsys):
    code, out, _ = run(capsys, tmp_path, *make_t1(), "--protocol", "citypersons")
    assert code == 0
    assert printed(out) == {"log_average_miss_rate": "0.475214"}
    assert "images: 10, boxes: 4," in out
    assert "valid boxes: 4, ignored boxes: 0" in out
    assert "subset: reasonable: height [50, inf) px, visible share [0.65, inf)" in out


def test_crowdhuman_and_coco_print_under_their_own_names(tmp_path, capsys):
    _, out, _ = run(capsys, tmp_path, *make_t1(), "--protocol", "crowdhuman")
    assert printed(out)["crowdhuman_ap"] == "0.283333"
    assert printed(out)["crowdhuman_mr"] == "0.497113"
    _, out, _ = run(capsys, tmp_path, *make_t1(), "--protocol", "coco")
    assert printed(out)["ap50"] == "0.570957"
    assert "ap_small   none (no box counts)" in out


def test_caltech_applies_its_border_and_kaist_its_own(tmp_path, capsys):
    truth = make_truth(make_annotation([100, 390, 41, 100]), make_annotation())
    found = [make_detection([100, 390, 41, 100]), make_detection()]
    for subset, valid in (("reasonable", 1), ("kaist-reasonable", 2)):
        code, out, _ = run(capsys, tmp_path, truth, found, "--protocol", "caltech", "--subset", subset)
        assert code == 0
        assert f"valid boxes: {valid}," in out
    assert "[5, 635] x [5, 507]" in out
    assert "(1 images have another size)" in out


@pytest.mark.parametrize(("name", "share"), [("heavy", "[0.2, 0.65]"), ("heavy-csp", "[0, 0.65]")])
def test_both_heavy_subsets_say_what_they_are(tmp_path, capsys, name, share):
    boxes = [make_annotation(vis_ratio=0.1), make_annotation([300, 100, 41, 100], vis_ratio=0.5)]
    words = ("--protocol", "citypersons", "--subset", name)
    code, out, _ = run(capsys, tmp_path, make_truth(*boxes), [make_detection()], *words)
    assert code == 0
    assert f"visible share {share}" in out
    assert f"valid boxes: {1 if name == 'heavy' else 2}," in out


def test_visibility_comes_from_the_ratio_then_from_the_visible_box(tmp_path, capsys):
    boxes = [
        make_annotation(vis_ratio=0.3, vis_bbox=PERSON),
        make_annotation(vis_bbox=[100, 100, 41, 50]),
        make_annotation(vis_bbox=[0, 0, 0, 0]),
        make_annotation(),
    ]
    for visible, valid in (("0.29,0.31", 1), ("0.5,0.5", 1), ("1,", 2), (",inf", 4)):
        words = ("--protocol", "citypersons", "--visible", visible)
        _, out, _ = run(capsys, tmp_path, make_truth(*boxes), [make_detection()], *words)
        assert f"valid boxes: {valid}," in out


def test_heights_come_from_their_key_and_decide_who_takes_part(tmp_path, capsys):
    truth = make_truth(make_annotation(height=60))
    found = [make_detection(height=30, score=0.9), make_detection(height=61, score=0.8)]
    _, out, _ = run(capsys, tmp_path, truth, found, "--protocol", "citypersons", "--height", "50,70")
    assert "valid boxes: 1," in out
    assert "detections outside the range: 1" in out
    assert printed(out)["log_average_miss_rate"] == "0.000000"


def test_ignored_boxes_and_other_categories(tmp_path, capsys):
    boxes = [make_annotation(), make_annotation(ignore=1), make_annotation(iscrowd=1), make_annotation(category_id=2)]
    truth = make_truth(*boxes)
    _, out, _ = run(capsys, tmp_path, truth, [make_detection(), make_detection(category_id=7)], "--protocol", "coco")
    assert "detections of other categories: 1" in out
    assert "valid boxes: 2, ignored boxes: 2" in out
    assert "(1 by ignore alone" in out
    _, out, _ = run(capsys, tmp_path, truth, [make_detection()], "--protocol", "citypersons", "--category", "2")
    assert "valid boxes: 1, ignored boxes: 0" in out
    assert printed(out)["log_average_miss_rate"] == "1.000000"


def test_detections_of_unknown_images_are_refused_or_counted(tmp_path, capsys):
    files = make_truth(make_annotation()), [make_detection(), make_detection(image=77)]
    code, _, error = run(capsys, tmp_path, *files, "--protocol", "coco")
    assert code == 2
    assert "image 77" in error
    assert "--skip-unknown" in error
    code, out, _ = run(capsys, tmp_path, *files, "--protocol", "coco", "--skip-unknown")
    assert code == 0
    assert "detections of unknown images: 1" in out
    assert printed(out)["ap"] == "1.000000"


def test_images_may_have_names_for_ids_and_no_boxes(tmp_path, capsys):
    truth = make_truth(make_annotation(image="b"), images=("a", "b", 3))
    code, out, _ = run(capsys, tmp_path, truth, [make_detection(image="b")], "--protocol", "citypersons")
    assert code == 0
    assert "images: 3, boxes: 1," in out


def test_json_holds_metrics_counts_rules_and_curve(tmp_path, capsys):
    target = tmp_path / "scores.json"
    run(capsys, tmp_path, *make_t1(), "--protocol", "citypersons", "--json", str(target))
    written = json.loads(target.read_text())
    assert written["metrics"]["log_average_miss_rate"] == pytest.approx(0.475214, abs=5e-7)
    assert written["counts"]["images"] == 10
    assert set(written["semantics"]) == {"protocol", "subset", "matching", "range"}
    assert written["curve"] == {"fppi": [0.001, 0.1, 0.2], "miss_rate": [0.75, 0.5, 0.25]}


GOOD_TRUTH, GOOD_FOUND = make_truth(make_annotation()), [make_detection()]


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ("{", GOOD_FOUND, "truth.json cannot be read"),
        (GOOD_TRUTH, "nonsense", "found.json cannot be read"),
        ("[" * 100000, GOOD_FOUND, "truth.json cannot be read"),
        (GOOD_FOUND, GOOD_FOUND, "truth.json is a list"),
        ({"images": []}, GOOD_FOUND, "lacks 'images' or 'annotations'"),
        ({"images": 3, "annotations": []}, GOOD_FOUND, "images is a number; expected a list of objects"),
        (make_truth(images=()), GOOD_FOUND, "holds no image"),
        (make_truth(), GOOD_FOUND, "holds no annotation"),
        (make_truth(make_annotation(), images=(1, 2, 2)), GOOD_FOUND, "lists image 2 more than once"),
        (make_truth(make_annotation(image=9)), GOOD_FOUND, "annotations[0] is of image 9"),
        (make_truth({"image_id": 1, "category_id": 1}), GOOD_FOUND, "annotations[0] lacks 'bbox'"),
        (make_truth(make_annotation([1, 2, 3])), GOOD_FOUND, "[left, top, width, height]"),
        (
            make_truth(make_annotation(), make_annotation([1, 2, 3, -4])),
            GOOD_FOUND,
            "annotations[1] has bbox [1, 2, 3, -4]",
        ),
        (make_truth(make_annotation(height=None)), GOOD_FOUND, "annotations[0] has height null; expected a number"),
        (make_truth(make_annotation(vis_bbox="all")), GOOD_FOUND, 'has vis_bbox "all"'),
        (make_truth(make_annotation(category_id=1.5)), GOOD_FOUND, "category_id 1.5; expected a whole number"),
        (make_truth(make_annotation(category_id=4)), GOOD_FOUND, "no box of the truth is of category 1"),
        (make_truth(make_annotation(ignore=1)), GOOD_FOUND, "none of the 1 boxes counts in the subset reasonable"),
        (GOOD_TRUTH, GOOD_TRUTH, "found.json is an object"),
        (GOOD_TRUTH, [], "found.json holds no detection"),
        (GOOD_TRUTH, [3], "detections[0] is a number; expected an object"),
        (GOOD_TRUTH, [make_annotation()], "detections[0] lacks 'score'"),
        (GOOD_TRUTH, [make_detection(), make_detection(score=float("nan"))], "detections[1] has score NaN"),
        (GOOD_TRUTH, [make_detection(score="high")], 'detections[0] has score "high"'),
        (GOOD_TRUTH, [make_detection(score=10**400)], "beyond the range"),
        (GOOD_TRUTH, [make_detection([1, 2, -3, 4])], "detections[0] has bbox [1, 2, -3, 4]"),
        (GOOD_TRUTH, [make_detection([1, 2, 3, float("inf")])], "finite numbers"),
        (GOOD_TRUTH, [make_detection(image=[1])], "detections[0] has image_id [1]"),
    ],
)
def test_files_that_cannot_be_scored_are_one_sentence_and_exit_2(tmp_path, capsys, truth, found, message):
    code, out, error = run(capsys, tmp_path, truth, found, "--protocol", "citypersons")
    assert (code, out) == (2, "")
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("citypersons", "--subset", "tall"), "a subset called 'tall'; expected one of reasonable, small"),
        (("citypersons", "--subset", "small", "--height", "50,75"), "--subset together with --height"),
        (("citypersons", "--height", "75,50"), "--height 75,50"),
        (("caltech", "--visible", "half"), "--visible half"),
        (("coco", "--subset", "small"), "--subset with protocol coco"),
        (("crowdhuman", "--height", "50,"), "--height or --visible with protocol crowdhuman"),
        (("citypersons", "--json", "no/such/folder/out.json"), "out.json"),
    ],
)
def test_words_that_do_not_fit_are_one_sentence_and_exit_2(tmp_path, capsys, words, message):
    code, out, error = run(capsys, tmp_path, GOOD_TRUTH, GOOD_FOUND, "--protocol", *words)
    assert (code, out) == (2, "")
    assert message in error
    assert error.count("\n") == 1


def test_missing_files_are_named(tmp_path, capsys):
    paths = make_files(tmp_path, GOOD_TRUTH, GOOD_FOUND)
    assert main(["--truth", str(tmp_path / "nowhere.json"), *paths[2:], "--protocol", "coco"]) == 2
    assert f"there is no file {tmp_path / 'nowhere.json'}" in capsys.readouterr().err
    assert main(["--truth", str(tmp_path), *paths[2:], "--protocol", "coco"]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_frame_of_one_pixel_and_boxes_without_area(tmp_path, capsys, protocol):
    truth = make_truth(make_annotation([0, 0, 1, 60]), make_annotation([0, 0, 0, 0]))
    truth["images"][0].update(height=1, width=1)
    found = [make_detection([0, 0, 1, 60]), make_detection([0, 0, 0, 0]), make_detection([-9, -9, 2, 55])]
    code, out, _ = run(capsys, tmp_path, truth, found, "--protocol", protocol, *(["--category", "1"]))
    assert (code == 0) == (protocol != "caltech"), out


def test_help_names_every_subset_without_loading_the_metrics():
    listed = EPILOG.replace("'", " ").replace(",", " ").replace(";", " ").split()
    assert set(SUBSETS) <= set(listed)
    code = "import sys, tools.score_detections as t; t.build_parser(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=TOOL.parent.parent, check=False).returncode == 0
