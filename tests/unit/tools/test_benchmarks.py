import pytest

from pipeline.benchmarking.peers import CHECKOUTS
from tools import bench_clips, bench_jaccard, bench_ranking, bench_rerank


@pytest.fixture(autouse=True)
def _without_peers(monkeypatch):
    for variable in CHECKOUTS.values():
        monkeypatch.delenv(variable, raising=False)


def test_jaccard_benchmark_agrees_with_the_plain_code_and_draws(tmp_path, capsys):
    picture = tmp_path / "curve.svg"
    words = ["--counts", "120,240", "--dimension", "16", "--noise", "0.5", "--plot", str(picture)]
    assert bench_jaccard.main(words) == 0
    said = capsys.readouterr().out
    assert said.count("| plain N x N |") == 2
    assert "algebra CPU s: grows as N^" in said
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_ranking_benchmark_agrees_with_the_plain_code_and_draws(tmp_path, capsys):
    picture = tmp_path / "curve.svg"
    assert bench_ranking.main(["--shares", "0.01,0.02", "--dimension", "16", "--plot", str(picture)]) == 0
    assert capsys.readouterr().out.count("| plain full argsort |") == 2
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_rerank_benchmark_agrees_with_the_plain_code_and_draws(tmp_path, capsys):
    picture = tmp_path / "curve.svg"
    assert bench_rerank.main(["--shares", "0.01,0.02", "--dimension", "16", "--plot", str(picture)]) == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert "ours grows as N^" in capsys.readouterr().out


@pytest.mark.parametrize("tool", [bench_jaccard, bench_ranking])
def test_a_checkout_that_is_not_there_is_told_in_one_line(tool, monkeypatch, tmp_path, capsys):
    for variable in CHECKOUTS.values():
        monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    assert tool.main([]) == 2
    assert "a folder with a checkout of" in capsys.readouterr().err


def test_clips_benchmark_measures_all_networks(capsys):
    assert bench_clips.main(["--sides", "32", "--batches", "1", "--length", "2", "--seconds", "0.01"]) == 0
    said = capsys.readouterr().out
    assert all(f"| {network} |" in said for network in bench_clips.NETWORKS)
