import pytest

from pipeline.benchmarking.peers import CHECKOUTS
from tools import bench_jaccard, bench_ranking, bench_rerank


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


def test_ranking_benchmark_agrees_with_the_plain_code(capsys):
    assert bench_ranking.main(["--share", "0.02", "--dimension", "16"]) == 0
    assert "| plain full argsort |" in capsys.readouterr().out


def test_rerank_benchmark_agrees_with_the_plain_code(capsys):
    assert bench_rerank.main(["--shares", "0.01,0.02", "--dimension", "16"]) == 0
    assert "ours grows as N^" in capsys.readouterr().out


@pytest.mark.parametrize("tool", [bench_jaccard, bench_ranking])
def test_a_checkout_that_is_not_there_is_told_in_one_line(tool, monkeypatch, tmp_path, capsys):
    for variable in CHECKOUTS.values():
        monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    assert tool.main([]) == 2
    assert "a folder with a checkout of" in capsys.readouterr().err
