import numpy as np
import pytest
from scipy import sparse

from pipeline.clustering.eps import choose_eps, graph_silhouette
from pipeline.clustering.jaccard import jaccard_distance
from pipeline.errors import DataError
from tests.unit.clustering.test_jaccard import make_features


def loop_silhouette(dense, labels):
    scores = []
    for i, label in enumerate(labels):
        mates = [j for j in range(len(labels)) if labels[j] == label and j != i]
        if label < 0 or not mates:
            scores.append(0.0)
            continue
        a = np.mean([dense[i, j] for j in mates])
        rest = sorted({c for c in labels if c >= 0 and c != label})
        b = min([np.mean([dense[i, j] for j in range(len(labels)) if labels[j] == c]) for c in rest], default=1.0)
        scores.append((b - a) / max(a, b))
    return np.mean(scores)


@pytest.mark.parametrize("seed", range(4))
def test_silhouette_equals_the_loop_with_missing_pairs_at_one(seed):
    distances = jaccard_distance(make_features(seed=seed), k1=12, k2=3, keep_below=0.8)
    labels = np.random.default_rng(seed).integers(-1, 6, distances.shape[0])
    dense = distances.toarray().astype(np.float64)
    dense[dense == 0] = 1.0
    assert graph_silhouette(distances, labels) == pytest.approx(loop_silhouette(dense, labels), abs=1e-9)


def test_silhouette_of_nothing_is_zero():
    assert graph_silhouette(sparse.eye(3, format="csr") * 1e-7, np.full(3, -1)) == 0.0


def test_the_chosen_eps_recovers_the_clusters_and_the_smallest_wins_a_tie():
    features = make_features(count=120, noise=0.15, clusters=6, dimension=16)
    distances = jaccard_distance(features, k1=15, k2=4, keep_below=0.85)
    eps, scores = choose_eps(distances)
    assert scores[eps] == max(scores.values())
    best = [candidate for candidate, score in scores.items() if score > scores[eps] - 1e-6]
    assert eps == min(best)


def test_an_empty_grid_is_refused():
    with pytest.raises(DataError):
        choose_eps(jaccard_distance(np.eye(3)), grid=())
