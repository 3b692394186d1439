"""What a head of a clip network learns from its own teacher: responses, relations, features."""

import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.distillation.rkd import rkd_distance_loss
from pipeline.losses.vectors import at_least_float32, unit_vectors


def feature_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return ``mean_i |u_i - f_i|^2 / D`` of vectors of equal width.

    Args:
        student: (N, D).
        teacher: (N, D); no gradient is sent to them.

    Returns:
        Scalar, at least fp32.
    """
    return F.mse_loss(at_least_float32(student), at_least_float32(teacher.detach()))


class Coupling(nn.Module):
    """One head hears one teacher: ``w_r T^2 KL(p || q) + w_d RKD-D(u, f) + w_f |A u - f|^2 / D``.

    Args:
        width: of the head's embeddings.
        teacher_width: of the teacher's.
        response: w_r, of the logits of whole clips.
        temperature: T.
        relation: w_d, of the distances between all frames (or pairs of frames) of a batch.
        feature: w_f, of unit vectors times sqrt(D); the connector A learns with the student and is thrown away.

    Reference:
        Fu et al. Ultrafast video attention prediction with coupled knowledge distillation. AAAI 2020: a spatial and a
        temporal teacher, one head each. A re-implementation for embeddings: the paper compares attention maps; the
        three terms, their weights and the scale of the features are ours.
    """

    def __init__(
        self,
        width: int,
        teacher_width: int,
        *,
        response: float = 0.5,
        temperature: float = 4.0,
        relation: float = 10.0,
        feature: float = 0.2,
    ) -> None:
        super().__init__()
        self.response, self.temperature, self.relation, self.feature = response, temperature, relation, feature
        self.connector = nn.Linear(width, teacher_width) if feature else nn.Identity()

    def forward(
        self, embeddings: tuple[Tensor, Tensor], logits: tuple[Tensor | None, Tensor | None]
    ) -> dict[str, Tensor]:
        """Return the weighted terms that have a weight.

        Args:
            embeddings: (N, D) of the head's frames or pairs and (N, D') of its teacher's.
            logits: (B, C) of the clips, of the head and of its teacher; None leaves responses out.
        """
        ours, theirs = embeddings
        terms = {}
        if self.response and logits[0] is not None and logits[1] is not None:
            terms["response"] = self.response * kd_loss(logits[0], logits[1], temperature=self.temperature)
        if self.relation:
            terms["relation"] = self.relation * rkd_distance_loss(ours, theirs)
        if self.feature:
            scale = theirs.shape[1] ** 0.5
            terms["feature"] = self.feature * feature_loss(self.connector(ours), scale * unit_vectors(theirs))
        return terms
