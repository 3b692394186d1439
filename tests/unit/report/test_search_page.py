"""The page of a person search and its drawing: times in words, ranks, what a file's name cannot do to it."""

import numpy as np
import pytest

from pipeline.report.found_people import FoundTracklet, SoughtPerson, clock_text
from pipeline.report.page_search import search_page
from pipeline.report.person_timeline import draw_timeline


def make_person(label="guest", verdicts=(True, False, None)):
    image = np.full((64, 32, 3), 90, np.uint8)
    found: dict[str, tuple[FoundTracklet, ...]] = {"1": (), "lobby": ()}
    for number, verdict in enumerate(verdicts):
        camera = ("1", "lobby")[number % 2]
        one = FoundTracklet(
            f"{camera}-{number}", camera, (10.0 * number, 10.0 * number + 3), 0.3 - 0.1 * number, image, verdict
        )
        found[camera] = (one, *found[camera])
    return SoughtPerson(label, image, found, own=("1", (40.0, 44.0)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (61.2, "1:01"), (3723, "1:02:03"), (-5, "-0:05"), (1.7e9, "2023-11-14 22:13:20")],
)
def test_times_are_read_as_people_do(seconds, text):
    assert clock_text(seconds) == text


def test_ranks_run_over_all_cameras():
    assert [one.name for one in make_person().ranked] == ["1-2", "lobby-1", "1-0"]


def test_the_drawing_depends_on_nothing_else_and_survives_an_empty_list():
    drawings = [draw_timeline(make_person(), (0.0, 60.0)) for _ in range(2)]
    assert drawings[0] == drawings[1]
    assert "camera lobby" in drawings[0]
    assert "camera 1" in draw_timeline(SoughtPerson("x", np.zeros((4, 4, 3), np.uint8), {"1": ()}), (5.0, 5.0))


def test_a_page_shows_marks_and_cannot_be_broken_by_names():
    page = search_page(
        [make_person("<script>alert(1)</script>")],
        facts={"model": "<b>"},
        span=(0.0, 60.0),
        legend="Marks.",
        scores=["mAP 1"],
    )
    assert "<script>" not in page
    assert "&lt;b&gt;" in page
    assert [page.count(f'class="hit {name}"') for name in ("right", "wrong", "plain")] == [1, 1, 1]
    assert "How well people are found" in page
    assert "Content-Security-Policy" in page


def test_several_people_have_a_section_each():
    page = search_page([make_person("a"), make_person("b")], facts={}, span=(0.0, 60.0), legend="")
    assert page.count('id="person-') == 2
    assert "2 people looked for" in page
