"""A generator of images that learns from a teacher alone, and against a student."""

import math

import pytest
import torch

from pipeline.build import reid_model
from pipeline.models.image_generator import ImageGenerator
from pipeline.training.data_free_settings import GeneratorSettings
from pipeline.training.generating import GeneratorTask, harvests
from pipeline.training.player import Player
from tests.unit.training.test_inversion import make_teacher


def make_task(*, is_adversarial=False, teacher=None, images=8, **settings):
    teacher = teacher or make_teacher()
    student = None
    if is_adversarial:
        torch.manual_seed(1)
        model = reid_model(
            arch="timm/resnet18", size=(32, 16), embedding=8, pooling="gem", ibn="none", weights="scratch",
            args={"channels": [4, 4, 4, 4], "layers": [1, 1, 1, 1]}, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25),
            num_classes=teacher.num_classes,
        )  # fmt: skip
        student = Player(model, lr=1e-2, weight_decay=0.0, total_steps=200, warmup=0, decay=0.9)
        settings = {"adversarial": 1.0, "one_hot": 0.0, "entropy": 0.0, "activation": 0.0, **settings}
    chosen = GeneratorSettings(**{"steps": 6, "batch": 4, "latent": 5, "width": 4, "student_steps": 2, **settings})
    return GeneratorTask(teacher, student, images=images, settings=chosen, seed=3)


def run(task, *, start=0, stop=None):
    terms, batches = [], task.batches(start)
    for step in range(start, stop or task.settings.steps):
        torch.manual_seed(step)
        terms.append(task.step(next(batches), step))
    return terms


@pytest.mark.parametrize("size", [(32, 16), (30, 13), (5, 4)])
def test_a_generator_draws_images_of_any_size(size):
    torch.manual_seed(0)
    images = ImageGenerator(6, size=size, width=4)(torch.randn(8, 6)).detach()
    assert images.shape == (8, 3, *size)
    assert images.mean() == pytest.approx(0, abs=0.3)
    assert images.std() == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(("images", "steps", "batch"), [(10, 8, 3), (4, 1, 4), (100, 6, 2), (2, 50, 64)])
def test_every_image_is_gathered_once_in_the_second_half(images, steps, batch):
    rows = harvests(images, steps=steps, batch=batch)
    assert torch.cat(list(rows.values())).tolist() == list(range(images))
    assert max(rows) == steps - 1
    assert min(rows) >= steps // 2 or steps == 1


def test_images_please_the_teacher():
    terms = run(make_task(steps=60, batch=16, one_hot=1.0, lr=1e-2))
    assert float(terms[-1].total) < float(terms[0].total)
    assert set(terms[0].parts) == {"one_hot", "entropy", "activation"}


def test_everybody_is_shown():
    terms = run(make_task(steps=60, batch=16, one_hot=0.0, activation=0.0, lr=1e-2))
    assert float(terms[-1].parts["entropy"]) == pytest.approx(-math.log10(3), abs=0.05)


def test_the_student_follows_and_is_what_the_disagreement_is_about():
    task = make_task(is_adversarial=True, steps=30, student_steps=4)
    terms = run(task)
    assert {"disagreement", "student.kd"} <= set(terms[-1].parts)
    assert all(float(term.parts["disagreement"]) <= 0 for term in terms)
    assert task.student.updates == 120


def test_a_student_learns_in_several_processes_as_in_one(monkeypatch):
    teacher = make_teacher()
    alone, together = (make_task(teacher=teacher, is_adversarial=True, steps=2) for _ in range(2))
    expected = run(alone)[-1].parts["student.kd"]
    # Every process draws the same images, so what is gathered of two is the same rows twice.
    monkeypatch.setattr("pipeline.distributed.gather_rows", lambda rows: torch.cat([rows, rows]))
    torch.testing.assert_close(run(together)[-1].parts["student.kd"], expected)


@pytest.mark.parametrize("is_adversarial", [False, True])
@pytest.mark.parametrize("stop", [1, 4])
def test_a_task_goes_on_bit_for_bit(stop, is_adversarial):
    teacher = make_teacher()
    whole, half, again = (make_task(teacher=teacher, is_adversarial=is_adversarial) for _ in range(3))
    run(whole)
    run(half, stop=stop)
    again.load_state({name: value.clone() for name, value in half.state().items()})
    run(again, start=stop)
    first, second = whole.state(), again.state()
    assert list(first) == list(second)
    assert all(first[name].equal(second[name]) for name in first)
    assert whole.done.float().std() > 0


def test_stored_images_show_whom_they_say():
    task = make_task()
    run(task)
    assert task.teacher(task.done).logits.argmax(1).equal(task.labels)
