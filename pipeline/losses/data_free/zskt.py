"""Zero-shot transfer: a generator looks for the images on which a student does not say what its teacher says."""

import torch.nn.functional as F
from torch import Tensor


def disagreement_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Return ``-KL(softmax(teacher) || softmax(student))`` averaged over images.

    The gradient goes through both answers, because both are answers about the generator's images.

    Args:
        student_logits: (B, C).
        teacher_logits: (B, C).

    Returns:
        Scalar <= 0; 0 where both say the same.

    Reference:
        Micaelli, Storkey. Zero-shot knowledge transfer via adversarial belief matching. NeurIPS 2019. A
        re-implementation of the generator's loss. The student's attention term is left out, because nets without
        batch norm have no maps that it could compare.
    """
    student, teacher = F.log_softmax(student_logits, dim=1), F.log_softmax(teacher_logits, dim=1)
    return -F.kl_div(student, teacher, reduction="batchmean", log_target=True)
