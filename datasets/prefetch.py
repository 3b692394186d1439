"""Work that is done ahead in threads, handed over in its own order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetched(work: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> Iterator[Result]:
    """Yield `work(item)` in the order of the items, while threads do the next ones.

    Threads are enough where the work is decoding: OpenCV and NumPy let other threads run meanwhile. At most
    2 x workers results wait, so memory is bounded however slow the taker is.

    Args:
        work: called from several threads.
        items: taken as they are needed.
        workers: number of threads; 0 does the work when it is asked for.

    Yields:
        the results; an exception of the work arrives in its turn.
    """
    if workers == 0:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="prefetch") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Who stops early must not wait for work that nobody takes.
            for future in waiting:
                future.cancel()
