"""Stages of a network cut out of it, in several widths and depths, and what networks of such stages cost."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline.errors import ConfigError
from pipeline.models.reid import ReIDModel
from pipeline.models.scaling import Structure, scaled_channels


@dataclass(frozen=True, order=True)
class Candidate:
    """The size of one stage.

    Args:
        channels: of the stage.
        layers: blocks of the stage.
    """

    channels: int
    layers: int

    @property
    def name(self) -> str:
        """Return what logs call it."""
        return f"{self.channels}x{self.layers}"


# Makes a network, with fresh weights, of a size for each stage.
Make = Callable[[Sequence[Candidate]], ReIDModel]


def candidates_of(parent: Structure, widths: Sequence[float], depths: Sequence[int]) -> list[list[Candidate]]:
    """Return the candidates of each stage, each once, from the narrowest and shallowest on.

    Args:
        parent: what the widths are multiples of.
        widths: factors on the channels of a stage.
        depths: blocks of a stage.
    """
    return [
        sorted({Candidate(scaled_channels([own], width)[0], depth) for width in widths for depth in depths})
        for own in parent.channels
    ]


class BlockCutter:
    """Cuts stages of chosen sizes out of networks of one family.

    Args:
        arch: name of the trunk, for messages.
        parent: its channels and blocks.
        make: builds a network.

    Raises:
        ConfigError: nobody can choose its blocks, or it has other parts between its stages.
    """

    def __init__(self, arch: str, parent: Structure, make: Make) -> None:
        self.make = make
        self.sizes = [Candidate(channels, 1) for channels in parent.channels]
        uncut = ConfigError(
            f"{arch} cannot be cut into stages of chosen widths and depths", "a ResNet of timm, or separable",
            "Name such a model as train.",
        )  # fmt: skip
        if not parent.layers:
            raise uncut
        model = make(self.sizes)
        children = [name for name, _ in model.tap_root.named_children()]
        paths = list(model.stages.values())
        first = children.index(paths[0]) if paths and paths[0] in children else 0
        # What stands between two stages would be missing between two blocks.
        if children[first : first + len(self.sizes)] != paths:
            raise uncut
        self.expansion = model.shape.maps["stage1"] // parent.channels[0]

    def block(self, number: int, candidate: Candidate, *, reads: int, writes: int) -> nn.Module:
        """Return a stage that takes a teacher's map and answers with another one of its maps.

        Args:
            number: of the stage, from 0 on; the first one comes with everything before it and takes images.
            candidate: size of the stage.
            reads: channels of the map that it takes.
            writes: channels of the map that it is compared with, behind a 1 x 1 convolution.

        Raises:
            ConfigError: no stage of this network takes so many channels.
        """
        sizes = list(self.sizes)
        if number:
            if reads % self.expansion:
                raise ConfigError(
                    f"stage{number + 1} of the student takes a multiple of {self.expansion} channels, and the "
                    f"teacher's stage{number} has {reads}", "a student of basic blocks", "Name such a model as train.",
                )  # fmt: skip
            sizes[number - 1] = Candidate(reads // self.expansion, 1)
        sizes[number] = candidate
        model = self.make(sizes)
        leaves = candidate.channels * self.expansion
        return nn.Sequential(_cut(model, number), nn.Conv2d(leaves, writes, 1))


def _cut(model: ReIDModel, number: int) -> nn.Module:
    root, path = model.tap_root, list(model.stages.values())[number]
    if number:
        return root.get_submodule(path)
    children = dict(root.named_children())
    names = list(children)
    return nn.Sequential(*(children[name] for name in names[: names.index(path) + 1]))


def stage_costs(model: ReIDModel) -> tuple[int, ...]:
    """Return the multiply-adds of each stage for one image, of the first with the stem, of the last with the head.

    Args:
        model: network that embeds; left in eval mode.
    """
    model.eval()
    counter, ends = FlopCounterMode(display=False), []
    stages = [model.tap_root.get_submodule(path) for path in model.stages.values()]
    handles = [m.register_forward_hook(lambda *_: ends.append(counter.get_total_flops())) for m in stages]
    with torch.no_grad(), counter:
        model.embed(torch.zeros(1, 3, *model.size))
    for handle in handles:
        handle.remove()
    marks = [0, *ends[:-1], counter.get_total_flops()]
    return tuple((after - before) // 2 for before, after in itertools.pairwise(marks))


def cost_tables(make: Make, candidates: Sequence[Sequence[Candidate]]) -> list[np.ndarray]:
    """Return what each candidate costs after each candidate of the stage before.

    Args:
        make: builds a network.
        candidates: of each stage.

    Returns:
        For each stage (candidates before, candidates) int64 multiply-adds; the first has one row. The entries of a
        combination add up to what the network costs.
    """
    counts = [len(own) for own in candidates]
    tables = [np.zeros((before, own), np.int64) for before, own in zip([1, *counts[:-1]], counts, strict=True)]
    # Neighbours are all that counts: networks of two sizes in turn have every pair of neighbours between them.
    for even, odd in itertools.product(range(max(counts)), repeat=2):
        picks = [min(odd if number % 2 else even, count - 1) for number, count in enumerate(counts)]
        costs = stage_costs(make([own[pick] for own, pick in zip(candidates, picks, strict=True)]))
        for table, before, pick, cost in zip(tables, [0, *picks[:-1]], picks, costs, strict=True):
            table[before, pick] = cost
    return tables
