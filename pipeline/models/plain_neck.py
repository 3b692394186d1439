"""The head of a plain classifier: the pooled vector, or a projection of it, goes straight into a linear layer."""

from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.models.bnneck import BNNeck


class PlainNeck(nn.Module):
    """Project where that is asked for, classify with a bias; nothing is normalised.

    Both embeddings are the same vector, so that what reads either works on a classifier too.

    Args:
        features: width of the pooled vector.
        embedding: width after the projection; None keeps the pooled vector as it is.
        num_classes: classes of the classifier; None leaves it out.
    """

    def __init__(self, features: int, *, embedding: int | None = None, num_classes: int | None = None) -> None:
        super().__init__()
        self.width = features if embedding is None else embedding
        self.projection: nn.Module = nn.Identity() if embedding is None else nn.Linear(features, embedding)
        # Where the BNNeck has its normalisation; without state, so that a file holds nothing for it.
        self.bn = nn.Identity()
        self.classifier: nn.Linear | None = None
        self.reset_classifier(num_classes)

    def reset_classifier(self, num_classes: int | None) -> None:
        """Replace the classifier by a fresh one, or remove it.

        Args:
            num_classes: classes of the new classifier; None removes it.
        """
        if num_classes is None:
            self.classifier = None
            return
        place = None if self.classifier is None else self.classifier.weight.device
        self.classifier = nn.Linear(self.width, num_classes, device=place)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the embedding twice and the logits.

        Args:
            pooled: (B, features).

        Returns:
            (B, D), the same (B, D), and (B, num_classes) or None.
        """
        embedding = self.projection(pooled)
        return embedding, embedding, None if self.classifier is None else self.classifier(embedding)


NECKS: dict[str, type[BNNeck] | type[PlainNeck]] = {"bnneck": BNNeck, "none": PlainNeck}


def make_neck(name: str, features: int, *, embedding: int | None, num_classes: int | None) -> BNNeck | PlainNeck:
    """Return the head of that name.

    Args:
        name: ``bnneck``, or ``none`` for a plain linear classifier.
        features: width of the pooled vector.
        embedding: width after the projection; None keeps the pooled vector as it is.
        num_classes: classes of the classifier; None leaves it out.

    Raises:
        ConfigError: the name is not in the table.
    """
    if name not in NECKS:
        raise ConfigError(f"there is no neck {name!r}", f"one of {', '.join(sorted(NECKS))}")
    return NECKS[name](features, embedding=embedding, num_classes=num_classes)
