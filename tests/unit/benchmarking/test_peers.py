import pytest

from pipeline.benchmarking.peers import CHECKOUTS, named_peers, peer_module
from pipeline.errors import PipelineError


def make_checkout(folder):
    package = folder / "package" / "inner"
    package.mkdir(parents=True)
    for init in (folder / "package", package):
        (init / "__init__.py").write_text("raise ImportError('the package asks for the world')\n")
    (package / "constants.py").write_text("ANSWER = 42\n")
    (package / "functions.py").write_text("from .constants import ANSWER\n\n\ndef answer():\n    return ANSWER\n")
    return package


def test_a_module_is_imported_without_the_packages_around_it(tmp_path):
    assert peer_module(make_checkout(tmp_path), "functions").answer() == 42


def test_a_module_that_is_not_there_is_named_with_the_way_out(tmp_path):
    with pytest.raises(PipelineError, match=r"gives no module rank_cy .*build_ext --inplace"):
        peer_module(make_checkout(tmp_path), "rank_cy")


def test_peers_are_those_that_the_environment_names(tmp_path, monkeypatch):
    for variable in CHECKOUTS.values():
        monkeypatch.delenv(variable, raising=False)
    assert named_peers("torchreid", "SpCL") == {}
    monkeypatch.setenv("SPCL_CHECKOUT", str(tmp_path))
    assert named_peers("torchreid", "SpCL") == {"SpCL": tmp_path.resolve()}


def test_a_variable_that_names_no_folder_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("SPCL_CHECKOUT", str(tmp_path / "nowhere"))
    with pytest.raises(PipelineError, match=r"SPCL_CHECKOUT names .*nowhere"):
        named_peers("SpCL")
