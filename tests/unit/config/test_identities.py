"""Terms that need true identities are refused on the target when a configuration is read, and nowhere else."""

import pytest

from pipeline import build
from pipeline.config.binding import ComponentTable, bind, check, component_problems
from pipeline.errors import ConfigError
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from tests.smoke.tiny import make_config, make_tree

NEEDY = ["cross_entropy", "dkd", "ka", "nkd", "wsl"]


def read(objectives, *, key="objectives"):
    tree = make_tree()
    tree["stages"]["adapt"][key] = objectives
    return make_config(tree)


@pytest.mark.parametrize("name", NEEDY)
@pytest.mark.parametrize("on", [["target"], ["source", "target"]])
def test_a_term_on_identities_is_refused_on_the_target(name, on):
    with pytest.raises(ConfigError) as caught:
        read({name: {"on": on}})
    assert str(caught.value).endswith(
        f"stages.adapt.objectives.{name}: {name} needs true identities in the teacher's classes, and labels on the "
        "target are clusters; put it on the source alone, `on: [source]`, or take a term without labels, such as kd or "
        "relation"
    )


@pytest.mark.parametrize("name", NEEDY)
def test_it_stands_on_the_source_where_nothing_else_is_said(name):
    read({name: {}, "again": {"use": name, "on": ["source"]}})


def test_a_name_of_ones_own_does_not_hide_it():
    with pytest.raises(ConfigError, match=r"stages\.adapt\.objectives\.mine: ka needs true identities"):
        read({"mine": {"use": "ka", "on": ["target"]}})
    with pytest.raises(ConfigError, match=r"stages\.adapt\.teacher_objectives\.cross_entropy: cross_entropy needs"):
        read({"cross_entropy": {"on": ["target"]}}, key="teacher_objectives")


def test_settings_decide_where_they_do():
    read({"dtd": {}, "wsl_target": {"use": "wsl", "weights": "one", "on": ["target"]}})
    read({"dtd": {"adjust": "ps", "on": ["source"]}})
    with pytest.raises(ConfigError, match="dtd needs true identities"):
        read({"dtd": {"adjust": "ps"}})  # it stands on both domains by default


def test_terms_on_pseudo_labels_and_without_labels_stay_on_the_target():
    read({"triplet": {"on": ["target"]}, "kd": {"on": ["target"]}, "centroid_contrast": {}, "sp": {"tap": "embedding"}})


def test_all_refusals_are_told_together():
    with pytest.raises(ConfigError, match="3 problems"):
        read({"ka": {"on": ["target"]}, "nkd": {"on": ["target"]}, "kd": {"temprature": 1}})


def test_a_term_that_is_put_together_without_a_file_is_refused_as_well():
    with pytest.raises(ConfigError, match="ka needs true identities"):
        bind(build.COMPONENTS["objectives"], "ka", {"on": ["target"]})


def test_the_terms_of_every_mode_are_allowed():
    for terms in (*TEACHER_TERMS.values(), *STUDENT_TERMS.values()):
        for name, arguments in terms.items():
            bind(build.COMPONENTS["objectives"], arguments.get("use", name), arguments)


def test_objectives_between_detectors_have_no_such_rule():
    assert build.COMPONENTS["detection_objectives"].refuse is None


def test_a_table_may_refuse_what_fits_the_signature():
    def folder(root: str, depth: int = 1) -> None:
        """Stand for a reader."""

    asked = []

    def refuse(name, arguments):
        asked.append(dict(arguments))
        return f"{name} is too deep" if arguments.get("depth", 1) > 3 else None

    table = ComponentTable({"folder": folder}, refuse=refuse)
    assert bind(table, "folder", {"root": "x"}).arguments == {"root": "x"}
    with pytest.raises(ConfigError, match=r"^folder: folder is too deep$"):
        bind(table, "folder", {"root": "x", "depth": 4})
    with pytest.raises(ConfigError, match="should be a valid integer"):
        bind(table, "folder", {"root": "x", "depth": "4"})
    assert len(asked) == 2  # never about arguments of a wrong type


def test_the_demonstrations_components_are_all_allowed():
    config = make_config(make_tree())
    check(config, build.COMPONENTS)
    assert component_problems({"stages": config.stages}, build.COMPONENTS) == []
