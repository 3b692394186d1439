"""A teacher answers in eval mode, without gradient, in fp32, and is told when it has moved."""

import pytest
import torch

from pipeline.errors import TrainingError
from pipeline.teaching.responses import check_unchanged, respond, weights_digest
from tests.unit.training.make_parts import make_batch, make_model


def test_an_answer_changes_nothing_and_carries_no_gradient():
    model, images = make_model().train(), make_batch(0).images
    before = weights_digest(model)
    said = respond(model, images, taps=("first",))
    assert not model.training
    assert weights_digest(model) == before
    assert not any(t.requires_grad for t in (said.embedding, said.bn_embedding, said.logits, said.maps["first"]))
    assert torch.equal(said.embedding, respond(model, images).embedding)


def test_answers_can_be_used_in_backward():
    said = respond(make_model(), make_batch(0).images)
    student = torch.ones_like(said.embedding, requires_grad=True)
    (student * said.embedding).sum().backward()
    assert torch.equal(student.grad, said.embedding)


def test_answers_leave_half_precision():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        said = respond(make_model(), make_batch(0).images, taps=("first",))
    assert {t.dtype for t in (said.embedding, said.bn_embedding, said.logits, said.maps["first"])} == {torch.float32}


def test_the_digest_covers_parameters_and_buffers():
    model = make_model()
    digest = weights_digest(model)
    check_unchanged(model, digest)
    model.neck.bn.running_mean.add_(1e-3)
    with pytest.raises(TrainingError, match="the frozen teacher's weights or buffers changed during the stage"):
        check_unchanged(model, digest)
    model = make_model()
    model.neck.bn.weight.data[0] += 1e-6
    assert weights_digest(model) != digest
    assert weights_digest(make_model()) == digest
