"""The kinds of stages that a run can be made of."""

from pipeline.stage import Stage
from stages import evaluate, progressive_kd, source_pretrain

STAGES: dict[str, Stage] = {
    stage.kind: stage for stage in (source_pretrain.STAGE, progressive_kd.STAGE, evaluate.STAGE)
}
