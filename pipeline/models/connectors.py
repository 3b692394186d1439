"""Trainable adapters between a student's and a teacher's widths; they are thrown away after training."""

from torch import Tensor, nn


class LinearConnector(nn.Module):
    """Map student embeddings to the teacher's width.

    Args:
        student_width: width of the student's embedding.
        teacher_width: width of the teacher's embedding.
    """

    def __init__(self, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(student_width, teacher_width, bias=False)
        # An orthogonal start keeps distances (up to the rank), so relations learnt so far survive the first step.
        nn.init.orthogonal_(self.linear.weight)

    def forward(self, embedding: Tensor) -> Tensor:
        """Map (B, student_width) to (B, teacher_width)."""
        return self.linear(embedding)
