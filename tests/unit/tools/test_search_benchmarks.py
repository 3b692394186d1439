"""The benchmarks of search and extraction run at a tiny size; no time is looked at."""

import importlib

from pipeline.benchmarking import measured_child
from tools import bench_extraction, bench_index


def test_index_benchmark_agrees_with_the_plain_search(capsys):
    words = ["--rows", "600", "--dimension", "32", "--latent", "8", "--queries", "9", "--single", "3"]
    assert bench_index.main([*words, "--kinds", "ivf,hnsw"]) == 0
    said = capsys.readouterr().out
    assert "| flat | 1.000 | 1.000 |" in said
    assert said.count("| hnsw |") == 2


def test_extraction_benchmark_measures_all_cases(monkeypatch, capsys):
    def in_this_process(job, *, threads=1, **arguments):
        module, _, function = job.partition(":")
        value = getattr(importlib.import_module(module), function)(**arguments)()
        return measured_child.Cost(2.0, 1.0, 10.0, 12.0, value)

    # Importing all networks in six processes takes longer than the work.
    monkeypatch.setattr(measured_child, "measured_child", in_this_process)
    words = ["--images", "3", "--stored", "40", "20", "--size", "32", "16", "--no-flip", "--batch", "2"]
    assert bench_extraction.main(words) == 0
    said = capsys.readouterr().out
    for case in (*bench_extraction.CASES, bench_extraction.WAITING):
        assert f"| {case} |" in said
