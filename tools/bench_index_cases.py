"""What the benchmark of search indexes measures: building and searching, each in a process of its own."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.benchmarking.made_features import IMAGES_A_PERSON

Work = Callable[[], dict[str, Any]]
# Neighbours of a query.
DEPTH = 10
_BLOCK = 1 << 14
# A person's images differ by this share of what persons differ by.
_NOISE = 0.5


def features_job(*, folder: str, rows: int, queries: int, dimension: int, latent: int) -> Work:
    """Prepare the writing of `rows.npy` and `queries.npy`: persons who differ in few directions, with 17 images each.

    A person's centre and an image's deviation from it are drawn in `latent` dimensions and turned into D; a tenth of
    the deviation again is added in all of them. Memory holds one block.

    Args:
        folder: for the files.
        rows: N.
        queries: Q further images of the same persons.
        dimension: D.
        latent: directions in which persons differ.
    """
    generator = np.random.default_rng(17)
    centres = generator.standard_normal((max(1, rows // IMAGES_A_PERSON), latent), dtype=np.float32)
    turn = generator.standard_normal((latent, dimension), dtype=np.float32) / np.float32(np.sqrt(latent))

    def write(name: str, count: int) -> None:
        file = np.lib.format.open_memmap(Path(folder) / f"{name}.npy", "w+", np.float32, (count, dimension))
        for first in range(0, count, _BLOCK):
            size = min(_BLOCK, count - first)
            inside = centres[generator.integers(0, len(centres), size)]
            inside += _NOISE * generator.standard_normal((size, latent), dtype=np.float32)
            outside = generator.standard_normal((size, dimension), dtype=np.float32)
            file[first : first + size] = inside @ turn + 0.1 * _NOISE * outside

    def work() -> dict[str, Any]:
        write("rows", rows)
        write("queries", queries)
        return {}

    return work


def build_job(*, folder: str, kind: str, options: Mapping[str, int]) -> Work:
    """Prepare the building of an index from the mapped rows.

    Args:
        folder: with the rows; takes the index.
        kind: of the index.
        options: of the index.
    """
    from pipeline.retrieval.feature_rows import read_feature_rows
    from pipeline.retrieval.index_writer import IndexPlan, write_index

    rows = read_feature_rows(Path(folder) / "rows.npy", part="gallery")

    def work() -> dict[str, Any]:
        with _private_peak() as private:
            header = write_index(Path(folder) / kind, rows, IndexPlan(kind, options=options))
        return {"megabytes": sum(facts["bytes"] for facts in header.files.values()) / 1e6, **private}

    return work


def search_job(*, folder: str, kind: str, single: int) -> Work:
    """Prepare the opening and searching of an index; what all queries find is written to KIND.found.npy.

    Args:
        folder: with the queries and the index.
        kind: of the index.
        single: queries that are asked one by one, for their latency.
    """
    from pipeline.retrieval.index_folder import open_index

    queries = np.load(Path(folder) / "queries.npy")

    def work() -> dict[str, Any]:
        with _private_peak() as private:
            index = open_index(Path(folder) / kind).index
            began = time.process_time()
            _, positions = index.search(queries, DEPTH)
            together = time.process_time() - began
            np.save(Path(folder) / f"{kind}.found.npy", positions)
            alone = _latency(index.search, queries[:single])
        return {"together_ms": 1e3 * together / len(queries), "single_ms": alone, **private}

    return work


def plain_job(*, folder: str, single: int) -> Work:
    """Prepare the plain search: all rows in memory, one product and one partial sort a query.

    Args:
        folder: with the queries and the rows.
        single: queries to ask.
    """
    queries = np.load(Path(folder) / "queries.npy")[:single]

    def work() -> dict[str, Any]:
        rows = np.load(Path(folder) / "rows.npy")
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        found = []

        def search(query: np.ndarray, depth: int) -> None:
            distances = -(rows @ query[0])
            nearest = np.argpartition(distances, depth)[:depth]
            found.append(nearest[np.argsort(distances[nearest])])

        latency = _latency(search, queries)
        np.save(Path(folder) / "plain.found.npy", np.stack(found))
        return {"single_ms": latency}

    return work


def _latency(search: Callable[[np.ndarray, int], Any], queries: np.ndarray) -> float:
    """Return CPU milliseconds a query, asked one by one."""
    began = time.process_time()
    for row in range(len(queries)):
        search(queries[row : row + 1], DEPTH)
    return 1e3 * (time.process_time() - began) / len(queries)


@contextmanager
def _private_peak() -> Iterator[dict[str, float]]:
    """Give a table that holds `private_megabytes` at the end: how far memory that is no mapped file rose (Linux)."""
    status, found = Path("/proc/self/status"), {"private_megabytes": float("nan")}
    seen: list[int] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.005):
            seen.append(_private(status))

    if not status.exists():
        yield found
        return
    before, watcher = _private(status), threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        is_over.set()
        watcher.join()
    found["private_megabytes"] = (max([before, *seen, _private(status)]) - before) / 1e6


def _private(status: Path) -> int:
    lines = status.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
