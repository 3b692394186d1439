"""Several teachers by chance, and by agreement: golden values, loop twins, what they leave as it is."""

import pytest
import torch

from pipeline.losses.distillation.kd import kd_loss
from pipeline.teaching.combining import agreement_weights, member_of_step
from pipeline.teaching.ensemble import EnsembleTeacher, pooled_logits
from pipeline.training.camera_space import CameraSpace
from pipeline.training.ensemble_step import EnsembleVoice
from tests.references.teaching import agreement_weights as agreement_twin
from tests.unit.training.make_parts import make_batch, make_batches, make_model


def make_logits(members=3, count=6, classes=4, scale=3.0):
    generator = torch.Generator().manual_seed(1)
    return [scale * torch.randn(count, classes, generator=generator, dtype=torch.float64) for _ in range(members)]


def make_ensemble(combine, seed=3):
    return EnsembleTeacher([make_model(1), make_model(2)], combine=combine, seed=seed).eval()


def test_golden_values_of_one_teacher_a_step():
    teachers = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]])
    slopes, losses = [], []
    for teacher in teachers:
        student = torch.zeros(1, 2, requires_grad=True)
        loss = kd_loss(student, teacher, temperature=1.0)
        (slope,) = torch.autograd.grad(loss, student)
        slopes.append(slope)
        losses.append(loss.item())
    assert sum(losses) / 2 == pytest.approx(0.327813, abs=1e-6)
    assert slopes[0][0, 0].item() == pytest.approx(-0.380797, abs=1e-6)
    torch.testing.assert_close(sum(slopes), torch.zeros(1, 2))
    average = pooled_logits(list(teachers), temperature=1.0)
    assert kd_loss(torch.zeros(1, 2), average, temperature=1.0).item() == pytest.approx(0.0, abs=1e-7)


def test_all_teachers_are_drawn_alike_and_a_seed_draws_the_same():
    drawn = [member_of_step(step, 3, seed=5) for step in range(600)]
    assert drawn == [member_of_step(step, 3, seed=5) for step in range(600)]
    assert drawn != [member_of_step(step, 3, seed=6) for step in range(600)]
    # Three standard deviations of a binomial count.
    assert all(abs(drawn.count(member) - 200) < 35 for member in range(3))


def test_the_drawn_teacher_is_heard_alone_in_its_columns_of_the_joined_embedding():
    ensemble, images = make_ensemble("random"), make_batch(0).images
    with torch.no_grad():
        whole = ensemble(images)
    for step in range(6):
        said, weights = ensemble.teach(images, step=step, labels=None)
        assert weights is None
        with torch.no_grad():
            alone = ensemble.members[ensemble.speaker(step)](images)
        torch.testing.assert_close(said.logits, alone.logits)
        torch.testing.assert_close(said.bn_embedding, whole.bn_embedding[:, ensemble.columns(step)])
    assert {ensemble.speaker(step) for step in range(6)} == {0, 1}
    space = CameraSpace(torch.zeros(3, 10), torch.ones(3, 10)).columns(ensemble.columns(0))
    assert space.standardised(said, torch.zeros(8, dtype=torch.int64)).bn_embedding.shape == (8, 5)


def test_counts_go_on_after_a_resume():
    whole, resumed = EnsembleVoice(make_ensemble("random")), EnsembleVoice(make_ensemble("random"))
    for step in range(5):
        _, facts = whole.answers(make_batches(), step)
    assert resumed.answers(make_batches(), 4)[1] == facts
    assert sum(float(value) for value in facts.values()) == 5


@pytest.mark.parametrize("members", [2, 3])
def test_agreement_equals_its_loop_twin(members):
    logits, labels = make_logits(members), torch.tensor([0, 1, -1, 3, -1, 2])
    for known in (labels, torch.full((6,), -1)):
        expected = agreement_twin([rows.tolist() for rows in logits], known.tolist())
        found = agreement_weights(logits, known)
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
        torch.testing.assert_close(found.sum(0), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(agreement_weights(logits), agreement_weights(logits, torch.full((6,), -1)))


def test_who_is_wrong_or_stands_alone_weighs_less():
    right, wrong = torch.tensor([[4.0, 0.0, 0.0]]), torch.tensor([[0.0, 4.0, 0.0]])
    with_label = agreement_weights([right, wrong], torch.tensor([0]))[:, 0]
    assert with_label[0] > 0.9
    alone = agreement_weights([right, right, wrong])[:, 0]
    assert alone[2] < alone[0] == alone[1]


def test_equal_teachers_weigh_the_same_and_extreme_ones_stay_finite():
    logits = make_logits(1)[0]
    torch.testing.assert_close(agreement_weights([logits] * 3), torch.full((3, 6), 1 / 3, dtype=torch.float64))
    far = [torch.tensor([[6e4, -6e4]]).half(), torch.tensor([[-6e4, 6e4]]).half()]
    weights = agreement_weights(far, torch.tensor([0]))
    assert torch.isfinite(weights).all()
    assert torch.isfinite(pooled_logits(far, weights=weights)).all()
    assert agreement_weights([torch.zeros(0, 3)] * 2).shape == (2, 0)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_equal_weights_are_the_mean(average):
    logits = make_logits()
    weights = torch.full((3, 6), 1 / 3, dtype=torch.float64)
    torch.testing.assert_close(
        pooled_logits(logits, average=average, weights=weights), pooled_logits(logits, average=average)
    )


def test_labels_of_the_target_are_not_read():
    voice = EnsembleVoice(make_ensemble("agreement"))
    with_labels, without = make_batches(target_labels=True), make_batches(target_labels=False)
    told, blind = voice.answers(with_labels, 0), voice.answers(without, 0)
    torch.testing.assert_close(told[0]["target"].logits, blind[0]["target"].logits)
    assert set(told[1]) == {f"{domain}.weight_{member}" for domain in ("source", "target") for member in (1, 2)}
