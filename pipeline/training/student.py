"""The student of a stage that distils a re-ID network, as it begins."""

from pathlib import Path
from typing import Any

from pipeline import build
from pipeline.checkpoint import load_model
from pipeline.models.reid import ReIDModel
from pipeline.stage import StageContext
from pipeline.training.structure_file import STRUCTURE, with_structure


def starting_student(context: StageContext, num_identities: int, device: Any) -> ReIDModel:
    """Return the network that `train` names, from `init` where there is one, on its device.

    Args:
        context: of a stage with settings `train` and `init`.
        num_identities: of the source.
        device: where it computes.

    Raises:
        ConfigError: `init` is another network than `train`.
    """
    config: Any = context.config
    return starting_network(
        context, config.train, init=config.init, num_identities=num_identities, device=device, seed=context.seed
    )


def trained_spec(context: StageContext, name: str) -> dict[str, Any]:
    """Return the arguments of `build.reid_model` of a network that learns, with the structure that a search found.

    Args:
        context: of the stage; `structure` among its settings is meant for the model that `train` names.
        name: of the model.

    Raises:
        ConfigError: the structure is one of another network.
    """
    spec = build.model_spec(context.run_config.models[name])
    structure = getattr(context.config, STRUCTURE, None)
    if structure is None or name != context.config.train:
        return spec
    return with_structure(spec, Path(context.inputs[structure].path), wanted=name)


def starting_network(
    context: StageContext, name: str, *, init: str | None, num_identities: int, device: Any, seed: int
) -> ReIDModel:
    """Return a network that is to learn, on its device.

    A classifier over another number of identities is replaced by a fresh one.

    Args:
        context: of the stage.
        name: of its model.
        init: artifact that it starts from; None draws fresh weights.
        num_identities: of the source.
        device: where it computes.
        seed: of fresh weights.

    Raises:
        ConfigError: the artifact is another network than the model.
    """
    spec = trained_spec(context, name)
    if init is not None:
        loaded = load_model(Path(context.inputs[init].path))
        loaded.check_spec(spec, wanted=name)
        fresh = loaded.model
        if fresh.num_classes != num_identities:
            fresh.reset_classifier(num_identities)
    else:
        # So that a student begins with the same weights whatever was read before.
        build.seed_everything(seed)
        fresh = build.reid_model(**spec, num_classes=num_identities)
    placed: ReIDModel = build.placed(fresh, context.run_config.runtime, device)  # type: ignore[assignment]
    return placed
