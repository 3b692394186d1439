"""Frames too close in time have people in their background; the check sees it."""

import numpy as np

from pipeline.detection_types import Detections
from pipeline.training.detection.calibration import Calibration
from pipeline.training.detection.movement import annotated_people_move, found_people_move


def make_found(*scores):
    return Detections(np.zeros((len(scores), 4), np.float32), np.array(scores, np.float32))


def test_annotated_people_move_where_half_of_them_do():
    assert annotated_people_move([np.array([0.4, 0.05]), np.array([0.3])])
    assert not annotated_people_move([np.array([0.4, 0.05]), np.array([0.1, np.nan])])


def test_where_nobody_is_known_nothing_speaks_against_it():
    assert annotated_people_move([])
    assert annotated_people_move([np.array([np.nan])])
    assert found_people_move(Calibration(), [], [])
    assert found_people_move(Calibration(), [make_found()], [np.zeros(0)])


def test_the_surest_boxes_are_asked():
    # Two people are expected, 0.9 + 0.8 + 0.2 + 0.1.
    found = [make_found(0.9, 0.2), make_found(0.8, 0.1)]
    assert found_people_move(Calibration(), found, [np.array([0.5, 0.0]), np.array([0.0, 0.0])])
    assert not found_people_move(Calibration(), found, [np.array([0.0, 0.9]), np.array([0.0, 0.9])])
    # What the foreground adds to the confidence must not choose who is asked.
    moving = Calibration(moving=(1.0, -9.0, 20.0))
    assert not found_people_move(moving, found, [np.array([0.0, 0.9]), np.array([0.0, 0.9])])
