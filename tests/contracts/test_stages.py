"""What every listed stage must be; a new entry is tested the moment it is in the table."""

import inspect

import pytest

from pipeline.config.schema import StageConfig
from pipeline.stage import Stage, StageContext, StageResult
from stages import STAGES


@pytest.mark.parametrize("kind", STAGES)
def test_a_stage_is_a_complete_record(kind):
    stage = STAGES[kind]
    assert isinstance(stage, Stage)
    assert stage.kind == kind
    assert stage.version >= 1
    assert len(set(stage.provides)) == len(stage.provides)
    assert issubclass(stage.config_type, StageConfig)
    assert stage.config_type.model_config["extra"] == "forbid"
    assert stage.config_type.model_fields["kind"].annotation.__args__ == (kind,)


@pytest.mark.parametrize("kind", STAGES)
def test_a_stage_runs_on_a_context_alone(kind):
    (parameter,) = inspect.signature(STAGES[kind].run).parameters.values()
    assert parameter.annotation is StageContext
    assert inspect.signature(STAGES[kind].run).return_annotation is StageResult


@pytest.mark.parametrize("kind", STAGES)
def test_settings_are_explained_and_typed(kind):
    assert STAGES[kind].config_type.__doc__
    assert STAGES[kind].run.__doc__
    assert all(field.annotation is not None for field in STAGES[kind].config_type.model_fields.values())
