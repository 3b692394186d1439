"""The approximation of knowledge representing: quantiles, folding, the dead zone, and when it is evaluated."""

import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.losses.distillation.folded_weights import folded_weights, sampled
from pipeline.losses.distillation.kr_approx import KRApprox, dead_zone_loss, weight_quantiles
from pipeline.types import ReIDBatch, Taps
from tests.references import map_losses as twins

BATCH = ReIDBatch(torch.zeros(2, 3, 1, 1), torch.arange(2), None, torch.zeros(2, dtype=torch.int64))


class Network(nn.Module):
    """Two stages: convolutions with a batch norm behind each, and a linear layer."""

    def __init__(self, *, seed: int, width: int = 4) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, 2 * width, 3), nn.BatchNorm2d(2 * width)
        self.linear = nn.Linear(2 * width, 5)

    def stage_modules(self) -> dict[str, tuple[nn.Module, ...]]:
        """Return the modules of each stage."""
        return {"stage1": (self.conv1, self.bn1, self.conv2, self.bn2), "stage2": (self.linear,)}

    def forward(self, images: Tensor) -> Tensor:
        return self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(images)))))


def make_objective(student: nn.Module, teacher: nn.Module, **settings: object) -> KRApprox:
    objective = KRApprox(stages=["stage1", "stage2"], **{"every": 1, **settings})  # type: ignore[arg-type]
    objective.bind_networks(student, teacher)  # type: ignore[arg-type]
    return objective


def make_taps() -> Taps:
    return Taps(torch.zeros(2, 3), torch.zeros(2, 3))


def value_of(objective: KRApprox) -> Tensor:
    return objective(make_taps(), None, BATCH)


def test_golden_value_and_gradient_of_the_dead_zone() -> None:
    teacher = torch.tensor([0.1, 0.2, 0.4, 0.8], dtype=torch.float64)
    student = torch.tensor([0.1, 0.25, 0.7, 0.75], dtype=torch.float64, requires_grad=True)
    value = dead_zone_loss(student, teacher, kappa=0.1)
    value.backward()
    assert value.item() == pytest.approx(0.005)
    assert student.grad is not None
    torch.testing.assert_close(student.grad, torch.tensor([0.0, 0.0, 0.05, 0.0], dtype=torch.float64))
    assert value.item() == pytest.approx(twins.dead_zone(student.tolist(), teacher.tolist(), 0.1))


def test_as_many_quantiles_as_values_are_the_sorted_values() -> None:
    values = torch.tensor([0.7, 0.1, 0.75, 0.25])
    torch.testing.assert_close(weight_quantiles([values], count=4), torch.tensor([0.1, 0.25, 0.7, 0.75]))
    torch.testing.assert_close(weight_quantiles([values], count=1), values.mean()[None])


@pytest.mark.parametrize("sizes", [(5,), (64,), (7, 100), (1, 30, 3)])
@pytest.mark.parametrize("count", [1, 4, 64])
def test_quantiles_equal_their_loop_twin(sizes: tuple[int, ...], count: int) -> None:
    generator = torch.Generator().manual_seed(1)
    layers = [torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]
    expected = twins.quantiles([layer.tolist() for layer in layers], count)
    assert weight_quantiles(layers, count=count).tolist() == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_each_layer_has_the_same_mass_and_every_weight_a_gradient() -> None:
    few, many = torch.zeros(3), torch.ones(3000)
    torch.testing.assert_close(weight_quantiles([few, many], count=2), torch.tensor([0.0, 1.0]))
    weights = torch.randn(50, dtype=torch.float64, requires_grad=True)
    (weight_quantiles([weights], count=8) ** 2).sum().backward()
    assert weights.grad is not None
    assert bool((weights.grad != 0).all())


def test_gradient_in_float64() -> None:
    teacher = weight_quantiles([torch.randn(40, dtype=torch.float64)], count=8)
    weights = torch.randn(30, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda w: dead_zone_loss(weight_quantiles([w[:20], w[20:]], count=8), teacher, kappa=0.1), (weights,)
    )


def test_folding_undoes_a_scale_that_the_norm_takes_out() -> None:
    network = Network(seed=1).eval()
    images = torch.randn(4, 3, 7, 7)
    for norm in (network.bn1, network.bn2):
        nn.init.uniform_(norm.weight, 0.5, 2.0)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    before, said = folded_weights(network.stage_modules()["stage1"]), network(images)
    with torch.no_grad():
        network.conv1.weight *= 7.0
        network.conv1.bias *= 7.0  # type: ignore[operator]
        network.bn1.running_mean *= 7.0  # type: ignore[operator]
        network.bn1.running_var += network.bn1.eps  # type: ignore[operator]
        network.bn1.running_var *= 49.0  # type: ignore[operator]
        network.bn1.running_var -= network.bn1.eps  # type: ignore[operator]
    torch.testing.assert_close(network(images), said, rtol=1e-3, atol=1e-4)
    for one, other in zip(before, folded_weights(network.stage_modules()["stage1"]), strict=True):
        torch.testing.assert_close(one, other)


def test_a_layer_that_an_instance_norm_follows_has_no_scale_and_is_left_out() -> None:
    conv, linear = nn.Conv2d(3, 4, 3), nn.Linear(8, 2)
    assert len(folded_weights([conv, nn.InstanceNorm2d(4, affine=True), linear])) == 1
    (kept,) = folded_weights([linear])
    torch.testing.assert_close(kept, linear.weight * 8**0.5)


def test_large_layers_are_sampled_at_the_same_places() -> None:
    layers = [torch.arange(1000.0), torch.arange(10.0)]
    one, other = sampled(layers, largest=200)
    assert len(one) == 100
    assert len(set(one.tolist())) == 100
    assert torch.equal(one, sampled(layers, largest=200)[0])
    assert torch.equal(other, layers[1])


def test_equal_networks_cost_nothing_and_the_order_of_filters_does_not_matter() -> None:
    student, teacher = Network(seed=2), Network(seed=2)
    assert value_of(make_objective(student, teacher, dead_zone=0.0)).item() == 0.0
    other = Network(seed=3)
    value = value_of(make_objective(student, other, dead_zone=0.0))
    with torch.no_grad():
        filters, channels = torch.randperm(8), torch.randperm(4)
        student.conv2.weight.copy_(student.conv2.weight[filters][:, channels])
    torch.testing.assert_close(value_of(make_objective(student, other, dead_zone=0.0)), value)
    assert value.item() > 0


def test_small_differences_have_no_gradient() -> None:
    student, teacher = Network(seed=4), Network(seed=4)
    with torch.no_grad():
        student.linear.weight += 1e-3
    objective = make_objective(student, teacher, dead_zone=0.1)
    value_of(objective).backward()
    assert float(objective.facts()["outside"]) == 0.0
    assert student.linear.weight.grad is not None
    assert not student.linear.weight.grad.any()


def test_descent_moves_the_student_to_the_teachers_distribution_and_leaves_the_teacher() -> None:
    student, teacher = Network(seed=5), Network(seed=6)
    with torch.no_grad():
        teacher.linear.weight *= 3.0
    objective = make_objective(student, teacher)
    optimizer = torch.optim.SGD(student.parameters(), lr=2.0)
    first = value_of(objective).item()
    for _ in range(200):
        optimizer.zero_grad()
        value_of(objective).backward()
        optimizer.step()
    assert value_of(objective).item() < 0.1 * first
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert list(objective.parameters()) == []
    assert set(objective.state_dict()) == {"calls", "last", "outside"}


def test_it_is_evaluated_every_so_many_steps_also_after_a_resume() -> None:
    student, teacher = Network(seed=7), Network(seed=8)
    objective = make_objective(student, teacher, every=3, dead_zone=0.0)

    def moves(objective: KRApprox) -> bool:
        student.zero_grad()
        taps = Taps(torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 3))
        value = objective(taps, None, BATCH)
        value.backward()
        assert value.item() > 0
        return student.linear.weight.grad is not None and bool(student.linear.weight.grad.any())

    assert [moves(objective) for _ in range(4)] == [True, False, False, True]
    resumed = make_objective(student, teacher, every=3, dead_zone=0.0)
    resumed.load_state_dict(objective.state_dict())
    assert [moves(resumed) for _ in range(3)] == [False, False, True]


def test_the_teachers_present_weights_count() -> None:
    student, teacher = Network(seed=9), Network(seed=9)
    objective = make_objective(student, teacher, dead_zone=0.0)
    assert value_of(objective).item() == 0.0
    with torch.no_grad():
        teacher.linear.weight *= 2.0
    assert value_of(objective).item() > 0.0
    assert 0.0 < float(objective.facts()["outside"]) <= 1.0


def test_stages_that_a_network_lacks_are_refused() -> None:
    objective = KRApprox()
    with pytest.raises(ConfigError, match=r"weights of stage3, which the student does not have.*stage1, stage2"):
        objective.bind_networks(Network(seed=1), Network(seed=2))
    with pytest.raises(ConfigError, match=r"stage1, which the teacher does not have.*its trunk names no stages"):
        KRApprox(stages=["stage1"]).bind_networks(Network(seed=1), nn.Linear(2, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"quantiles": 0}, {"every": 0}, {"dead_zone": -1.0}, {"stages": []}])
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        KRApprox(**settings)  # type: ignore[arg-type]
