"""Where the crops of tracklets were."""

import pytest

from datasets.tracklet_boxes import read_tracklet_boxes
from pipeline.errors import DataError


def test_boxes_come_in_the_order_asked_for(tmp_path):
    (tmp_path / "tracklets.csv").write_text("path,left,top,right,bottom,score\na.jpg,1,2,3,4,1\nb.jpg,-1,0,0.5,9,1\n")
    assert read_tracklet_boxes(tmp_path, ["b.jpg", "a.jpg"]).tolist() == [[-1, 0, 0.5, 9], [1, 2, 3, 4]]
    assert read_tracklet_boxes(tmp_path, []).shape == (0, 4)


@pytest.mark.parametrize("text", ["path,left\na.jpg,1\n", "path,left,top,right,bottom\na.jpg,1,2,x,4\n", "path\n"])
def test_a_crop_without_a_box_is_told(tmp_path, text):
    (tmp_path / "tracklets.csv").write_text(text)
    with pytest.raises(DataError, match=r"where 'a\.jpg' was"):
        read_tracklet_boxes(tmp_path, ["a.jpg"])


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_tracklet_boxes(tmp_path, ["a.jpg"])
