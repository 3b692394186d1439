"""Which modules with weights, and which blocks, belong to which stage of a trunk."""

from collections.abc import Mapping

from torch import nn

from pipeline.models.taps import MapShape


def modules_by_stage(root: nn.Module, stages: Mapping[str, str]) -> dict[str, tuple[nn.Module, ...]]:
    """Return the modules that hold weights themselves, stage by stage, in the order in which they were registered.

    Args:
        root: network.
        stages: dotted module name of each stage by canonical name, in the order of the forward pass.

    Returns:
        Modules by canonical name. What is registered between two stages, as transitions are, belongs to the later one;
        what stands before the first or after the last belongs to none.
    """
    found: dict[str, list[nn.Module]] = {stage: [] for stage in stages}
    waiting: list[nn.Module] = []
    has_begun = False
    for name, module in root.named_modules():
        if not any(True for _ in module.parameters(recurse=False)):
            continue
        stage = next((s for s, path in stages.items() if name == path or name.startswith(f"{path}.")), None)
        if stage is None:
            waiting.append(module)
            continue
        found[stage] += [*(waiting if has_begun else ()), module]
        waiting, has_begun = [], True
    return {stage: tuple(modules) for stage, modules in found.items()}


def blocks_by_stage(
    root: nn.Module, stages: Mapping[str, str], shapes: Mapping[str, MapShape]
) -> dict[str, tuple[str, ...]]:
    """Return the blocks of each stage whose maps have the shape of the stage's own, so that they can be added up.

    Blocks are the children of a stage that is a sequence, or of its child `blocks`. In a densely connected stage, or
    one whose first block halves the map in a later layer, some or all of them differ from the stage and are left out.

    Args:
        root: network.
        stages: dotted module name of each stage by canonical name.
        shapes: of every map by dotted module name.

    Returns:
        Dotted module names by canonical name, in the order of the forward pass; stages with a single one are left out.
    """
    found = {}
    for stage, path in stages.items():
        names = [name for name in _block_names(root, path) if name in shapes and shapes[name] == shapes.get(path)]
        if len(names) > 1:
            found[stage] = tuple(names)
    return found


def _block_names(root: nn.Module, path: str) -> list[str]:
    stage = root.get_submodule(path)
    inner = getattr(stage, "blocks", None)
    if isinstance(inner, nn.Sequential):
        stage, path = inner, f"{path}.blocks"
    children = {name: child for name, child in stage.named_children() if any(True for _ in child.parameters())}
    # A stage that is no Sequential but calls its blocks in turn has children of one kind.
    is_sequence = isinstance(stage, nn.Sequential) or len({type(child) for child in children.values()}) == 1
    return [f"{path}.{name}" for name in children] if is_sequence else []
