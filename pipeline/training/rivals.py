"""Discriminators that work against a student: each has an optimizer of its own and steps after the student."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline import distributed
from pipeline.losses.distillation.adversarial import Adversarial
from pipeline.training.optim import build_optimizer, load_optimizer_tensors, optimizer_tensors, set_learning_rate
from pipeline.training.scoped import ScopedObjectives
from pipeline.training.tensor_names import under
from pipeline.types import Taps


class Rivals:
    """The discriminators of one network's terms.

    Args:
        objectives: terms; those without a discriminator are left out.
        device: where it computes.
    """

    def __init__(self, objectives: ScopedObjectives, *, device: torch.device) -> None:
        self.terms = {term.name: term for term in objectives.terms if isinstance(term.objective, Adversarial)}
        self.networks = {name: term.objective.rival.to(device) for name, term in self.terms.items()}  # type: ignore[union-attr]
        for network in self.networks.values():
            # All ranks see all embeddings, so from equal weights they stay equal.
            network.load_state_dict(distributed.broadcast_object(network.state_dict()))
        self.optimizers = {
            name: build_optimizer(network, lr=0.0, weight_decay=0.0) for name, network in self.networks.items()
        }

    def learn(self, said: Mapping[str, Taps], answers: Mapping[str, Taps], *, rate: float) -> dict[str, Tensor]:
        """Let each discriminator take one step, and return its loss as a fact to log.

        Args:
            said: the student's taps of the global batches, by domain.
            answers: the teacher's; without any nothing happens.
            rate: learning rate of the student's step.
        """
        facts: dict[str, Tensor] = {}
        for name, term in self.terms.items():
            domains = [domain for domain in term.on if domain in said and domain in answers]
            if not domains:
                continue
            objective, optimizer = term.objective, self.optimizers[name]
            assert isinstance(objective, Adversarial), "terms are chosen by their class"
            set_learning_rate(optimizer, objective.lr_ratio * rate)
            # The norm's power iteration moves in training mode alone.
            self.networks[name].train()
            loss = torch.stack([objective.rival_loss(said[domain], answers[domain]) for domain in domains]).sum()
            self.networks[name].eval()
            # What the student's backward left here pulls the other way.
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            facts[f"{name}.rival"] = loss.detach()
        return facts

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        tensors: dict[str, Tensor] = {}
        for name, network in self.networks.items():
            tensors |= {f"{name}.network.{key}": value for key, value in network.state_dict().items()}
            tensors |= {f"{name}.optimizer.{k}": v for k, v in optimizer_tensors(self.optimizers[name]).items()}
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        for name, network in self.networks.items():
            network.load_state_dict(under(tensors, f"{name}.network."))
            load_optimizer_tensors(self.optimizers[name], under(tensors, f"{name}.optimizer."))
