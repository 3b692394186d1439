"""A network that learns, whatever it is: its optimizer, its mean and what DDP wraps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline import distributed
from pipeline.errors import CheckpointError, TrainingError
from pipeline.training.ema import make_average, update_average, updated_decay
from pipeline.training.optim import (
    build_optimizer,
    build_sgd,
    load_optimizer_tensors,
    optimizer_tensors,
    set_learning_rate,
)
from pipeline.training.precision import Precision
from pipeline.training.rates import RateSchedule
from pipeline.training.stopwatch import timed
from pipeline.training.tensor_names import under


class Learner:
    """Optimizer, mean network and state of a module that learns; what its forward returns is its user's matter.

    Args:
        module: everything that learns together; its attribute `model` is the network.
        lr: base learning rate.
        weight_decay: decoupled decay.
        total_steps: length of the schedule in updates.
        warmup: updates of linear warm-up.
        decay: of the mean network, in 0..1.
        clip: largest gradient norm; 0 switches clipping off.
        precision: autocast settings.
        schedule: how the rate moves after the warm-up.
        sgd: momentum and nesterov of stochastic gradient descent; None is AdamW.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        lr: float,
        weight_decay: float,
        total_steps: int,
        warmup: int,
        decay: float,
        clip: float = 0.0,
        precision: Precision | None = None,
        schedule: RateSchedule | None = None,
        sgd: Mapping[str, Any] | None = None,
    ) -> None:
        self.module = module
        self.network: nn.Module = module.model  # type: ignore[assignment]
        self.mean = make_average(self.network)
        self.optimizer: torch.optim.Optimizer = (
            build_optimizer(module, lr=lr, weight_decay=weight_decay)
            if sgd is None
            else build_sgd(module, lr=lr, weight_decay=weight_decay, **sgd)
        )
        self.schedule = schedule or RateSchedule()
        self.lr, self.total_steps, self.warmup, self.decay, self.clip = lr, total_steps, warmup, decay, clip
        self.precision = precision or Precision()
        self.updates = 0
        self.replica: nn.Module = self.precision.replica(self.module, self.network)
        if distributed.is_distributed():
            # Buffers are averaged after each step instead of broadcast before it: every rank then holds one mean.
            self.replica = DistributedDataParallel(self.replica, broadcast_buffers=False)

    def descend(
        self, loss: Tensor, touched: Iterable[Tensor], *, weight: float = 1.0, resting: Sequence[nn.Parameter] = ()
    ) -> float:
        """Take one step down `weight * loss`; return the learning rate that was used.

        Args:
            loss: scalar over the global batch.
            touched: everything that the forward returned; each takes part with weight zero, because DDP waits for the
                gradient of each parameter that took part in the forward.
            weight: factor on the whole loss. It is put on the learning rate, which is the same for plain gradient
                descent, because AdamW would divide it out again.
            resting: parameters that are not to move; DDP waits for those that took no part too.
        """
        if distributed.is_distributed():
            loss = loss + 0.0 * sum(value.sum() for value in [*touched, *resting])
        rate = weight * self.lr * self.schedule.factor(self.updates, total=self.total_steps, warmup=self.warmup)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        with timed("backward", self.precision.device):
            self.precision.backward(loss)
        for parameter in resting:
            parameter.grad = None
        with timed("update", self.precision.device):
            self.precision.step(self.optimizer, self.module, clip=self.clip)
            self._average_buffers()
            update_average(self.mean, self.network, updated_decay(self.decay, self.updates))
        self.updates += 1
        return rate

    def _average_buffers(self) -> None:
        if not distributed.is_distributed():
            return
        for buffer in self.module.buffers():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer.div_(distributed.world_size())

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, as named tensors."""
        tensors = {f"module.{k}": v for k, v in self.module.state_dict().items()}
        tensors |= {f"mean.{k}": v for k, v in self.mean.state_dict().items()}
        tensors |= {f"optimizer.{k}": v for k, v in optimizer_tensors(self.optimizer).items()}
        tensors["updates"] = torch.tensor(self.updates)
        tensors["scale"] = torch.tensor(self.precision.scale)
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned.

        Raises:
            CheckpointError: the tensors belong to another network.
        """
        try:
            self.module.load_state_dict(under(tensors, "module."))
            self.mean.load_state_dict(under(tensors, "mean."))
        except RuntimeError as error:
            first_line = str(error).splitlines()[0]
            raise CheckpointError(
                f"the resume point does not fit the network ({first_line})", "the network of this config",
                "Start the stage again with --restart.",
            ) from error  # fmt: skip
        load_optimizer_tensors(self.optimizer, under(tensors, "optimizer."))
        self.updates = int(tensors["updates"])
        self.precision.scale = float(tensors["scale"])


def check_finite(terms: Mapping[str, Tensor], *, step: int) -> None:
    """Stop with the whole dictionary when one term is not finite.

    Raises:
        TrainingError: a term is NaN or infinite.
    """
    device = next(iter(terms.values())).device
    # One number leaves the device, whatever the number of terms: each one would wait for all work that is queued.
    flags = torch.stack([torch.isfinite(value).all().to(device) for value in terms.values()])
    if not bool(flags.all()):
        shown = ", ".join(f"{name} {float(value):.4g}" for name, value in sorted(terms.items()))
        raise TrainingError(
            f"a loss term is not finite at step {step}: {shown}", "finite terms",
            "Lower the learning rate, or set runtime.amp to off, and run the same command again.",
        )  # fmt: skip
