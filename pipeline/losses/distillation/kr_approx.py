"""An approximation of knowledge representing: a student's weights get the distribution of its teacher's, by stage."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.losses.distillation.folded_weights import folded_weights, sampled
from pipeline.losses.distillation.maps import check_layers
from pipeline.types import ReIDBatch, Taps


class Staged(Protocol):
    """A network that tells which modules belong to which of its stages."""

    def stage_modules(self) -> dict[str, tuple[nn.Module, ...]]:
        """Return the modules with weights of each stage, in the order in which they are used."""
        ...


def weight_quantiles(layers: Sequence[Tensor], *, count: int = 64) -> Tensor:
    """Return quantiles of the values of all layers together, each layer with the same mass.

    The m-th is the mean of the values between the levels (m - 1) / M and m / M. That lies around the quantile at
    (m - 1/2) / M and depends on every value, while a quantile at one level would pull at one weight of thousands.

    Args:
        layers: one tensor of any shape a layer.
        count: M.

    Returns:
        (M,) in ascending order, differentiable.
    """
    # In double precision: thousands of small masses are added up.
    values = torch.cat([layer.flatten().double() for layer in layers])
    masses = torch.cat([values.new_full((layer.numel(),), 1.0 / (len(layers) * layer.numel())) for layer in layers])
    ordered, places = values.sort()
    upper = masses[places].cumsum(0)
    # The integral of the quantile function up to a level is piecewise linear between the masses.
    areas = (ordered * masses[places]).cumsum(0)
    levels = torch.arange(1, count, device=values.device, dtype=values.dtype) / count
    above = torch.searchsorted(upper, levels).clamp(max=len(ordered) - 1)
    inner = areas[above] - (upper[above] - levels) * ordered[above]
    edges = torch.cat([areas.new_zeros(1), inner, areas[-1:]])
    return (torch.diff(edges) * count).to(layers[0].dtype)


def dead_zone_loss(student: Tensor, teacher: Tensor, *, kappa: Tensor | float) -> Tensor:
    """Return the mean of ``max(|q_student - q_teacher| - kappa, 0)^2 / 2``.

    Args:
        student: (M,) quantiles.
        teacher: (M,) quantiles; no gradient is sent to them.
        kappa: differences up to it cost nothing.

    Returns:
        Scalar >= 0.
    """
    excess = ((student - teacher.detach()).abs() - kappa).clamp(min=0.0)
    return 0.5 * excess.square().mean()


class KRApprox(nn.Module):
    """Objective on weights alone, an approximation: quantiles of the folded weights of each stage follow the teacher's.

    It reads no image, so it stands on one domain, and it takes the teacher's weights as they are at that step. Between
    two evaluations it returns the last value without a gradient. Weight decay pulls against it.

    Args:
        stages: those of both networks that are compared; the classifier belongs to none.
        quantiles: M of `weight_quantiles`.
        dead_zone: differences up to this share of the standard deviation of the teacher's stage cost nothing.
        every: steps from one evaluation to the next.

    Reference:
        Liu et al. Knowledge representing: efficient, sparse representation of prior knowledge for knowledge
        distillation. CVPR Workshops 2019. An approximation, not to be reported as that method: we had its abstract,
        which asks for the teacher's parameter distribution as a prior above the level of layers, and for a sparse
        penalty. The formula and every constant are ours.
    """

    reads: ClassVar[tuple[str, ...]] = ("weights",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    calls: Tensor
    last: Tensor
    outside: Tensor

    def __init__(
        self,
        *,
        stages: Sequence[str] = ("stage1", "stage2", "stage3", "stage4"),
        quantiles: int = 64,
        dead_zone: float = 0.1,
        every: int = 10,
    ) -> None:
        super().__init__()
        if quantiles < 1 or every < 1:
            raise ConfigError(f"kr_approx with {quantiles} quantiles every {every} steps", "both 1 or above")
        if dead_zone < 0:
            raise ConfigError(f"the dead_zone of kr_approx is {dead_zone}", "0 or above")
        self.stages = check_layers("kr_approx", stages)
        self.quantiles, self.dead_zone, self.every = quantiles, dead_zone, every
        # Not modules of this one: the student has its own player, and the teacher is not to be learnt or saved here.
        self._networks: tuple[Staged, Staged] | None = None
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.register_buffer("last", torch.zeros(()))
        self.register_buffer("outside", torch.zeros(()))

    def bind_networks(self, student: Staged, teacher: Staged) -> None:
        """Name the two networks whose weights are compared.

        Args:
            student: the one that learns.
            teacher: the one that is followed; its weights are read anew at every evaluation.

        Raises:
            ConfigError: one of them lacks a stage.
        """
        for whose, network in (("student", student), ("teacher", teacher)):
            # Several networks that speak as one have no stages.
            known = network.stage_modules() if hasattr(network, "stage_modules") else {}
            for stage in self.stages:
                if not folded_weights(known.get(stage, ())):
                    raise ConfigError(
                        f"kr_approx compares the weights of {stage}, which the {whose} does not have",
                        f"stages among {', '.join(known) or 'none: its trunk names no stages'}",
                        "Name stages that both networks have as `stages` of kr_approx.",
                    )
        self._networks = (student, teacher)

    def forward(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of the present weights, or the last one where it is not evaluated.

        Args:
            student: taps; their values are not used.
            teacher: not read.
            batch: not read.
        """
        # Something to differentiate in steps without an evaluation.
        nothing = (student.embedding.float() * 0.0).sum()
        is_due = int(self.calls) % self.every == 0
        self.calls += 1
        if not is_due:
            return self.last.clone() + nothing
        loss, outside = self.measure()
        self.last.copy_(loss.detach())
        self.outside.copy_(outside)
        return loss + nothing

    def measure(self) -> tuple[Tensor, Tensor]:
        """Return the mean loss over the stages, and the share of quantiles outside of the dead zone."""
        assert self._networks is not None, "kr_approx was not told its networks"
        student, teacher = (network.stage_modules() for network in self._networks)
        losses, outside = [], []
        for stage in self.stages:
            with torch.no_grad():
                theirs = sampled(folded_weights(teacher[stage]))
                wanted = weight_quantiles(theirs, count=self.quantiles)
                kappa = self.dead_zone * _deviation(theirs)
            quantiles = weight_quantiles(sampled(folded_weights(student[stage])), count=self.quantiles)
            losses.append(dead_zone_loss(quantiles, wanted, kappa=kappa))
            outside.append(((quantiles.detach() - wanted).abs() > kappa).float().mean())
        return torch.stack(losses).mean(), torch.stack(outside).mean()

    def facts(self) -> dict[str, Tensor]:
        """Return the share of quantiles that the last evaluation found outside of the dead zone."""
        return {"outside": self.outside}


def _deviation(layers: Sequence[Tensor]) -> Tensor:
    """Return the standard deviation over all layers, each with the same mass."""
    means = torch.stack([layer.mean() for layer in layers])
    squares = torch.stack([layer.square().mean() for layer in layers])
    return (squares.mean() - means.mean().square()).clamp(min=0.0).sqrt()
