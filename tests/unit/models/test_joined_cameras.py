"""Statistics of the cameras of several sites in one table."""

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.models.camera_statistics import fit_camera_statistics
from pipeline.models.joined_cameras import camera_positions, joined_statistics, sites_of


def make_site(seed, names, count=40, width=3):
    rng = np.random.default_rng(seed)
    cameras = rng.integers(-1, len(names), count)
    rows = rng.normal(seed, 1 + seed, (count, width)).astype(np.float32)
    return rows, cameras, names


def test_every_site_s_rows_are_those_that_it_has_alone():
    sites = {"plaza": make_site(1, ("1", "2")), "station": make_site(2, ("2", "3", "4"))}
    joined = joined_statistics(sites)
    assert joined.names == ("1", "plaza/2", "station/2", "3", "4")
    for site, (rows, cameras, names) in sites.items():
        alone = fit_camera_statistics(rows, cameras, names=names)
        places = camera_positions(names, joined, site=site)
        assert np.array_equal(joined.mean[[places[name] for name in names]], alone.mean[:-1])
        assert np.array_equal(joined.std[[places[name] for name in names]], alone.std[:-1])
        known = cameras >= 0
        positions = np.array([places[names[camera]] for camera in cameras[known]])
        assert np.array_equal(
            joined.standardise(rows[known], positions), alone.standardise(rows[known], cameras[known])
        )


def test_unknown_cameras_get_the_row_of_all_images():
    sites = {"plaza": make_site(1, ("1",)), "station": make_site(2, ("1",))}
    joined = joined_statistics(sites)
    everything = np.concatenate([rows for rows, _, _ in sites.values()])
    assert joined.mean[-1] == pytest.approx(everything.mean(0), rel=1e-5)
    assert joined.std[-1] == pytest.approx(everything.std(0), rel=1e-5)


def test_a_single_site_is_the_plain_table():
    rows, cameras, names = make_site(3, ("1", "2"))
    joined, plain = (
        joined_statistics({"plaza": (rows, cameras, names)}),
        fit_camera_statistics(rows, cameras, names=names),
    )
    assert joined.names == plain.names
    assert np.array_equal(joined.mean, plain.mean)
    assert np.array_equal(joined.std, plain.std)


def test_a_camera_is_found_under_its_site_before_its_plain_name():
    joined = joined_statistics({"a": make_site(1, ("1", "2")), "b": make_site(2, ("2", "3"))})
    assert camera_positions(("1", "2", "3"), joined, site="a") == {"1": 0, "2": 1, "3": 3}
    assert camera_positions(("2", "9"), joined, site="b") == {"2": 2}
    assert camera_positions(("1", "2"), joined) == {"1": 0}
    assert sites_of(("2",), joined) == ("a", "b")
    assert sites_of(("1", "9"), joined) == ()


def test_a_site_without_images_is_told():
    rows, cameras, names = make_site(1, ("1",))
    with pytest.raises(DataError, match="0 embeddings"):
        joined_statistics({"a": (rows, cameras, names), "b": (rows[:0], cameras[:0], names)})
