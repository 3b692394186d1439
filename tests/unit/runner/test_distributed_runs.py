"""Two ranks: the first decides and writes, the other hears of it; threads stand for processes."""

import queue
import threading
from typing import Any

from pipeline.coordination import Coordinator
from pipeline.errors import ManifestError
from pipeline.runner import run
from tests.unit.runner.fakes import SECOND_RANK, STAGES, data_digest, make_config, read_outputs, run_tree


def run_two_ranks(folder: Any, config: Any) -> list[Any]:
    """Run both ranks and return the verdicts, or the error, of each."""
    channel: queue.Queue = queue.Queue()
    results: list[Any] = [None, None]

    def send(value: Any) -> Any:
        channel.put(value)
        return value

    def work(rank: int) -> None:
        broadcast = send if rank == 0 else lambda value: channel.get(timeout=20)
        try:
            results[rank] = run(
                config,
                STAGES if rank == 0 else SECOND_RANK,
                run_dir=folder,
                data_digest=data_digest if rank == 0 else None,
                coordinator=Coordinator(rank, broadcast),
            )
        except Exception as error:
            results[rank] = error

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert channel.empty()
    return results


def test_both_ranks_come_to_the_same_end(tmp_path):
    first, second = run_two_ranks(tmp_path / "two", make_config())
    assert first == second
    assert {name: verdict.state for name, verdict in first.items()} == dict.fromkeys(first, "missing")
    run_tree(tmp_path / "one")
    assert read_outputs(tmp_path / "two") == read_outputs(tmp_path / "one")


def test_an_error_of_the_first_rank_reaches_the_other(tmp_path):
    run_tree(tmp_path)
    path = tmp_path / "adapt/a0001/manifest.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 7'))
    first, second = run_two_ranks(tmp_path, make_config())
    assert isinstance(first, ManifestError)
    assert isinstance(second, ManifestError)
    assert "unknown schema 7" in str(second)
