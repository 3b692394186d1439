"""The structures that a search chooses among: sizes of each stage of one network, what they cost, how they are told."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import build
from pipeline.errors import ConfigError
from pipeline.models.candidate_blocks import BlockCutter, Candidate, candidates_of, cost_tables
from pipeline.models.complexity import cost_of
from pipeline.models.reid import ReIDModel
from pipeline.models.scaling import structure_of
from pipeline.training.structure_choice import Combination, best_within, undominated


class StructureSpace:
    """Every combination of one candidate for each stage.

    Args:
        spec: arguments of `build.reid_model` of the network whose stages are varied.
        widths: factors on the channels of a stage.
        depths: blocks of a stage.
        name: of the network in the configuration, for messages.

    Raises:
        ConfigError: the network has weights, or its stages cannot be varied.
    """

    def __init__(
        self, spec: Mapping[str, Any], *, widths: Sequence[float], depths: Sequence[int], name: str
    ) -> None:  # fmt: skip
        if spec["weights"] != "scratch":
            raise ConfigError(
                f"models.{name} has weights {spec['weights']}", "weights: scratch",
                "A structure that is searched has no weights yet.",
            )  # fmt: skip
        self.spec = spec
        self.parent = structure_of(spec["arch"], spec["args"])
        self.cutter = BlockCutter(spec["arch"], self.parent, self.network)
        self.candidates = candidates_of(self.parent, widths, depths)
        self.costs = cost_tables(self.network, self.candidates)

    @property
    def stages(self) -> tuple[str, ...]:
        """Canonical names of the stages."""
        return tuple(f"stage{number}" for number in range(1, len(self.candidates) + 1))

    def args(self, sizes: Sequence[Candidate]) -> dict[str, Any]:
        """Return the trunk's arguments of a network of these sizes."""
        keys = {self.parent.channel_key: [size.channels for size in sizes],
                self.parent.layer_key: [size.layers for size in sizes]}  # fmt: skip
        return {**self.spec["args"], **keys}

    def network(self, sizes: Sequence[Candidate]) -> ReIDModel:
        """Return a fresh network of these sizes."""
        return build.reid_model(**{**self.spec, "args": self.args(sizes)})

    def sizes(self, combination: Combination) -> list[Candidate]:
        """Return the sizes that a combination picks."""
        return [own[pick] for own, pick in zip(self.candidates, combination.picks, strict=True)]

    def check_budget(self, budget: int) -> None:
        """Refuse a budget that no structure fits, before anything is trained.

        Args:
            budget: most multiply-adds.

        Raises:
            ConfigError: even the smallest structure costs more.
        """
        best_within(undominated([[0.0] * len(own) for own in self.candidates], self.costs), budget=budget)

    def told(self, combination: Combination) -> dict[str, Any]:
        """Return a combination as plain values."""
        sizes = self.sizes(combination)
        return {
            "channels": [size.channels for size in sizes], "layers": [size.layers for size in sizes],
            "macs": combination.macs, "rank": combination.rank,
        }  # fmt: skip

    def chosen(self, front: Sequence[Combination], *, budget: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the best structure within a budget: as arguments of the trunk, and as what is told of it.

        Args:
            front: what `undominated` returned.
            budget: most multiply-adds.
        """
        best = best_within(front, budget=budget)
        sizes = self.sizes(best)
        params, macs = cost_of(self.network(sizes))
        assert macs == best.macs, f"a structure of {best.macs} multiply-adds has {macs}"
        return self.args(sizes), {**self.told(best), "params": params}

    def ranked(self, ranks: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
        """Return every candidate with its rank as plain values.

        Args:
            ranks: of each candidate, stage by stage.
        """
        return [
            {"stage": stage, "channels": one.channels, "layers": one.layers, "rank": rank}
            for stage, own, found in zip(self.stages, self.candidates, ranks, strict=True)
            for one, rank in zip(own, found, strict=True)
        ]
