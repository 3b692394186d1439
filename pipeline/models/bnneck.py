"""The head between a pooled vector and the losses: embedding projection, BNNeck, classifier."""

from torch import Tensor, nn


class BNNeck(nn.Module):
    """Project, batch-normalise without shift, classify without bias.

    The metric losses read the vector before the normalisation and the classifier the one after it; with the shift
    frozen at zero the class directions and the retrieval directions are the same.

    Args:
        features: width of the pooled vector.
        embedding: width after the projection; None keeps the pooled vector as it is.
        num_classes: identities of the classifier; None leaves it out.

    Reference:
        Luo et al. Bag of tricks and a strong baseline for deep person re-identification. CVPR Workshops 2019.
    """

    def __init__(self, features: int, *, embedding: int | None = None, num_classes: int | None = None) -> None:
        super().__init__()
        self.width = features if embedding is None else embedding
        self.projection: nn.Module = nn.Identity()
        if embedding is not None:
            self.projection = nn.Linear(features, embedding, bias=False)
            nn.init.kaiming_normal_(self.projection.weight, mode="fan_out")
        self.bn = nn.BatchNorm1d(self.width)
        self.bn.bias.requires_grad_(False)
        self.classifier: nn.Linear | None = None
        self.reset_classifier(num_classes)

    def reset_classifier(self, num_classes: int | None) -> None:
        """Replace the classifier by a fresh one, or remove it.

        Args:
            num_classes: identities of the new classifier; None removes it.
        """
        if num_classes is None:
            self.classifier = None
            return
        self.classifier = nn.Linear(self.width, num_classes, bias=False).to(self.bn.weight.device)
        # So small that the first softmax is flat: a confident random head pulls the trunk to random directions.
        nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the embedding, the normalised embedding and the logits.

        Args:
            pooled: (B, features).

        Returns:
            (B, D), (B, D) and (B, num_classes) or None.
        """
        embedding = self.projection(pooled)
        bn_embedding = self.bn(embedding)
        return embedding, bn_embedding, None if self.classifier is None else self.classifier(bn_embedding)
