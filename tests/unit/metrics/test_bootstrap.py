import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.metrics.bootstrap import bootstrap_interval


def test_equal_values_have_an_interval_of_one_point():
    assert bootstrap_interval(np.full(20, 0.25), seed=1) == (0.25, 0.25)


def test_the_seed_decides_and_skipped_queries_are_left_out():
    values = np.random.default_rng(0).random(50)
    first = bootstrap_interval(values, seed=3)
    assert first == bootstrap_interval(np.append(values, np.nan), seed=3)
    assert first != bootstrap_interval(values, seed=4)


def test_the_interval_is_near_the_normal_one_and_widens_with_the_level():
    values = np.random.default_rng(0).standard_normal(400)
    low, high = bootstrap_interval(values, seed=0)
    # Resampled ends scatter by a few per cent of the width.
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    wider = bootstrap_interval(values, seed=0, level=0.99)
    assert wider[0] < low < values.mean() < high < wider[1]


@pytest.mark.parametrize(("values", "level"), [([np.nan], 0.95), ([], 0.95), ([1.0], 1.0), ([1.0], 0.0)])
def test_nothing_to_resample_or_no_level_is_an_error(values, level):
    with pytest.raises(DataError):
        bootstrap_interval(np.array(values), seed=0, level=level)
