"""Target labels have no influence on an adaptation: hidden, shuffled or poisoned, the weights are the same bits."""

from dataclasses import dataclass, replace

import pytest

from datasets.kinds import DATA_KINDS, world
from datasets.records import ReIDData, ReIDSample
from pipeline import build
from pipeline.config.binding import ComponentTable
from tests.smoke.tiny import make_tree, manifest_of, only, run_tree, weights_of

STAGES = ("pretrain", "adapt")


def make_site(*, domain: str, labels: str = "true") -> ReIDData:
    """Return the target with its person ids as they are, in another order, or such that reading one raises."""
    data = world(domain=domain, seed=1, identities=6, cameras=3, shots=3, size=(32, 16))
    if labels == "shuffled":
        ids = [sample.person_id for sample in data.samples]
        pairs = zip(data.samples, ids[::-1], strict=True)
        return replace(data, samples=tuple(replace(sample, person_id=person) for sample, person in pairs))
    if labels == "none":
        return data.without_labels()
    return data


@pytest.fixture
def tree(monkeypatch):
    monkeypatch.setitem(DATA_KINDS, "site", make_site)
    table = ComponentTable(DATA_KINDS)
    monkeypatch.setitem(build.COMPONENTS, "data", table)
    made = only(make_tree(init=None, rounds=2, steps=2), *STAGES)
    made["data"]["target"] = {"kind": "site", "domain": "winter_station"}
    return made


@pytest.mark.parametrize("labels", ["shuffled", "none"])
def test_other_labels_give_the_same_weights(tree, tmp_path, labels):
    run_tree(tree, tmp_path / "true")
    tree["data"]["target"]["labels"] = labels
    run_tree(tree, tmp_path / labels)
    assert weights_of(tmp_path / labels, *STAGES) == weights_of(tmp_path / "true", *STAGES)
    assert manifest_of(tmp_path / labels, "adapt")["data"]["target"]["labels_read"] is False


@dataclass(frozen=True)
class Poisoned(ReIDSample):
    """A record whose person must not be looked at once it has left the reader."""

    def __getattribute__(self, name: str) -> object:
        if name == "person_id":
            raise AssertionError("somebody read a person id of the target")
        return super().__getattribute__(name)


def test_nobody_below_the_reader_reads_a_person(tree, tmp_path, monkeypatch):
    def poison(data):
        fields = ("path", "camera_id", "domain", "frame", "tracklet_id")
        samples = tuple(
            Poisoned(person_id=None, **{name: getattr(sample, name) for name in fields}) for sample in data.samples
        )
        return replace(data, samples=samples)

    run_tree(tree, tmp_path / "plain")
    monkeypatch.setattr(ReIDData, "without_labels", poison)
    run_tree(tree, tmp_path / "poisoned")
    assert weights_of(tmp_path / "poisoned", *STAGES) == weights_of(tmp_path / "plain", *STAGES)
