"""Which of several networks of middle size should stand between a teacher and its student."""

from collections.abc import Mapping


def nearest_to_middle(scores: Mapping[str, float], *, teacher: float, student: float) -> str:
    """Return the candidate c with the smallest ``|s_c - (s_teacher + s_student) / 2|``; of equals the first one.

    Args:
        scores: of each candidate on held-out labelled images, such as mAP in 0..1; one at least.
        teacher: the same score of the teacher.
        student: that of the student, trained without a teacher.

    Reference:
        Mirzadeh et al. Improved knowledge distillation via teacher assistant. AAAI 2020, who find an assistant of mean
        accuracy better than one of mean size. The rule is theirs; retrieval on people held out is ours.
    """
    assert scores, "there is a candidate"
    middle = (teacher + student) / 2
    return min(scores, key=lambda name: abs(scores[name] - middle))
