"""The search for a structure: ranks and losses in numbers, blocks that are what they were cut from, the choice."""

import numpy as np
import pytest
import torch

from datasets.held_out import held_out_images
from pipeline import build
from pipeline.config.schema import ModelConfig
from pipeline.errors import ConfigError, DataError
from pipeline.losses.distillation.blockwise import BlockRank, block_loss
from pipeline.models.candidate_blocks import BlockCutter, Candidate, candidates_of, cost_tables, stage_costs
from pipeline.models.complexity import cost_of
from pipeline.models.reid import ReIDModel
from pipeline.models.scaling import Structure
from pipeline.models.trunks import build_trunk
from pipeline.teaching.responses import weights_digest
from pipeline.training.block_search import CROPS, BlockSearchTask
from pipeline.training.settings import OptimizerSettings
from pipeline.training.structure_choice import best_within, undominated
from pipeline.training.structure_space import StructureSpace
from pipeline.types import ReIDBatch
from tests.references.structure_search import best_combination, relative_error, squared_error

PARENT = Structure((8, 12, 16, 16), (1, 1, 1, 1))


def make_network(sizes, arch="timm/resnet18", ibn="b"):
    args = {"channels": [size.channels for size in sizes], "layers": [size.layers for size in sizes]}
    if arch != "separable":
        args |= {"zero_init_last": False}
    return ReIDModel(build_trunk(arch, args=args, ibn=ibn), embedding=8, size=(32, 16))


def make_teacher():
    torch.manual_seed(1)
    return (
        make_network([Candidate(8, 1), Candidate(16, 1), Candidate(8, 1), Candidate(12, 1)])
        .eval()
        .requires_grad_(False)
    )


def make_batch(seed, count=6):
    pixels = torch.randint(0, 256, (count, 3, 32, 16), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return ReIDBatch(pixels, torch.arange(count), None, torch.zeros(count, dtype=torch.int64))


def make_task(candidates, *, seed=2, rate=1e-2):
    teacher = make_teacher()
    maps, cutter = teacher.shape.maps, BlockCutter("timm/resnet18", PARENT, make_network)
    blocks = []
    for number, own in enumerate(candidates):
        torch.manual_seed(seed)
        reads = maps[f"stage{max(number, 1)}"]
        blocks.append([cutter.block(number, one, reads=reads, writes=maps[f"stage{number + 1}"]) for one in own])
    learner = OptimizerSettings(lr=rate).player(total_steps=20)
    return BlockSearchTask(blocks, candidates, teacher=teacher, normalise=teacher.normalise, learner=learner)


def test_the_golden_rank_and_loss():
    wanted = torch.tensor([0.0, 2.0, 4.0, 6.0])
    rank = BlockRank()
    rank.add(wanted + 1, wanted)
    assert rank.value == pytest.approx(5**-0.5)
    assert rank.value == pytest.approx(0.447214, abs=1e-6)
    assert float(block_loss((wanted + 1).view(1, 1, 2, 2), wanted.view(1, 1, 2, 2))) == 1.0


def test_rank_and_loss_are_those_of_the_slow_twins_over_any_batches():
    wanted, predicted = (torch.randn(7, 3, 2, 4, generator=torch.Generator().manual_seed(s)) + 3 for s in (1, 2))
    whole, parts = BlockRank(), BlockRank()
    whole.add(predicted, wanted)
    for first in (0, 2, 5):
        last = {0: 2, 2: 5, 5: 7}[first]
        parts.add(predicted[first:last], wanted[first:last])
    assert whole.value == pytest.approx(parts.value, rel=1e-12)
    assert whole.value == pytest.approx(
        relative_error(predicted.flatten().tolist(), wanted.flatten().tolist()), rel=1e-6
    )
    slow = squared_error(predicted.flatten(1).tolist(), wanted.flatten(1).tolist())
    assert float(block_loss(predicted, wanted)) == pytest.approx(slow, rel=1e-6)


def test_a_rank_does_not_depend_on_the_size_of_the_maps_and_is_finite_where_they_are_constant():
    wanted, predicted = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2)
    one, other, constant = BlockRank(), BlockRank(), BlockRank()
    one.add(predicted, wanted)
    other.add(10 * predicted + 5, 10 * wanted + 5)
    assert one.value == pytest.approx(other.value, rel=1e-5)
    constant.add(torch.zeros(2, 2), torch.zeros(2, 2))
    assert constant.value == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_the_choice_is_that_of_all_combinations_tried_one_by_one(seed):
    generator = np.random.default_rng(seed)
    counts = [int(generator.integers(1, 5)) for _ in range(4)]
    # Few different numbers, so that there are draws.
    ranks = [[float(r) for r in generator.integers(1, 6, count)] for count in counts]
    macs = [generator.integers(1, 9, (before, own)) for before, own in zip([1, *counts[:-1]], counts, strict=True)]
    front = undominated(ranks, macs)
    assert [one.macs for one in front] == sorted({one.macs for one in front})
    assert [one.rank for one in front] == sorted({one.rank for one in front}, reverse=True)
    for budget in range(0, 36):
        wanted = best_combination(ranks, macs, budget)
        if wanted is None:
            with pytest.raises(ConfigError, match=f"{front[0].macs} at least"):
                best_within(front, budget=budget)
        else:
            found = best_within(front, budget=budget)
            assert (found.rank, found.macs) == wanted[:2]


def test_candidates_of_a_stage_are_told_once():
    found = candidates_of(Structure((8, 16), (2, 2)), [0.5, 1.0, 1.01], [2, 1])
    assert found[0] == [Candidate(4, 1), Candidate(4, 2), Candidate(8, 1), Candidate(8, 2)]
    assert [one.name for one in found[1]] == ["8x1", "8x2", "16x1", "16x2"]


@pytest.mark.parametrize("arch", ["timm/resnet18", "separable"])
def test_entries_of_the_table_add_up_to_what_a_network_costs(arch):
    candidates = [
        [Candidate(8, 1), Candidate(12, 2)],
        [Candidate(12, 1)],
        [Candidate(8, 2), Candidate(16, 1), Candidate(4, 1)],
        [Candidate(16, 1), Candidate(12, 3)],
    ]

    def make(sizes):
        return make_network(sizes, arch=arch)

    tables = cost_tables(make, candidates)
    assert [table.shape for table in tables] == [(1, 2), (2, 1), (1, 3), (3, 2)]
    for picks in ((0, 0, 0, 0), (1, 0, 2, 1), (0, 0, 1, 1), (1, 0, 0, 0)):
        model = make([own[pick] for own, pick in zip(candidates, picks, strict=True)])
        found = sum(int(t[before, pick]) for t, before, pick in zip(tables, (0, *picks[:-1]), picks, strict=True))
        assert found == cost_of(model)[1] == sum(stage_costs(model))


@pytest.mark.parametrize(("arch", "ibn"), [("timm/resnet18", "b"), ("separable", "a")])
def test_a_block_is_the_stage_that_it_was_cut_from(arch, ibn):
    built = []

    def make(sizes):
        torch.manual_seed(5)
        built.append(make_network(sizes, arch=arch, ibn=ibn).eval())
        return built[-1]

    cutter = BlockCutter(arch, PARENT, make)
    images = torch.randint(0, 256, (2, 3, 32, 16), dtype=torch.uint8)
    for number, candidate in enumerate([Candidate(12, 2), Candidate(8, 1), Candidate(4, 2), Candidate(20, 1)]):
        block = cutter.block(number, candidate, reads=20, writes=6)
        model = built[-1]
        with torch.no_grad():
            maps = model(images, taps=("stage1", "stage2", "stage3", "stage4")).maps
            given = model.normalise(images) if number == 0 else maps[f"stage{number}"]
            torch.testing.assert_close(block[0](given), maps[f"stage{number + 1}"])
            assert given.shape[1] == (20 if number else 3)
            assert block(given).shape[1] == 6


def test_every_candidate_learns_by_itself_and_the_teacher_does_not():
    one, both = [[Candidate(8, 1)]] * 4, [[Candidate(8, 1), Candidate(12, 2)]] * 4
    tasks = [make_task(one), make_task(both)]
    digest = weights_digest(tasks[1].teacher)
    for step in range(4):
        terms = [task.step({CROPS: make_batch(step)}, step) for task in tasks]
        for name, value in terms[0].parts.items():
            torch.testing.assert_close(value, terms[1].parts[name])
        assert terms[1].total == pytest.approx(float(sum(terms[1].parts.values())), rel=1e-5)
    alone, beside = (task.ranks([make_batch(9), make_batch(10)]) for task in tasks)
    assert [own[0] for own in beside] == pytest.approx([own[0] for own in alone], rel=1e-4)
    assert weights_digest(tasks[1].teacher) == digest


def test_training_makes_candidates_better():
    task = make_task([[Candidate(12, 1)]] * 4)
    batch = make_batch(3)
    before = task.ranks([batch])
    for step in range(20):
        task.step({CROPS: batch}, step)
    assert all(new[0] < old[0] for new, old in zip(task.ranks([batch]), before, strict=True))


def test_bottlenecks_read_multiples_of_their_expansion():
    def make(sizes):
        return make_network(sizes, arch="timm/resnet50", ibn="none")

    cutter = BlockCutter("timm/resnet50", PARENT, make)
    assert cutter.expansion == 4
    block = cutter.block(1, Candidate(8, 1), reads=20, writes=6)
    assert block(torch.zeros(1, 20, 8, 4)).shape == (1, 6, 4, 2)
    with pytest.raises(
        ConfigError, match="stage2 of the student takes a multiple of 4 channels, and the teacher's stage1 has 10"
    ):
        cutter.block(1, Candidate(8, 1), reads=10, writes=6)


def test_the_chosen_structure_keeps_the_other_arguments():
    config = ModelConfig(
        arch="timm/resnet18d", size=(32, 16), embedding=8, args={"channels": [8, 8, 16, 16]}, width=0.5
    )
    space = StructureSpace(build.model_spec(config), widths=[1.0, 2.0], depths=[1], name="small")
    front = undominated([[1.0, 0.5]] * 4, space.costs)
    args, told = space.chosen(front, budget=10**9)
    assert args == {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1], "stem_width": 16}
    assert (told["rank"], told["macs"]) == (2.0, front[-1].macs)
    assert space.chosen(front, budget=front[0].macs)[0]["channels"] == [4, 4, 8, 8]
    with pytest.raises(ConfigError, match="no structure does with 5 multiply-adds"):
        space.check_budget(5)


def test_images_are_held_out_by_share_and_seed():
    chosen = held_out_images(20, share=0.25, seed=1)
    assert (chosen.sum(), chosen.dtype) == (5, bool)
    assert np.array_equal(chosen, held_out_images(20, share=0.25, seed=1))
    assert not np.array_equal(chosen, held_out_images(20, share=0.25, seed=2))
    assert [held_out_images(3, share=share, seed=0).sum() for share in (0.01, 0.99)] == [1, 1]
    with pytest.raises(DataError, match="2 images to divide"):
        held_out_images(2, share=0.5, seed=0)
