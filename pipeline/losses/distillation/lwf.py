"""Learning without forgetting: a network that learns on keeps answering as its earlier self."""

from typing import ClassVar

from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.distillation.logit_pairs import paired_logits
from pipeline.losses.distillation.rkd import rkd_loss
from pipeline.losses.vectors import at_least_float32
from pipeline.types import NetworkShape, ReIDBatch, Taps


def lwf_loss(student: Tensor, earlier: Tensor, *, temperature: float = 2.0) -> Tensor:
    """Return ``T^2 KL(softmax(earlier / T) || softmax(student / T))`` on the old head.

    Args:
        student: (B, C) logits of the network that learns on.
        earlier: (B, C) logits of its earlier self on the same images; no gradient is sent to them.
        temperature: T > 0.

    Returns:
        Scalar >= 0; 0 where both say the same.

    Reference:
        Li, Hoiem. Learning without forgetting. ECCV 2016. A re-implementation: the paper's responses are the
        cross-entropy of softened probabilities, whose gradient is the same up to a factor.
    """
    return kd_loss(student, earlier, temperature=temperature)


class LwF:
    """Objective: `lwf_loss` on logits and `rkd_loss` on embeddings, heard of the network that `remembers` names.

    No crop of the old cameras is needed: both networks see the crops that there are. The relations, for heads that know
    other people, and their weight are ours.

    Args:
        responses: weight of the logits; 0 where the two heads know other people.
        relations: weight of distances and angles between embeddings.
        temperature: of the logits.
        student_shape: of the network that learns.
        teacher_shape: of its earlier self.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    hears_memory: ClassVar[bool] = True
    # Of the default; the weights decide.
    reads: tuple[str, ...] = ("embedding", "logits")

    def __init__(
        self,
        *,
        responses: float = 1.0,
        relations: float = 1.0,
        temperature: float = 2.0,
        student_shape: NetworkShape,
        teacher_shape: NetworkShape,
    ) -> None:
        if min(responses, relations) < 0 or not responses + relations or temperature <= 0:
            raise ConfigError(
                f"lwf with responses {responses}, relations {relations} and temperature {temperature}",
                "weights of 0 or above, one of them above 0, and a temperature above 0",
            )
        classes = (student_shape.num_classes, teacher_shape.num_classes)
        if responses and (None in classes or classes[0] != classes[1]):
            raise ConfigError(
                f"lwf compares the logits of {classes[0]} identities with those of {classes[1]}",
                "two heads over the same people", "Set `responses: 0`; embeddings can be compared all the same.",
            )  # fmt: skip
        self.responses, self.relations, self.temperature = responses, relations, temperature
        self.reads = (*(("embedding",) if relations else ()), *(("logits",) if responses else ()))

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "lwf needs an earlier network"
        total = at_least_float32(student.embedding).sum() * 0.0
        if self.responses:
            logits = paired_logits("lwf", student, teacher)
            total = total + self.responses * lwf_loss(*logits, temperature=self.temperature)
        if self.relations:
            total = total + self.relations * rkd_loss(student.embedding, teacher.embedding)
        return total
