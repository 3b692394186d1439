"""What of the tracklets an adaptation is given, and that it leaves the identity of older runs as it was."""

import numpy as np
import pytest

from datasets.labels import capture_seconds, tracklet_indices
from datasets.records import ReIDData, ReIDSample
from pipeline.errors import DataError
from pipeline.fingerprint import semantic_tree
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.target_tracklets import used_tracklets

ROWS = [("1", "a", 1.0), ("1", "a", 2.5), ("2", "a", 2.0), ("1", None, 4.0)]


def make_site(rows=ROWS):
    samples = tuple(ReIDSample(f"{i}.png", None, *_of(row)) for i, row in enumerate(rows))
    return ReIDData("site", samples, lambda sample: np.zeros((4, 2, 3), np.uint8), digest="")


def _of(row):
    camera, tracklet, seconds = row
    return camera, "site", None, tracklet, seconds


def test_one_name_in_two_cameras_is_two_tracklets():
    assert tracklet_indices(make_site()).tolist() == [0, 0, 1, -1]
    assert capture_seconds(make_site()).tolist() == [1.0, 2.5, 2.0, 4.0]
    assert np.isnan(capture_seconds(make_site([("1", None, None)]))).all()


@pytest.mark.parametrize("use", ["auto", "link_and_part"])
def test_tracklets_with_times_are_used_by_themselves(use):
    found = used_tracklets(make_site(), use)
    assert found.ids.tolist() == [0, 0, 1, -1]
    assert found.seconds.tolist() == [1.0, 2.5, 2.0, 4.0]
    assert found.keep_apart


def test_linking_alone_keeps_nobody_apart():
    assert not used_tracklets(make_site(), "link").keep_apart


def test_off_is_off():
    assert used_tracklets(make_site(), "off") is None


@pytest.mark.parametrize("rows", [[("1", None, 1.0)], [("1", "a", None)], [("1", "a", 1.0), ("1", "a", None)]])
def test_what_older_runs_may_have_read_is_used_only_where_it_is_asked_for(rows):
    assert used_tracklets(make_site(rows), "auto") is None


@pytest.mark.parametrize(
    ("use", "rows", "sentence"),
    [
        ("link", [("1", None, 1.0)], "clustering.tracklets is link, and no crop of site has a tracklet"),
        ("link_and_part", [("1", "a", 1.0), ("1", "a", None)], "1 crops of site have no time"),
    ],
)
def test_what_is_asked_for_and_not_there_is_refused(use, rows, sentence):
    with pytest.raises(DataError, match=sentence):
        used_tracklets(make_site(rows), use)


def test_the_default_leaves_no_trace_in_an_identity():
    assert "tracklets" not in semantic_tree(ClusteringSettings())
    assert "transitions" not in semantic_tree(ClusteringSettings())
    assert semantic_tree(ClusteringSettings(tracklets="off"))["tracklets"] == "off"
    assert semantic_tree(ClusteringSettings(transitions="fuse"))["transitions"] == "fuse"
    assert "tracklets" not in ClusteringSettings(tracklets="link").arguments()
