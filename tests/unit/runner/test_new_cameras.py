"""A configuration for new cameras is derived from a run whose data may have any names."""

from types import SimpleNamespace

import pytest

from pipeline.errors import ManifestError
from pipeline.new_cameras.derive import derive
from pipeline.new_cameras.models_run import ModelsRun
from pipeline.new_cameras.truth import Truth
from pipeline.run_dir import RunDir
from tests.smoke.tiny import make_config
from tests.smoke.tiny_footage import make_models_tree

FOOTAGE = {"kind": "footage", "root": "videos"}


def renamed(value, name):
    """Return a tree in which whatever names the data set 'source' says another name."""
    if isinstance(value, dict):
        return {key: renamed(inner, name) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, name) for inner in value]
    return name if value == "source" else value


@pytest.fixture
def derived(monkeypatch, tmp_path):
    monkeypatch.setattr(ModelsRun, "artifact", lambda self, reference: SimpleNamespace(path="file", sha256="0" * 64))

    def of(name):
        tree = renamed(make_models_tree(), name)
        tree["data"][name] = tree["data"].pop("source")
        return derive(ModelsRun(RunDir(tmp_path), tree, make_config(tree)), FOOTAGE, name="new", truth=Truth())

    return of


def test_source_data_keep_their_name(derived):
    data = derived("elsewhere")["data"]
    assert data["site"] == FOOTAGE
    assert data["elsewhere"]["kind"] != "footage"


@pytest.mark.parametrize("name", ["site", "moments", "people"])
def test_source_data_that_are_called_like_those_of_the_new_cameras_are_refused(derived, name):
    with pytest.raises(ManifestError, match=f"calls source data {name}, as data of the new cameras are called"):
        derived(name)
