"""The task of a comparison: a configuration that is varied in one stage, for all methods of a case at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.comparison.budget import with_steps
from pipeline.comparison.cases import Case, Tree, without_sharing
from pipeline.comparison.fairness import FairMethod, check_fair
from pipeline.comparison.methods import Method, changed
from pipeline.config.graph import run_order
from pipeline.config.load import check_config, load_config
from pipeline.config.schema import RunConfig
from pipeline.config.sources import Source
from pipeline.errors import ConfigError
from pipeline.stage import Stage

_DRAWN = "world"


@dataclass(frozen=True)
class CasePlan:
    """What one case runs.

    Args:
        tree: the configuration of all methods.
        fair: what to tell of each method's settings.
        references: other models that the evaluation scores.
    """

    tree: Tree
    fair: Mapping[str, FairMethod]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """What is compared on what.

    Args:
        config: YAML file of the run.
        stage: the stage that is varied.
        score: the evaluation that scores all methods.
        methods: what each changes.
        kinds: the known kinds of stages.
        overrides: texts `a.b.c=value`, for all cases.
    """

    config: Path
    stage: str
    score: str
    methods: Mapping[str, Method]
    kinds: Mapping[str, Stage]
    overrides: Sequence[str] = ()

    def plan(self, case: Case, *, steps: Mapping[str, int]) -> CasePlan:
        """Return what one case runs: all methods after what they need, and one evaluation of all.

        Args:
            case: domain pair and seed.
            steps: of each method, all in all; those that are written where a name is missing.

        Raises:
            ConfigError: there is no such stage, or the methods can't be compared.
        """
        tree = self._case_tree(case)
        stages, models = tree["stages"], tree["stages"][self.score]["models"]
        if not isinstance(models, dict):
            raise ConfigError(f"{self.score}.models is a list", "names, such as {teacher_direct: pretrain.best}")
        taken = [name for name in self.methods if name in stages or name in models]
        if taken:
            raise ConfigError(f"a method is called {taken[0]!r}", f"none of the names of {self.config}")
        references, varied, score = tuple(models), stages[self.stage], stages.pop(self.score)
        for name, method in self.methods.items():
            stages[name] = changed(varied, method.change, known=self._known(varied, method))
            models[name] = f"{name}.last"
        stages[self.score] = score
        config = self.resolve(tree)
        fair = check_fair(config.stages, self.methods, reference=self.stage)
        for name in steps:
            stages[name] = with_steps(name, stages[name], steps[name])
        # What is only needed by methods that take no part in this comparison is not run.
        needed = run_order(config.stages, until=self.score, data=config.data)
        tree["stages"] = {name: stage for name, stage in stages.items() if name in needed}
        return CasePlan(without_sharing(tree), fair, references)

    def _known(self, varied: Mapping[str, Any], method: Method) -> Collection[str] | None:
        kind = method.change.get("kind", varied["kind"])
        return None if kind == varied["kind"] or kind not in self.kinds else self.kinds[kind].config_type.model_fields

    def resolve(self, tree: Tree) -> RunConfig:
        """Return a configuration with all defaults.

        Args:
            tree: plain values.
        """
        return check_config(Source(without_sharing(tree)), self.kinds, {})

    def _case_tree(self, case: Case) -> dict[str, Any]:
        tree = load_config(self.config, [f"seed={case.seed}", *self.overrides], self.kinds).to_tree()
        for name in (self.stage, self.score):
            if name not in tree["stages"]:
                raise ConfigError(f"{self.config} has no stage {name!r}", f"one of {', '.join(tree['stages'])}")
        for name, entry in tree["data"].items():
            is_drawn = str(entry["kind"]).startswith(_DRAWN)
            if case.source and not is_drawn:
                raise ConfigError(
                    f"a pair of domains, and data.{name} is of kind {entry['kind']}", "drawn worlds, which alone have "
                    "domains", "Give --seeds without --pair: all data are taken as the configuration has them.",
                )  # fmt: skip
            if case.source:
                entry["domain"] = case.source if name == "source" else case.target
            if is_drawn:
                entry["seed"] = case.seed
        return tree


def other_settings(wanted: Tree, stored: Tree, *, score: str) -> str:
    """Say in what a stored case differs from the one that is asked for; empty where its numbers are the answer.

    A stored case may have more methods, and may have been carried out in another way (`runtime`). A model that it does
    not have can only be named by a stage that it does not have either.

    Args:
        wanted: the resolved configuration.
        stored: the resolved configuration that was run.
        score: the evaluation.
    """
    if wanted["seed"] != stored["seed"]:
        return "seed"
    for part in ("data", "models"):
        if any(wanted[part][name] != entry for name, entry in stored[part].items() if name in wanted[part]):
            return part
    asked, there = wanted["stages"], stored["stages"]
    for name, stage in asked.items():
        if name not in there:
            return f"stages.{name}"
        changes = [key for key in stage if (name, key) != (score, "models") and stage[key] != there[name].get(key)]
        if changes:
            return f"stages.{name}.{changes[0]}"
    missing = [name for name, model in asked[score]["models"].items() if there[score]["models"].get(name) != model]
    return f"stages.{score}.models.{missing[0]}" if missing else ""
