import threading

import pytest

from datasets.prefetch import prefetched


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(prefetched(lambda item: item * item, range(20), workers=workers)) == [i * i for i in range(20)]
    assert list(prefetched(str, [], workers=workers)) == []


def test_no_more_items_are_taken_than_may_wait():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = prefetched(str, items(), workers=2)
    next(results)
    assert len(taken) == 5
    results.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_arrives_in_its_turn(workers):
    def work(item):
        if item == 3:
            raise ValueError("item 3")
        return item

    seen = []
    with pytest.raises(ValueError, match="item 3"):
        seen.extend(prefetched(work, range(9), workers=workers))
    results = prefetched(work, range(9), workers=workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    results.close()


def test_work_is_done_ahead_in_other_threads():
    ahead = threading.Event()

    def work(item):
        if item == 1:
            ahead.set()
        return threading.current_thread().name

    results = prefetched(work, range(3), workers=2)
    assert next(results).startswith("prefetch")
    assert ahead.wait(timeout=20)
    results.close()
