"""What moves images, or a generator of images, that a teacher alone is asked about."""

from dataclasses import dataclass

from pipeline.losses.data_free.deep_inversion import Identity


@dataclass(frozen=True)
class InversionSettings:
    """What moves the pixels of images that are made of a teacher.

    Args:
        steps: of each batch.
        coarse: share of the steps, at the beginning, in which an image has half its height and width.
        lr: rate of Adam on normalised pixels; it falls by a cosine.
        identity: ``cosine`` or ``cross_entropy``.
        statistics: weight of the batch norms' statistics.
        first: factor on the first batch norm.
        variation: weight of the total variation.
        length: weight of the images' length.
        jitter: largest shift, as a share of height and width.
    """

    steps: int = 120
    coarse: float = 0.6
    lr: float = 0.1
    identity: Identity = "cross_entropy"
    statistics: float = 1e-3
    first: float = 10.0
    variation: float = 5e-3
    length: float = 1e-5
    jitter: float = 0.1


@dataclass(frozen=True)
class GeneratorSettings:
    """What moves a generator of such images.

    Args:
        steps: updates of the generator.
        batch: images a step.
        latent: width of the noise.
        width: channels of its finest layer.
        lr: rate of Adam.
        one_hot: weight of images that show somebody clearly.
        entropy: weight of everybody being shown as often.
        activation: weight of a strong embedding.
        adversarial: weight of the student's disagreement with the teacher.
        student_steps: updates of the student after each of the generator.
    """

    steps: int = 200
    batch: int = 64
    latent: int = 64
    width: int = 32
    lr: float = 1e-3
    one_hot: float = 0.05
    entropy: float = 5.0
    activation: float = 0.01
    adversarial: float = 0.0
    student_steps: int = 10
