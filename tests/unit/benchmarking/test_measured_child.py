import sys

import pytest

from pipeline.benchmarking.measured_child import measured_child
from pipeline.errors import PipelineError

FILL = "tests.unit.benchmarking.jobs:fill_job"


def test_memory_of_the_work_is_told_apart_from_that_of_its_preparation():
    cost = measured_child(FILL, prepared=60, dropped=0, worked=80)
    assert cost.value == 2
    # The interpreter and numpy need some tens of megabytes; the work needs what it fills and little else.
    assert 60 < cost.base_megabytes < 60 + 90
    assert 75 < cost.megabytes_above < 100


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets the highest memory so far")
def test_a_preparation_that_needed_more_does_not_hide_the_work():
    assert 20 < measured_child(FILL, prepared=1, dropped=150, worked=30).megabytes_above < 60


def test_a_job_that_fails_is_told_in_one_sentence():
    with pytest.raises(PipelineError, match=r"broken_job ended with status 1 and said: ValueError: nothing to prepare"):
        measured_child("tests.unit.benchmarking.jobs:broken_job")
