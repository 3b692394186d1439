"""Looking for a person among tracklets, as a user types it: pages, ranks, scores, what is refused."""

import json
import re

import cv2
import numpy as np
import pytest

from datasets.world.video.mp4_file import mp4_file
from pipeline import build
from pipeline.checkpoint import save_detector
from pipeline.metrics.match_rates import MatchPoint
from pipeline.metrics.match_record import MatchEvidence, MatchRecord
from tests.references.person_search import ap_and_recall
from tests.unit.tools.test_detect import SPEC
from tests.unit.tools.test_evaluate import make_model
from tools.search_person import main

PEOPLE, CAMERAS, FRAMES = (1, 2, 3), (1, 2), 12


def make_picture(person, camera, shot):
    pixels = np.random.default_rng([person, camera, shot]).integers(0, 256, (40, 20, 3), np.uint8)
    pixels[12:36] = 60 * person
    return pixels


def make_tracklets(root):
    """Write a tracklet of four crops for each person and camera; camera 2 comes a minute later."""
    rows = ["path,camera,tracklet,frame,seconds,left,top,right,bottom,score"]
    for camera in CAMERAS:
        for person in PEOPLE:
            name = f"{camera}-{person:05d}"
            for shot in range(4):
                path = root / "crops" / str(camera) / f"{name}_{shot:07d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), make_picture(person, camera, shot))
                frame, seconds = 2 * shot, 60.0 * (camera - 1) + 10 * person + 0.2 * shot
                left = 30 * person
                rows.append(f"{path.relative_to(root)},{camera},{name},{frame},{seconds},{left},5,{left + 20},45,0.9")
    (root / "tracklets.csv").write_text("\n".join(rows) + "\n")
    return root


def make_truth(root):
    """Write where everybody was, and a crop of each."""
    for camera in CAMERAS:
        folder = root / "mot" / f"camera_{camera}"
        (folder / "gt").mkdir(parents=True)
        (folder / "seqinfo.ini").write_text("[Sequence]\nname=a\nframeRate=10\n")
        rows = [f"{f},{p},{30 * p + 1},6,20,40,1,1,1\n" for f in range(1, FRAMES + 1) for p in PEOPLE]
        (folder / "gt" / "gt.txt").write_text("".join([*rows, f"1,{10**6},1,1,9,9,0,8,1\n"]))
        crops = root / "crops" / "bounding_box_train"
        crops.mkdir(parents=True, exist_ok=True)
        for person in PEOPLE:
            cv2.imwrite(str(crops / f"{person:04d}_c{camera}s1_000003_00.png"), make_picture(person, camera, 9))
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    points = (MatchPoint(0.01, 0.02, 0.01, 0.6), MatchPoint(0.1, 5.0, 0.1, 0.9))
    record = MatchRecord((MatchEvidence("hall", "clusters", True, 40, 900, points),))
    make_model(folder / "model.safetensors", cameras=("1", "2"), match=record)
    make_truth(folder / "truth")
    make_tracklets(folder / "people")
    cv2.imwrite(str(folder / "photo.png"), make_picture(2, 1, 7))
    return folder


@pytest.fixture
def words(made):
    return [str(made / "people"), "--model", str(made / "model.safetensors"), "--device", "cpu"]


def told(capsys, words):
    assert main(words) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


def test_a_page_has_a_timeline_and_strips_of_every_camera(words, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main([*words, "--query", "1-00002", "--out", str(page)]) == 0
    assert "1 people among 6 tracklets (24 crops) of 2 camera(s)" in capsys.readouterr().out
    text = page.read_text()
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("data:image/svg+xml") == 1
    # The query, two others of its own camera, three of the other one.
    assert text.count("data:image/jpeg") == 6
    assert text.count('class="hit plain"') == 5
    assert "camera 1</span>" in text
    assert "camera 2</span>" in text


def test_ranks_go_by_distance_and_leave_the_query_itself_out(words, tmp_path):
    out = tmp_path / "ranks.json"
    assert main([*words, "--query", "1-00002", "--query", "2-00001", "--json", str(out)]) == 0
    first, second = json.loads(out.read_text())["people"]
    assert (first["query"], second["query"]) == ("tracklet 1-00002", "tracklet 2-00001")
    names = [one["tracklet"] for one in first["found"]]
    assert sorted([*names, "1-00002"]) == [f"{camera}-{person:05d}" for camera in CAMERAS for person in PEOPLE]
    distances = [one["distance"] for one in first["found"]]
    assert distances == sorted(distances)
    assert all(0 <= distance <= 2 for distance in distances)
    (other,) = [one for one in first["found"] if one["tracklet"] == "2-00001"]
    (back,) = [one for one in second["found"] if one["tracklet"] == "1-00002"]
    assert other["distance"] == pytest.approx(back["distance"], abs=1e-5)
    assert (other["first"], other["last"]) == (70.0, 70.6)


def test_a_photo_is_looked_for_and_few_are_shown_where_few_are_wanted(words, made, tmp_path):
    out = tmp_path / "ranks.json"
    assert main([*words, "--query", str(made / "photo.png"), "-k", "1", "--json", str(out)]) == 0
    (person,) = json.loads(out.read_text())["people"]
    assert person["query"] == "photo.png"
    assert [one["camera"] for one in sorted(person["found"], key=lambda one: one["camera"])] == ["1", "2"]


def test_scores_are_those_of_the_loops(words, made, tmp_path, capsys):
    out, page = tmp_path / "scores.json", tmp_path / "page.html"
    assert main([*words, "--truth", str(made / "truth"), "--json", str(out), "--out", str(page)]) == 0
    scores = json.loads(out.read_text())["scores"]
    assert (scores["queries"], scores["skipped_queries"], scores["stays"]) == (6, 0, 6)
    assert (scores["recall"], scores["tracklets_of_nobody"]) == (1.0, 0)
    assert scores["mAP"] == pytest.approx(scores["ranking_mAP"])
    assert f"mAP {scores['mAP']:.3f}" in capsys.readouterr().out
    total = []
    for camera, person in ((c, p) for c in CAMERAS for p in PEOPLE):
        asked = made / "truth/crops/bounding_box_train" / f"{person:04d}_c{camera}s1_000003_00.png"
        ranks = tmp_path / "ranks.json"
        # The photo's camera is known to the measurement only, so that statistics are left out here and below.
        assert main([*words, "--camera-statistics", "off", "--query", str(asked), "--json", str(ranks)]) == 0
        found = [one for one in json.loads(ranks.read_text())["people"][0]["found"] if one["camera"] != str(camera)]
        right = [int(one["tracklet"][2:]) == person for one in found]
        total.append(ap_and_recall([one["distance"] for one in found], right, [one["tracklet"] for one in found], 1)[0])
    assert main([*words, "--camera-statistics", "off", "--truth", str(made / "truth"), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["scores"]["mAP"] == pytest.approx(np.mean(total))
    text = page.read_text()
    assert text.count('class="hit right"') == 6
    assert text.count('class="hit wrong"') == 12


def test_who_was_not_cut_out_lowers_recall(made, tmp_path):
    folder, out = make_tracklets(tmp_path / "people"), tmp_path / "scores.json"
    table = (folder / "tracklets.csv").read_text().splitlines()
    (folder / "tracklets.csv").write_text("\n".join(row for row in table if ",2-00003," not in row) + "\n")
    words = [str(folder), "--model", str(made / "model.safetensors"), "--truth", str(made / "truth")]
    assert main([*words, "--json", str(out)]) == 0
    scores = json.loads(out.read_text())["scores"]
    assert scores["recall"] == pytest.approx(5 / 6)
    assert scores["mAP"] < scores["ranking_mAP"]


def test_heads_are_blurred_unless_asked(words, tmp_path):
    pages = [tmp_path / "blurred.html", tmp_path / "plain.html"]
    for page, more in zip(pages, ([], ["--show-faces"]), strict=True):
        assert main([*words, "--query", "1-00002", "--out", str(page), *more]) == 0
    texts = [page.read_text() for page in pages]
    pictures = [set(re.findall(r"data:image/jpeg;base64,([^\"]+)", text)) for text in texts]
    assert pictures[0]
    assert not pictures[0] & pictures[1]
    assert "blurred" in texts[0]
    assert "blurred" not in texts[1]


def test_a_stored_threshold_tells_who_is_the_same_person(words, tmp_path):
    out, page = tmp_path / "ranks.json", tmp_path / "page.html"
    for rate, expected in (("0.01", None), ("0.1", True)):
        more = ["--match-rate", rate, "--json", str(out), "--out", str(page)]
        assert main([*words, "--query", "1-00002", *more]) == 0
        found = json.loads(out.read_text())["people"][0]["found"]
        assert all(one["same_person"] == (one["distance"] < (5.0 if expected else 0.02)) for one in found)
    assert page.read_text().count('class="hit right"') == 5
    assert "0.1 of 900 pairs of clusters of hall" in page.read_text()


def test_a_run_that_made_tracklets_is_as_good(words, made, tmp_path):
    attempt = make_tracklets(tmp_path / "run" / "people" / "a0001")
    (attempt.parent / "CURRENT").write_text("a0001\n")
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out, source in zip(outs, (made / "people", tmp_path / "run"), strict=True):
        assert main([str(source), *words[1:], "--query", "1-00002", "--json", str(out)]) == 0
    assert outs[0].read_text() == outs[1].read_text()


def test_footage_without_people_says_so_and_leaves_nothing(words, tmp_path, capsys):
    build.seed_everything(0)
    save_detector(tmp_path / "eye.safetensors", build.detector(**SPEC), spec=SPEC)
    (tmp_path / "footage").mkdir()
    with mp4_file(tmp_path / "footage" / "camera_1.mp4", size=(64, 96), fps=5) as append:
        for number in range(5):
            append(np.full((64, 96, 3), 40 * number, np.uint8))
    more = ["--detector", str(tmp_path / "eye.safetensors"), "--query", "1-00001", "--out", str(tmp_path / "page.html")]
    assert "nobody could be followed" in told(capsys, [str(tmp_path / "footage"), *words[1:], *more])
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "nobody to look for"),
        (["--query", "1-00002"], "--out PAGE.html or --json OUT"),
        (["--query", "9-00002", "--json", "x.json"], "neither a tracklet nor a file"),
        (["--query", "1-00002", "--json", "x.json", "-k", "0"], "-k 0"),
        (["--query", "1-00002", "--json", "x.json", "--tracklets", "there"], "--tracklets without --detector"),
        (["--query", "1-00002", "--json", "x.json", "--rate", "0"], "--rate 0"),
        (["--query", "1-00002", "--json", "x.json", "--match-rate", "0.5"], "false-match rate of 0.5"),
        (["--truth", "nowhere"], "holds no sequence"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(words, capsys, more, message):
    assert message in told(capsys, [*words, *more])


def test_a_folder_without_tracklets_and_a_camera_without_truth_are_told(words, made, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    asked = ["--query", "1-00002", "--json", str(tmp_path / "x.json")]
    assert "add --detector" in told(capsys, [str(tmp_path / "empty"), *words[1:], *asked])
    truth = make_truth(tmp_path / "truth")
    (truth / "mot" / "camera_2" / "seqinfo.ini").unlink()
    assert "no true tracks of camera 2" in told(capsys, [*words, "--truth", str(truth)])
