import base64
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.report.strips import Shown, choose_strips, encode_thumbnail, make_strip, top_ranked
from tests.references import strips as reference

# Multiples of 1/8 are exact, so that both sides see the same ties.
scores = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(scores, st.integers(1, 6))
def test_choice_equals_the_loops(pairs, count):
    before, after = np.array([a / 8 for a, _ in pairs]), np.array([b / 8 for _, b in pairs])
    assert choose_strips(before, after, count=count).tolist() == reference.choose_strips(before, after, count)


def test_choice_shows_the_greatest_gain_and_the_greatest_loss():
    before, after = np.array([0.5, 0.9, 0.1, 0.4]), np.array([0.6, 0.2, 0.9, 0.4])
    assert choose_strips(before, after, count=2).tolist() == [2, 1]
    assert choose_strips(before, after, count=4).tolist() == [2, 0, 3, 1]


def test_skipped_queries_are_never_chosen():
    before, after = np.array([np.nan, 0.5, 0.5]), np.array([0.9, np.nan, 0.6])
    assert choose_strips(before, after, count=5).tolist() == [2]
    assert choose_strips(np.zeros(0), np.zeros(0), count=5).tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=15), st.integers(0, 10))
def test_top_ranked_equals_the_loops(gallery, count):
    distances, junk = np.array([d / 4 for d, _ in gallery]), np.array([j for _, j in gallery], dtype=bool)
    assert top_ranked(distances, junk, count=count).tolist() == reference.top_ranked(distances, junk, count)


def test_junk_is_not_shown_even_when_it_is_nearest():
    ranked = top_ranked(np.array([0.0, 0.3, 0.1]), np.array([True, False, False]), count=10)
    assert ranked.tolist() == [2, 1]


@pytest.mark.parametrize(("height", "width", "expected"), [(256, 128, (48, 96)), (40, 20, (20, 40)), (500, 1, (1, 96))])
def test_thumbnail_shrinks_and_never_grows(height, width, expected):
    text = encode_thumbnail(np.zeros((height, width, 3), np.uint8))
    picture = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    assert picture.format == "JPEG"
    assert picture.size == expected


def test_strip_is_plain_json():
    crop = np.zeros((8, 4, 3), np.uint8)
    strip = make_strip(crop, "1 · camera 2", results=[Shown(crop, np.bool_(True), np.float32(0.25))])
    again = json.loads(json.dumps(strip))
    assert again["query_label"] == "1 · camera 2"
    assert again["results"][0]["correct"] is True
    assert again["results"][0]["distance"] == 0.25
