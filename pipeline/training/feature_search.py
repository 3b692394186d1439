"""The search of DFA: a student's steps on one part of the images, steps of the aggregation weights on another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline import distributed
from pipeline.errors import ConfigError
from pipeline.losses.distillation.dfa import AlphaParam, aggregate, alphas, bridge_loss, connect, st_loss, ts_loss
from pipeline.losses.distillation.maps import matched_sizes
from pipeline.models.reid import ReIDModel
from pipeline.models.taps import substituted
from pipeline.teaching.responses import respond
from pipeline.training.learner import Learner
from pipeline.training.loop import Batches
from pipeline.training.optim import load_optimizer_tensors, optimizer_tensors
from pipeline.training.precision import Precision
from pipeline.training.supervised import on_device
from pipeline.training.tensor_names import under
from pipeline.types import LossTerms, ReIDBatch

# The parts of a step's images: the student learns from one, the weights of the aggregation from the other.
STUDENT, AGGREGATION = "student", "aggregation"


@dataclass(frozen=True)
class SearchSettings:
    """What moves the weights.

    Args:
        rate: learning rate of the weights.
        g_st: factor of the student-to-teacher loss.
        g_ts: factor of the teacher-to-student loss.
        param: ``softmax`` or ``free``.
    """

    rate: float = 1e-3
    g_st: float = 1.0
    g_ts: float = 1.0
    param: AlphaParam = "softmax"


class BridgedStudent(nn.Module):
    """A student whose one stage is compared with an aggregated map, and whose later stages go on with that map.

    Both happen in one forward: what the stage makes of the pixels goes to the comparison, and the aggregated map,
    behind a connector, takes its place for the rest of the network.

    Args:
        model: the student.
        stage: canonical name.
        channels: of the teacher's maps.
    """

    def __init__(self, model: ReIDModel, stage: str, *, channels: int) -> None:
        super().__init__()
        self.model, self.stage = model, stage
        self.channels = model.shape.maps[stage]
        # Both of them with a batch norm, whose running statistics nobody reads: the search never leaves training mode.
        self.to_teacher = connect(self.channels, channels, has_norm=True)
        self.to_student = connect(channels, self.channels, has_norm=True)

    def forward(self, images: Tensor, aggregated: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the two losses compare.

        Args:
            images: (B, 3, H, W) pixels.
            aggregated: (B, C, h, w) of the teacher.

        Returns:
            The student's map behind its connector, the aggregated map at the same size, and the logits (B, N).

        Raises:
            ConfigError: the stage does not return (B, C, h, w).
        """
        own: list[Tensor] = []

        def feed(output: Tensor) -> Tensor:
            if output.ndim != 4 or output.shape[1] != self.channels:
                raise ConfigError(
                    f"{self.stage} of the student returns {tuple(output.shape)}", f"(images, {self.channels}, h, w)",
                    "Search with a convolutional student; the weights hold for any other.",
                )  # fmt: skip
            own.append(output)
            fed = aggregated
            if fed.shape[2:] != output.shape[2:]:
                fed = F.adaptive_avg_pool2d(fed, (output.shape[2], output.shape[3]))
            return self.to_student(fed).to(output.dtype)

        with substituted(self.model.tap_root.get_submodule(self.model.stages[self.stage]), feed):
            said = self.model(images)
        ours, theirs = matched_sizes(own[0], aggregated)
        return self.to_teacher(ours), theirs, said.logits


class GroupSearch:
    """The search in one stage.

    With several processes each looks at the losses of its own crops, and all gradients are averaged.

    Args:
        student: network and connectors, on their device.
        teacher: frozen; only its answers are used.
        blocks: names of the teacher's maps.
        settings: of the weights.
        learner: arguments of the student's `Learner`.
    """

    def __init__(
        self,
        student: BridgedStudent,
        teacher: ReIDModel,
        *,
        blocks: tuple[str, ...],
        settings: SearchSettings,
        learner: Mapping[str, Any],
    ) -> None:
        self.student, self.teacher, self.blocks, self.settings = student, teacher, blocks, settings
        self.learner = Learner(student, **learner)
        device = next(student.parameters()).device
        # Any start with equal weights; a free one must not stand at 0, where it has no direction.
        start = torch.zeros(len(blocks)) if settings.param == "softmax" else torch.full((len(blocks),), 1 / len(blocks))
        self.parameters = nn.Parameter(start.to(device))
        # As in DARTS: a shorter memory than a network's, because the loss moves with the student.
        self.optimizer = torch.optim.Adam([self.parameters], lr=settings.rate, betas=(0.5, 0.999))

    def step(self, batches: Mapping[str, ReIDBatch]) -> LossTerms:
        """Let the student take a step with the weights as they are, then the weights one with the student as it is.

        Args:
            batches: this rank's slices of the two parts, on their device.
        """
        student = self._student_step(batches[STUDENT])
        aggregation = self._aggregation_step(batches[AGGREGATION])
        total = bridge_loss(student["st"], student["ts"], g_st=self.settings.g_st, g_ts=self.settings.g_ts)
        parts = {f"{part}.{name}": value for part, terms in ((STUDENT, student), (AGGREGATION, aggregation))
                 for name, value in terms.items()}  # fmt: skip
        return LossTerms(total, parts, dict(zip(self.blocks, self.weights(), strict=True)))

    def weights(self) -> Tensor:
        """Return the (n,) weights as they are, without gradient."""
        return alphas(self.parameters.detach(), param=self.settings.param)

    def _student_step(self, batch: ReIDBatch) -> dict[str, Tensor]:
        self.learner.module.train()
        aggregated = self._aggregated(batch, self.weights())
        with self.learner.precision.autocast():
            said = self.learner.replica(batch.images, aggregated)
        terms, loss = self._bridge(said, batch)
        self.learner.descend(loss, (said[0], said[2]))
        return terms

    def _aggregation_step(self, batch: ReIDBatch) -> dict[str, Tensor]:
        aggregated = self._aggregated(batch, alphas(self.parameters, param=self.settings.param))
        # Not the replica, and only this one gradient: nothing of the student is to move. In fp32, because a gradient
        # through a whole network into a handful of numbers is small.
        terms, loss = self._bridge(self.student(batch.images, aggregated), batch)
        (gradient,) = torch.autograd.grad(loss, [self.parameters])
        if distributed.is_distributed():
            dist.all_reduce(gradient)
            gradient /= distributed.world_size()
        self.parameters.grad = gradient
        self.optimizer.step()
        return terms

    def _aggregated(self, batch: ReIDBatch, weights: Tensor) -> Tensor:
        maps = respond(self.teacher, batch.images, taps=self.blocks).maps
        return aggregate([maps[name] for name in self.blocks], weights)

    def _bridge(self, said: tuple[Tensor, Tensor, Tensor], batch: ReIDBatch) -> tuple[dict[str, Tensor], Tensor]:
        connected, aggregated, logits = said
        assert batch.labels is not None, "the search reads labels"
        st, ts = st_loss(connected.float(), aggregated), ts_loss(logits, batch.labels)
        loss = bridge_loss(st, ts, g_st=self.settings.g_st, g_ts=self.settings.g_ts)
        return {"st": st.detach(), "ts": ts.detach()}, loss

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, as named tensors."""
        tensors = {f"student.{name}": value for name, value in self.learner.state().items()}
        tensors |= {f"optimizer.{name}": value for name, value in optimizer_tensors(self.optimizer).items()}
        return tensors | {"parameters": self.parameters.detach()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point.

        Args:
            tensors: what `state` returned.
        """
        self.learner.load_state(under(tensors, "student."))
        load_optimizer_tensors(self.optimizer, under(tensors, "optimizer."))
        with torch.no_grad():
            self.parameters.copy_(tensors["parameters"])


class SearchTask:
    """The searches of all stages, one after the other, each with a student that starts anew.

    Args:
        begin: makes the search of a stage.
        stages: canonical names, in their order.
        steps: of each stage.
        device: where it computes.
    """

    def __init__(
        self, begin: Callable[[str], GroupSearch], stages: tuple[str, ...], *, steps: int, device: torch.device
    ) -> None:
        self.begin, self.stages, self.steps, self.device = begin, stages, steps, device
        self.found: dict[str, Tensor] = {}
        self._place = -1
        self._search: GroupSearch | None = None

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Take a step of the student and one of the weights.

        Args:
            batches: this rank's slices of the two parts.
            step: 0-based number over all stages.
        """
        search = self._at(step // self.steps)
        stage = self.stages[self._place]
        terms = search.step({name: on_device(batch, self.device) for name, batch in batches.items()})
        # Kept after every step, so that a point to go on from has the weights of finished stages.
        self.found[stage] = search.weights().cpu()
        parts = {f"{stage}.{name}": value for name, value in terms.parts.items()}
        return LossTerms(terms.total, parts, {f"{stage}.{name}": value for name, value in terms.facts.items()})

    def _at(self, place: int) -> GroupSearch:
        if self._search is None or place != self._place:
            self._place, self._search = place, self.begin(self.stages[place])
        return self._search

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        assert self._search is not None, "a step was taken"
        tensors = {f"search.{name}": value for name, value in self._search.state().items()}
        tensors |= {f"found.{stage}": weights for stage, weights in self.found.items()}
        return tensors | {"place": torch.tensor(self._place)}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point.

        Args:
            tensors: what `state` returned.
        """
        self.found = {stage: weights.cpu() for stage, weights in under(tensors, "found.").items()}
        self._at(int(tensors["place"])).load_state(under(tensors, "search."))


def learner_settings(settings: Mapping[str, Any], precision: Precision) -> dict[str, Any]:
    """Return the arguments of a student's `Learner`; its moving average is of no use here.

    Args:
        settings: of the optimizer.
        precision: autocast settings.
    """
    return {**settings, "decay": 0.0, "precision": precision}
