"""Images that are made of a teacher by its batch norms: who is shown where, and pixels that become like its source."""

import numpy as np
import pytest
import torch

from pipeline.build import reid_model
from pipeline.errors import ConfigError
from pipeline.training.data_free_settings import InversionSettings
from pipeline.training.inversion import InversionTask
from pipeline.training.invertible import DARKEST, spread_persons


def make_teacher(arch="timm/resnet18", *, classes=3, sees="rgb", neck="bnneck", **args):
    torch.manual_seed(0)
    args = args or {"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]}
    model = reid_model(
        arch=arch, size=(32, 16), embedding=8, pooling="gem", ibn="none", weights="scratch", args=args,
        mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), num_classes=classes, neck=neck, sees=sees,
    )  # fmt: skip
    # Remembers dark, calm pictures.
    model.train()
    for step in range(20):
        noise = torch.Generator().manual_seed(step)
        model(60 + 20 * torch.rand(8, 3, 32, 16, generator=noise))
    return model.eval().requires_grad_(False)


def make_task(teacher, *, images=6, batch=3, **settings):
    labels, parts = spread_persons(int(teacher.num_classes or 0), images // 3, batch=batch)
    return InversionTask(teacher, labels, parts=parts, settings=InversionSettings(**{"steps": 6, **settings}), seed=5)


def run(task, *, start=0, stop=None):
    terms = []
    for step, batches in zip(range(start, stop or task.total), task.batches(start), strict=False):
        torch.manual_seed(step)
        terms.append(task.step(batches, step))
    return terms


def test_every_person_comes_once_before_anyone_comes_again():
    labels, parts = spread_persons(5, 3, batch=4)
    assert labels.tolist() == [*range(5)] * 3
    assert np.concatenate(parts).tolist() == list(range(15))
    assert sorted(map(len, parts)) == [3, 4, 4, 4]


def test_images_come_nearer_to_what_the_teacher_remembers():
    task = make_task(make_teacher(), steps=40, batch=6, statistics=0.05, lr=0.2, identity="cosine")
    terms = run(task)
    assert float(terms[-1].parts["statistics"]) < 0.6 * float(terms[0].parts["statistics"])
    assert float(terms[-1].parts["identity"]) < float(terms[0].parts["identity"])
    assert set(terms[-1].parts) == {"identity", "statistics", "variation", "length"}
    # The dark pictures that were remembered come back, though noise began around the middle.
    assert task.done.float().mean() < 110


@pytest.mark.parametrize("coarse", [0.0, 0.5])
@pytest.mark.parametrize("stop", [2, 4, 9])
def test_a_task_goes_on_bit_for_bit(stop, coarse):
    teacher = make_teacher()
    whole = make_task(teacher, coarse=coarse)
    run(whole)
    half = make_task(teacher, coarse=coarse)
    run(half, stop=stop)
    again = make_task(teacher, coarse=coarse)
    again.load_state({name: value.clone() for name, value in half.state().items()})
    run(again, start=stop)
    assert again.done.equal(whole.done)
    assert whole.done.float().std() > 0


@pytest.mark.parametrize(("steps", "coarse"), [(1, 0.6), (2, 0.9), (3, 0.99)])
def test_images_have_their_full_size_however_few_the_steps(steps, coarse):
    task = make_task(make_teacher(), steps=steps, coarse=coarse)
    run(task)
    assert task.done.shape == (6, 3, 32, 16)
    assert task.done.float().std() > 0


def test_the_teacher_stays_and_seeds_matter():
    teacher = make_teacher()
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    task, other = make_task(teacher), make_task(teacher)
    other.seed = 6
    run(task)
    run(other)
    assert all(value.equal(before[name]) for name, value in teacher.state_dict().items())
    assert not task.done.equal(other.done)


@pytest.mark.parametrize("sees", ["grey", "infrared"])
def test_a_teacher_of_night_cameras_can_be_inverted(sees):
    terms = run(make_task(make_teacher(sees=sees), statistics=50.0))
    assert all(torch.isfinite(value.total) for value in terms)
    assert DARKEST > 0


def test_identities_by_cross_entropy():
    terms = run(make_task(make_teacher(), identity="cross_entropy"))
    assert float(terms[0].parts["identity"]) == pytest.approx(np.log(3), abs=0.1)


def test_a_teacher_without_batch_norm_is_refused():
    vit = {"img_size": [32, 16], "embed_dim": 12, "depth": 1, "num_heads": 2}
    with pytest.raises(ConfigError, match=r"VisionTransformer has no batch norm.*kind generate"):
        make_task(make_teacher("timm/vit_tiny_patch16_224", **vit))


def test_a_teacher_without_persons_is_refused():
    teacher = make_teacher()
    teacher.reset_classifier(None)
    with pytest.raises(ConfigError, match="a teacher without a classifier"):
        InversionTask(teacher, torch.zeros(2), parts=[], settings=InversionSettings(), seed=0)
