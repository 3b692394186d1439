"""A player: one network that learns, with its optimizer, its mean and what DDP wraps."""

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline import distributed
from pipeline.errors import CheckpointError, TrainingError
from pipeline.models.reid import ReIDModel
from pipeline.training.ema import make_average, update_average, updated_decay
from pipeline.training.optim import (
    build_optimizer,
    load_optimizer_tensors,
    optimizer_tensors,
    set_learning_rate,
    warmup_cosine,
)
from pipeline.training.precision import Precision
from pipeline.types import Taps


class StepModule(nn.Module):
    """Everything that learns together; its forward runs once a step, over all domains of the batch.

    Args:
        model: the network.
        extras: connectors and discriminators that objectives own.
        taps: names of the feature maps that objectives read.
    """

    def __init__(self, model: ReIDModel, extras: nn.ModuleDict, taps: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.model, self.extras, self.taps = model, extras, taps

    def forward(self, images: dict[str, Tensor]) -> dict[str, Taps]:
        """Return the taps of each domain; each domain has its own forward, hence its own batch statistics."""
        return {domain: self.model(pixels, taps=self.taps) for domain, pixels in images.items()}


class Player:
    """One network that learns.

    Args:
        model: the network, already on its device.
        extras: modules of the objectives that learn with it.
        taps: feature maps that the objectives read.
        lr: base learning rate.
        weight_decay: decoupled decay.
        total_steps: length of the schedule in updates.
        warmup: updates of linear warm-up.
        decay: of the mean network, in 0..1.
        clip: largest gradient norm; 0 switches clipping off.
        precision: autocast settings.
    """

    def __init__(
        self,
        model: ReIDModel,
        *,
        extras: nn.ModuleDict | None = None,
        taps: tuple[str, ...] = (),
        lr: float,
        weight_decay: float,
        total_steps: int,
        warmup: int,
        decay: float,
        clip: float = 0.0,
        precision: Precision | None = None,
    ) -> None:
        self.module = StepModule(model, extras if extras is not None else nn.ModuleDict(), taps)
        self.mean: ReIDModel = make_average(model)  # type: ignore[assignment]
        self.optimizer = build_optimizer(self.module, lr=lr, weight_decay=weight_decay)
        self.lr, self.total_steps, self.warmup, self.decay, self.clip = lr, total_steps, warmup, decay, clip
        self.precision = precision or Precision()
        self.updates = 0
        self.replica: nn.Module = self.precision.compiled(self.module)
        if distributed.is_distributed():
            # Buffers are averaged after each step instead of broadcast before it: every rank then holds one mean.
            self.replica = DistributedDataParallel(self.replica, broadcast_buffers=False)

    @property
    def model(self) -> ReIDModel:
        """The network itself, without wrappers."""
        return self.module.model

    def forward(self, images: Mapping[str, Tensor]) -> dict[str, Taps]:
        """Return the taps of the global batch, by domain, with gradient.

        Args:
            images: this rank's (b, 3, H, W) pixels by domain.
        """
        self.module.train()
        with self.precision.autocast():
            local = self.replica(dict(images))
        return {domain: gathered(taps) for domain, taps in local.items()}

    def learn(self, loss: Tensor, outputs: Mapping[str, Taps], *, weight: float = 1.0) -> float:
        """Take one step down `weight * loss`; return the learning rate that was used.

        Args:
            loss: scalar over the global batch.
            outputs: what `forward` returned; every output takes part with weight zero, because DDP waits for the
                gradient of each parameter that took part in the forward.
            weight: factor on the whole loss. It is put on the learning rate, which is the same for plain gradient
                descent, because AdamW would divide it out again.
        """
        if distributed.is_distributed():
            loss = loss + 0.0 * sum(t.sum() for taps in outputs.values() for t in _tensors(taps))
        rate = weight * self.lr * warmup_cosine(self.updates, total=self.total_steps, warmup=self.warmup)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        self.precision.backward(loss)
        self.precision.step(self.optimizer, self.module, clip=self.clip)
        self._average_buffers()
        update_average(self.mean, self.model, updated_decay(self.decay, self.updates))
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
            self.module.load_state_dict(_under(tensors, "module."))
            self.mean.load_state_dict(_under(tensors, "mean."))
        except RuntimeError as error:
            first_line = str(error).splitlines()[0]
            raise CheckpointError(
                f"the resume point does not fit the network ({first_line})", "the network of this config",
                "Start the stage again with --restart.",
            ) from error  # fmt: skip
        load_optimizer_tensors(self.optimizer, _under(tensors, "optimizer."))
        self.updates = int(tensors["updates"])
        self.precision.scale = float(tensors["scale"])


def check_finite(terms: Mapping[str, Tensor], *, step: int) -> None:
    """Stop with the whole dictionary when one term is not finite.

    Raises:
        TrainingError: a term is NaN or infinite.
    """
    if not all(bool(torch.isfinite(value).all()) for value in terms.values()):
        shown = ", ".join(f"{name} {float(value):.4g}" for name, value in sorted(terms.items()))
        raise TrainingError(
            f"a loss term is not finite at step {step}: {shown}", "finite terms",
            "Lower the learning rate, or set runtime.amp to off, and run the same command again.",
        )  # fmt: skip


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _tensors(taps: Taps) -> list[Tensor]:
    logits = [] if taps.logits is None else [taps.logits]
    return [taps.embedding, taps.bn_embedding, *logits, *taps.maps.values()]


def gathered(taps: Taps) -> Taps:
    """Leave half precision and collect the rows of all ranks."""
    return Taps(
        embedding=distributed.gather_rows(taps.embedding.float()),
        bn_embedding=distributed.gather_rows(taps.bn_embedding.float()),
        logits=None if taps.logits is None else distributed.gather_rows(taps.logits.float()),
        maps={name: distributed.gather_rows(value.float()) for name, value in taps.maps.items()},
    )
