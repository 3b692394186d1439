"""The task of mutual learning: several students learn from labels and from each other's answers, all in one step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.training.loop import Batches
from pipeline.training.player import Player
from pipeline.training.scoped import SOURCE, TARGET, ScopedObjectives
from pipeline.training.supervised import global_batch, on_device
from pipeline.training.tensor_names import under
from pipeline.types import LossTerms, ReIDBatch, Taps


@dataclass(frozen=True)
class Peer:
    """One of the students.

    Args:
        player: it, with an optimizer and a mean network of its own.
        alone: its terms that hear nobody.
        hears: its terms that hear another student, by the other's position; their form may depend on both networks.
    """

    player: Player
    alone: ScopedObjectives
    hears: Mapping[int, ScopedObjectives]

    @property
    def objectives(self) -> list[ScopedObjectives]:
        """Return all of its terms."""
        return [self.alone, *self.hears.values()]


class MutualTask:
    """Steps of several students on one source and one target batch.

    All run forward first, then each takes a step of its own down

        L_i = A_i + 1 / (n - 1) * sum_{j != i} H(answers of i, sg answers of j)

    with A the terms that hear nobody, H those that hear another student, and sg the stop of the gradient. The answers
    are those of the forward pass that is learned from, so a step costs what the students cost apart.

    Args:
        peers: the students, two or more.
        device: where they compute.
        total_steps: of the whole training, for schedules.

    Reference:
        Zhang et al. Deep mutual learning. CVPR 2018, with their mean over the others. A re-implementation: as in Zhou's
        deep-person-reid all students step at once, where the paper lets one hear what the others say after their step;
        the target, which has no labels, and terms other than the KL of identity logits are ours.
    """

    def __init__(self, peers: Sequence[Peer], *, device: torch.device, total_steps: int) -> None:
        assert len(peers) > 1, f"mutual learning takes two students or more, got {len(peers)}"
        self.peers, self.device, self.total_steps = list(peers), device, total_steps
        for peer in self.peers:
            for position, objectives in peer.hears.items():
                objectives.bind_networks(peer.player.model, self.peers[position].player.model)

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Let all students answer, then let each learn.

        Args:
            batches: this rank's slices of the source and the target batch.
            step: 0-based number of the step.
        """
        local = {name: on_device(batch, self.device) for name, batch in batches.items()}
        whole = {name: global_batch(batch) for name, batch in local.items()}
        readers = [objectives for peer in self.peers for objectives in peer.objectives]
        self._set_progress(readers, step / max(1, self.total_steps))
        # Whoever is heard on a domain has to speak there, whether it learns there itself or not.
        read = [name for name in (SOURCE, TARGET) if any(reader.reads(name) for reader in readers)]
        said = [peer.player.forward({name: local[name].images for name in read}) for peer in self.peers]
        answers = [{name: detached(taps) for name, taps in own.items()} for own in said]
        terms = [_terms(peer, own, answers, whole) for peer, own in zip(self.peers, said, strict=True)]
        for peer, own, found in zip(self.peers, said, terms, strict=True):
            peer.player.learn(found.total, own)
        parts, facts = (
            {f"{name_of(i)}.{key}": value for i, told in enumerate(every) for key, value in told.items()}
            for every in ([found.parts for found in terms], [found.facts for found in terms])
        )
        return LossTerms(torch.stack([found.total.detach() for found in terms]).sum(), parts, facts)

    def _set_progress(self, readers: list[ScopedObjectives], progress: float) -> None:
        for term in (term for reader in readers for term in reader.terms):
            if hasattr(term.objective, "set_progress"):
                term.objective.set_progress(progress)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps of all students."""
        return {f"{name_of(i)}.{k}": v for i, peer in enumerate(self.peers) for k, v in peer.player.state().items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        for i, peer in enumerate(self.peers):
            peer.player.load_state(under(tensors, f"{name_of(i)}."))


def name_of(position: int) -> str:
    """Return what the student at a 0-based position is called, in logs and as the role of its artifact."""
    return f"student_{position + 1}"


def detached(taps: Taps) -> Taps:
    """Return the same answers without a gradient.

    Args:
        taps: of one network on one batch.
    """
    return Taps(
        embedding=taps.embedding.detach(),
        bn_embedding=taps.bn_embedding.detach(),
        logits=None if taps.logits is None else taps.logits.detach(),
        maps={name: value.detach() for name, value in taps.maps.items()},
    )


def _terms(
    peer: Peer, said: Mapping[str, Taps], answers: Sequence[Mapping[str, Taps]], whole: Mapping[str, ReIDBatch]
) -> LossTerms:
    """Add up a student's own terms and the means over the others of what it hears; logs show the same means."""
    alone = peer.alone(said, {}, whole)
    total, parts, facts = alone.total, dict(alone.parts), dict(alone.facts)
    for position, objectives in peer.hears.items():
        heard = objectives(said, answers[position], whole)
        total = total + heard.total / len(peer.hears)
        for found, told in ((parts, heard.parts), (facts, heard.facts)):
            for name, value in told.items():
                found[name] = found.get(name, torch.zeros_like(value)) + value / len(peer.hears)
    return LossTerms(total, parts, facts)
