"""The student of a stage that distils a re-ID network, as it begins."""

from pathlib import Path
from typing import Any

from pipeline import build
from pipeline.checkpoint import load_model
from pipeline.models.reid import ReIDModel
from pipeline.stage import StageContext


def starting_student(context: StageContext, num_identities: int, device: Any) -> ReIDModel:
    """Return the network that `train` names, from `init` where there is one, on its device.

    A classifier over another number of identities is replaced by a fresh one.

    Args:
        context: of a stage with settings `train` and `init`.
        num_identities: of the source.
        device: where it computes.

    Raises:
        ConfigError: `init` is another network than `train`.
    """
    config: Any = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    if config.init is not None:
        loaded = load_model(Path(context.inputs[config.init].path))
        loaded.check_spec(spec, wanted=config.train)
        fresh = loaded.model
        if fresh.num_classes != num_identities:
            fresh.reset_classifier(num_identities)
    else:
        # So that a student begins with the same weights whatever was read before.
        build.seed_everything(context.seed)
        fresh = build.reid_model(**spec, num_classes=num_identities)
    placed: ReIDModel = build.placed(fresh, context.run_config.runtime, device)  # type: ignore[assignment]
    return placed
