"""The page's look at what was cut out of footage: numbers, tracklets to check by eye, and what is gone or damaged."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipeline.report.page_footage import MOST_CROPS, MOST_TRACKLETS, footage_section
from pipeline.report.stage_files import StageFiles

HEADER = "path,camera,tracklet,frame,seconds,left,top,right,bottom,score,clock\n"
SUMMARY = {
    "cameras": {
        "gate <1>": {
            "seen": {"frames": 1200, "boxes": 3400}, "tracklets": 11,
            "left_out": {"crop blurred": 7, "tracklet too short": 1900, "crop hidden": 9},
        },
        "hall": {"seen": 3, "left_out": [], "tracklets": "many"},
    },
}  # fmt: skip


def make_run(folder, *, tracklets=11, crops=8, summary=SUMMARY, write=True):
    rows = []
    for number in range(tracklets):
        for crop in range(crops):
            path = f"crops/gate/{number:02d}_{crop}.jpg"
            rows.append(f"{path},gate <1>,gate-{number:02d},{crop},{60 * number + crop},0,0,8,16,0.9,site\n")
            if write:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                noise = np.random.default_rng(10 * number + crop).integers(0, 256, (32, 16, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / path)
    (folder / "tracklets.csv").write_text(HEADER + "".join(rows))
    stage = StageFiles("people", folder, manifest={"kind": "track_people"}, summary=summary)
    return SimpleNamespace(done=lambda: [StageFiles("adapt", folder, manifest={"kind": "progressive_kd"}), stage])


def test_numbers_and_tracklets_are_shown(tmp_path):
    text = footage_section(make_run(tmp_path))
    for words in ("1,200", "3,400", "1,900 x tracklet too short, 9 x crop hidden", "gate &lt;1&gt;: 8 of 11 tracklets"):
        assert words in text
    assert text.count("data:image/jpeg") == MOST_TRACKLETS * MOST_CROPS
    # From the first to the last, evenly.
    assert re.findall(r"(\d+:\d\d), 8 crops", text)[:2] == ["0:00", "1:00"]
    assert "10:00, 8 crops" in text
    assert "<1>" not in text


def test_heads_are_blurred_unless_faces_are_asked_for(tmp_path):
    run = make_run(tmp_path)
    blurred, plain = footage_section(run), footage_section(run, show_faces=True)
    assert "is blurred" in blurred
    assert "is blurred" not in plain
    pictures = [re.findall(r"base64,([^\"]+)", text)[0] for text in (blurred, plain)]
    assert pictures[0] != pictures[1]


def test_without_footage_there_is_no_section(tmp_path):
    assert footage_section(SimpleNamespace(done=lambda: [StageFiles("adapt", tmp_path)])) is None


@pytest.mark.parametrize("summary", [{}, {"cameras": 3}, {"cameras": {"hall": None}}])
def test_what_was_deleted_or_is_odd_is_told(tmp_path, summary):
    assert footage_section(make_run(tmp_path, write=False, summary=summary)).count("no picture") == 48
    (tmp_path / "tracklets.csv").unlink()
    run = SimpleNamespace(done=lambda: [StageFiles("people", tmp_path, manifest={"kind": "track_people"})])
    assert "there is nothing to look at" in footage_section(run)


def test_a_table_that_lies_opens_no_file_outside(tmp_path):
    folder = tmp_path / "people"
    folder.mkdir()
    run = make_run(folder, tracklets=1, crops=1)
    Image.new("RGB", (8, 16)).save(tmp_path / "secret.png")
    (folder / "tracklets.csv").write_text(HEADER + "../secret.png,gate,t,0,soon,0,0,1,1,1,site\n")
    text = footage_section(run)
    assert "no picture" in text
    assert "data:image" not in text
