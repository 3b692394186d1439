"""Names, seeds and limits of domains."""

from dataclasses import fields

import numpy as np
import pytest

from datasets.world import traits
from datasets.world.colours import CLOTH, HAIR
from datasets.world.crops import render_crop
from datasets.world.domains import NAMED_DOMAINS, domain_by_name
from datasets.world.dressing import make_person
from datasets.world.seeding import between, generator, pick
from pipeline.errors import DataError

NAMES = [*NAMED_DOMAINS, *(f"random-{seed}" for seed in range(12))]
VOCABULARIES = {
    "upper_colours": CLOTH, "lower_colours": CLOTH, "accent_colours": CLOTH, "hair_colours": HAIR,
    "uppers": traits.UPPER_KINDS, "lowers": traits.LOWER_KINDS, "patterns": traits.PATTERNS, "bags": traits.BAGS,
    "hats": traits.HATS,
}  # fmt: skip


def test_there_are_at_least_four_named_domains_under_their_own_names():
    assert len(NAMED_DOMAINS) >= 4
    assert all(name == domain.name and domain.summary for name, domain in NAMED_DOMAINS.items())


@pytest.mark.parametrize("name", NAMES)
def test_distributions_name_what_exists_and_limits_are_in_order(name):
    domain = domain_by_name(name)
    for field, words in VOCABULARIES.items():
        entries = getattr(domain.people, field)
        assert {word for word, _ in entries} <= set(words), field
        assert all(weight >= 0 for _, weight in entries)
        assert sum(weight for _, weight in entries) > 0
    assert {scene for scene, _ in domain.cameras.scenes} <= set(traits.SCENES)
    for field in fields(domain.cameras):
        if field.name != "scenes":
            low, high = getattr(domain.cameras, field.name)
            assert low <= high, field.name


def test_unknown_domains_name_the_close_one_and_the_list():
    with pytest.raises(DataError, match=r"'sunny_plasa'.*winter_station.*Did you mean 'sunny_plaza'"):
        domain_by_name("sunny_plasa")
    with pytest.raises(DataError, match="random-<number>"):
        domain_by_name("random--1")


def test_random_domains_depend_on_their_number_alone():
    first = domain_by_name("random-7")
    domain_by_name.cache_clear()
    assert domain_by_name("random-7") == first
    assert domain_by_name("random-8") != first


def test_people_of_every_domain_can_be_drawn_and_differ():
    for name in NAMES:
        people = [make_person(domain_by_name(name).people, generator(name, number)) for number in range(20)]
        assert len(set(people)) == 20


def test_generators_depend_on_every_key():
    draws = {generator(*keys).random() for keys in (("a", 1), ("a", 2), ("b", 1), ("a", 1, 0), ("a1",))}
    assert len(draws) == 5
    assert generator("a", 1).random() == generator("a", 1).random()
    assert generator("golden").bit_generator.random_raw() == 4565912975881357041


def test_pick_follows_the_weights_and_between_the_limits():
    rng = generator("pick")
    drawn = [pick(rng, traits.weights(rare=1, common=3, never=0)) for _ in range(2000)]
    assert "never" not in drawn
    assert drawn.count("common") / 2000 == pytest.approx(0.75, abs=0.04)
    values = [between(rng, (2.0, 3.0)) for _ in range(100)]
    assert 2.0 <= min(values) < 2.2
    assert 2.8 < max(values) <= 3.0


def test_domains_are_farther_apart_than_the_cameras_of_one():
    def camera_means(name):
        domain = domain_by_name(name)
        return np.array([
            np.mean([render_crop(domain, seed=0, person=person, camera=camera, shot=0, size=(64, 32)).mean(axis=(0, 1))
                     for person in range(6)], axis=0)
            for camera in range(1, 5)
        ])  # fmt: skip

    means = {name: camera_means(name) for name in NAMED_DOMAINS}
    within = np.mean([np.linalg.norm(m - m.mean(axis=0), axis=1).mean() for m in means.values()])
    centres = np.array([m.mean(axis=0) for m in means.values()])
    across = np.linalg.norm(centres - centres.mean(axis=0), axis=1).mean()
    assert across > 1.5 * within
