"""What stays of footage: pictures go from every attempt, their run stays fresh, and what broke off is ended."""

import json

import pytest

from pipeline.config.load import check_config
from pipeline.config.references import DataRef
from pipeline.config.schema import StageConfig
from pipeline.config.sources import Source
from pipeline.errors import DataError, ManifestError
from pipeline.report.page_provenance import notes
from pipeline.report.run_files import read_run
from pipeline.retention import DELETED, delete_pictures
from pipeline.runner import RunOptions, run
from pipeline.stage import Output, Stage, StageResult
from pipeline.training import kept_embeddings
from pipeline.training.kept_embeddings import keep_embeddings
from tests.unit.runner import fakes
from tests.unit.runner.fakes import data_digest
from tools import status

FRAMES, CROPS, TABLE = "frames/hall/01.jpg", "crops/hall/a_01.jpg", "tracklets.csv"


class FootageConfig(StageConfig):
    footage: DataRef
    count: int = 2


def leaving(role, table, pictures):
    """Return what a stage does that cuts pictures out of footage."""

    def do(context):
        for number in range(context.config.count):
            path = context.attempt / pictures.replace("01", f"{number + 1:02d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number} {context.seed}")
        (context.attempt / table).write_text(f"{context.config.count} rows")
        facts = {context.config.footage: {"labels_read": False}}
        return StageResult({role: Output(table)}, {}, facts)

    return do


STAGES = {
    **fakes.STAGES,
    "sample_frames": Stage("sample_frames", 1, FootageConfig, ("frames",), leaving("frames", "frames.csv", FRAMES)),
    "track_people": Stage("track_people", 1, FootageConfig, ("tracklets",), leaving("tracklets", TABLE, CROPS)),
}


def make_tree(**people):
    tree = fakes.make_tree()
    tree["stages"] = {
        "frames": {"kind": "sample_frames", "footage": "target"},
        "people": {"kind": "track_people", "footage": "target", **people},
        "adapt": {"kind": "combine", "teacher": "people.tracklets", "target": "target"},
    }
    return tree


def run_tree(folder, tree=None, **options):
    config = check_config(Source(tree or make_tree()), STAGES, {})
    verdicts = run(config, STAGES, run_dir=folder, data_digest=data_digest, options=RunOptions(**options))
    return {name: str(verdict) for name, verdict in verdicts.items()}


def pictures(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


def note_of(folder, stage, attempt="a0001"):
    return json.loads((folder / stage / attempt / "removed.json").read_text())


@pytest.mark.parametrize(
    ("keep", "left", "tables"),
    [("none", [], False), ("embeddings", [], False), ("tracklets", ["people/a0001/crops/hall/a_01.jpg",
     "people/a0001/crops/hall/a_02.jpg"], True)],
)  # fmt: skip
def test_a_run_stays_fresh_and_says_what_is_gone(tmp_path, capsys, keep, left, tables):
    run_tree(tmp_path)
    deleted = delete_pictures(tmp_path, keep)
    assert pictures(tmp_path) == left
    assert (tmp_path / "people" / "a0001" / TABLE).exists() is tables
    assert deleted.files == ({"frames": 2} if tables else {"frames": 2, "people": 3})
    assert set(note_of(tmp_path, "frames")["files"]) == {FRAMES, FRAMES.replace("01", "02")}
    said = run_tree(tmp_path)
    assert said["frames"] == f"fresh (2 files removed by --keep {keep})"
    assert said["people"] == ("fresh" if tables else f"fresh (3 files removed by --keep {keep})")
    assert said["adapt"] == "fresh"
    assert status.main([str(tmp_path), "verify"]) == 0
    assert f"intact   frames/a0001: 5 files, 2 files removed by --keep {keep}" in capsys.readouterr().out
    assert f"frames: 2 files removed by --keep {keep}." in notes(read_run(tmp_path))


def test_a_stricter_choice_takes_more_and_the_same_one_nothing(tmp_path):
    run_tree(tmp_path)
    assert delete_pictures(tmp_path, "tracklets").files == {"frames": 2}
    assert delete_pictures(tmp_path, "none").files == {"people": 3}
    first = note_of(tmp_path, "people")
    assert delete_pictures(tmp_path, "none").files == {}
    assert note_of(tmp_path, "people") == first


def test_older_attempts_and_unfinished_ones_lose_their_pictures_too(tmp_path):
    run_tree(tmp_path)
    run_tree(tmp_path, make_tree(count=3))
    begun = tmp_path / "people" / "a0003" / "crops" / "hall"
    begun.mkdir(parents=True)
    (begun / "a_09.jpg").write_text("half")
    deleted = delete_pictures(tmp_path, "none")
    assert pictures(tmp_path) == []
    assert (deleted.files["people"], deleted.attempts) == (7, 1)
    assert set(note_of(tmp_path, "people", "a0002")["files"]) >= {CROPS, TABLE}


def test_a_deletion_that_broke_off_is_ended_by_the_next(tmp_path, monkeypatch):
    run_tree(tmp_path)
    unlink, calls = type(tmp_path).unlink, []

    def dying(path, *arguments, **options):
        calls.append(path)
        if path.name == "a_02.jpg":
            raise OSError("the power went")
        return unlink(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "unlink", dying)
        with pytest.raises(OSError, match="power"):
            delete_pictures(tmp_path, "none")
    assert run_tree(tmp_path)["people"].startswith("fresh")
    assert pictures(tmp_path) == ["people/a0001/crops/hall/a_02.jpg"]
    assert delete_pictures(tmp_path, "none").files == {"people": 2}
    assert pictures(tmp_path) == []


def test_what_needs_the_pictures_again_is_refused_until_they_are_made_again(tmp_path):
    run_tree(tmp_path)
    delete_pictures(tmp_path, "none")
    tree = make_tree()
    tree["stages"]["adapt"]["rate"] = 2.0
    sentence = r"input people\.tracklets is not whole: 3 files removed by --keep none\. Run with --restart people"
    with pytest.raises(ManifestError, match=sentence):
        run_tree(tmp_path, tree)
    run_tree(tmp_path, tree, restart=("people",))
    assert run_tree(tmp_path, tree)["adapt"] == "fresh"
    assert len(pictures(tmp_path)) == 2


def test_a_file_that_is_missing_without_a_note_is_still_damage(tmp_path):
    run_tree(tmp_path)
    delete_pictures(tmp_path, "tracklets")
    (tmp_path / "people" / "a0001" / CROPS).unlink()
    assert status.main([str(tmp_path), "verify"]) == 1
    (tmp_path / "frames" / "a0001" / "removed.json").write_text("{}")
    with pytest.raises(ManifestError, match="keep or files is missing"):
        delete_pictures(tmp_path, "none")


def test_another_word_is_refused_and_a_run_without_footage_is_left_alone(tmp_path):
    with pytest.raises(ManifestError, match="keep is 'all'; expected one of tracklets, embeddings, none"):
        delete_pictures(tmp_path, "all")
    fakes.run_tree(tmp_path)
    for keep in DELETED:
        assert delete_pictures(tmp_path, keep).files == {}


def make_adapted(tmp_path, monkeypatch):
    """Return a run whose stage adapts to tracklets; networks are not needed to know what would be embedded."""
    run_tree(tmp_path)
    (tmp_path / "adapt" / "a0001" / "best.safetensors").write_text("weights")
    tree = {
        "data": {"crops": {"kind": "tracklets", "from": "people.tracklets"}, "target": {"kind": "folder"}},
        "stages": {
            "adapt": {"kind": "progressive_kd", "target": "crops"},
            "other": {"kind": "progressive_kd", "target": "target"},
        },
    }
    (tmp_path / "config.yaml").write_text(json.dumps(tree))
    made = []

    def extract(model, data, table, **settings):
        made.append((data, table, settings["plan"].site))
        table.mkdir(parents=True)
        (table / "table.json").write_text("{}")

    monkeypatch.setattr(kept_embeddings, "extract_table", extract)
    monkeypatch.setattr(kept_embeddings, "read_tracklets", lambda root: root)
    loaded = type("Loaded", (), {"model": None, "cameras": None})
    monkeypatch.setattr(kept_embeddings, "load_model", lambda path: loaded)
    return made


def test_embeddings_are_made_before_the_crops_go_and_go_themselves_where_nothing_is_kept(tmp_path, monkeypatch):
    made = make_adapted(tmp_path, monkeypatch)
    table = tmp_path / "embeddings" / "adapt-crops.table"
    assert keep_embeddings(tmp_path) == [table]
    assert made == [(str(tmp_path / "people" / "a0001"), table, "crops")]
    delete_pictures(tmp_path, "embeddings")
    assert table.is_dir()
    assert keep_embeddings(tmp_path) == [table]
    assert len(made) == 1
    assert delete_pictures(tmp_path, "none").tables == 1
    assert not table.exists()
    with pytest.raises(DataError, match="the crops of stage people cannot be embedded: 3 files removed by --keep"):
        keep_embeddings(tmp_path)
