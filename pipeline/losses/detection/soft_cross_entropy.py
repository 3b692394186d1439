"""Cross-entropy against a teacher's class probabilities, with a weight for each class."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.vectors import at_least_float32


def soft_cross_entropy_loss(
    student_logits: Tensor, teacher_logits: Tensor, *, class_weights: Sequence[float], temperature: float = 1.0
) -> Tensor:
    """Return ``-T^2 sum_c w_c p_c log q_c`` averaged over rows, p of the teacher and q of the student at temperature T.

    With unequal weights it is smallest where the student leans towards the heavy class, not where it is the teacher.

    Args:
        student_logits: (R, C).
        teacher_logits: (R, C); no gradient is sent to them.
        class_weights: C numbers >= 0.
        temperature: T > 0; both sides are divided by it.

    Returns:
        Scalar >= 0; 0 without rows, and above 0 where both say the same.

    Reference:
        Chen, Choi, Yu, Han, Chandraker. Learning efficient object detection models with knowledge distillation. NIPS
        2017 (T = 1, background weighted 1.5). The factor T^2 is ours, so that the weight does not depend on T.
    """
    student = F.log_softmax(at_least_float32(student_logits) / temperature, dim=1)
    teacher = F.softmax(at_least_float32(teacher_logits.detach()) / temperature, dim=1)
    weighted = teacher * student * student.new_tensor(class_weights)
    return -(temperature**2) * weighted.sum() / max(len(student), 1)
