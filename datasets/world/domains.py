"""The named domains, and any number of others by seed."""

import difflib
import re
from functools import lru_cache

from datasets.world.random_domain import make_random_domain
from datasets.world.traits import CameraTraits, Domain, PeopleTraits
from pipeline.errors import DataError

__all__ = ["NAMED_DOMAINS", "Domain", "domain_by_name"]

_SUNNY_PLAZA = Domain(
    name="sunny_plaza",
    summary="a square at noon in summer: light clothes in strong colours, hard shadows, sharp cameras on poles",
    people=PeopleTraits(
        upper_colours=(("white", 4), ("sky", 2), ("yellow", 1.5), ("coral", 1.5), ("red", 1.5), ("mint", 1), ("pink", 1.5),
                       ("blue", 1.5), ("navy", 1), ("black", 1), ("orange", 1), ("green", 1), ("lilac", 1)),
        lower_colours=(("beige", 2), ("white", 1.5), ("denim", 2), ("navy", 1), ("black", 1), ("olive", 1), ("red", 0.5),
                       ("sky", 1)),
        accent_colours=(("white", 2), ("red", 1.5), ("black", 1), ("blue", 1.5), ("yellow", 1), ("brown", 1), ("teal", 1),
                        ("magenta", 1)),
        uppers=(("tshirt", 6), ("shirt", 3), ("dress", 3), ("hoodie", 0.5)),
        lowers=(("shorts", 3), ("jeans", 2), ("trousers", 2), ("skirt", 2.5), ("long_skirt", 1)),
        patterns=(("plain", 3), ("rings", 2), ("checks", 1), ("block", 1), ("dots", 1), ("chest_print", 2),
                  ("back_print", 1), ("side_panel", 0.6), ("pinstripe", 0.8)),
        bags=(("none", 4), ("backpack", 2), ("handbag", 2), ("messenger", 1)),
        hats=(("none", 5), ("cap", 1.5), ("sunhat", 1.5)),
        hair_colours=(("black", 2), ("dark", 3), ("brown", 3), ("blond", 2), ("grey", 1), ("auburn", 1)),
        skin_tone=(0.35, 0.22),
    ),
    cameras=CameraTraits(
        scenes=(("plaza", 3), ("park", 1)),
        height=(2.5, 6.0),
        distance=(7.0, 18.0),
        light=(1.0, 1.2),
        direct=(0.45, 0.65),
        warmth=(0.05, 0.35),
        tint=(-0.05, 0.1),
        gamma=(0.85, 1.0),
        contrast=(1.05, 1.25),
        saturation=(1.05, 1.25),
        haze=(0.0, 0.05),
        veil=(0.8, 0.9),
        defocus=(0.0, 0.4),
        motion=(0.0, 1.0),
        pixels=(110, 220),
        noise=(0.004, 0.012),
        jpeg=(75, 95),
    ),
)  # fmt: skip
_INDOOR_MALL = Domain(
    name="indoor_mall",
    summary="a hall under greenish tubes: casual clothes, shoppers with bags, flat light, ceiling cameras looking down",
    people=PeopleTraits(
        upper_colours=(("grey", 2), ("black", 2), ("white", 2), ("beige", 1.5), ("denim", 1.5), ("olive", 1), ("maroon", 1),
                       ("pink", 1), ("mustard", 1), ("teal", 1), ("cream", 1), ("purple", 0.7)),
        lower_colours=(("black", 3), ("denim", 2), ("grey", 1), ("beige", 1), ("navy", 1.5), ("brown", 0.7)),
        accent_colours=(("red", 1), ("camel", 1.5), ("black", 1.5), ("white", 1.5), ("teal", 1), ("mustard", 1),
                        ("magenta", 0.7), ("blue", 1)),
        uppers=(("tshirt", 2), ("shirt", 2), ("sweater", 3), ("hoodie", 2), ("jacket", 2), ("dress", 1)),
        lowers=(("jeans", 4), ("trousers", 2), ("leggings", 2), ("skirt", 1), ("long_skirt", 0.7), ("shorts", 0.5)),
        patterns=(("plain", 4), ("rings", 1.5), ("checks", 1.5), ("block", 1), ("chest_print", 1.5), ("back_print", 0.7),
                  ("dots", 0.6), ("pinstripe", 0.6)),
        bags=(("none", 3), ("handbag", 4), ("backpack", 1.5), ("messenger", 1.5)),
        hats=(("none", 8), ("headscarf", 1.5), ("cap", 0.7)),
        hair_colours=(("black", 4), ("dark", 3), ("brown", 2), ("blond", 0.7), ("dyed", 0.4), ("grey", 0.7)),
        skin_tone=(0.4, 0.2),
        scarf=0.05,
    ),
    cameras=CameraTraits(
        scenes=(("hall", 1),),
        height=(3.2, 5.0),
        distance=(4.0, 9.0),
        light=(0.8, 1.0),
        direct=(0.05, 0.2),
        warmth=(-0.1, 0.3),
        tint=(-0.5, -0.2),
        gamma=(0.95, 1.15),
        contrast=(0.75, 0.9),
        saturation=(0.7, 0.9),
        haze=(0.05, 0.12),
        veil=(0.6, 0.75),
        defocus=(0.3, 0.9),
        motion=(0.5, 2.0),
        pixels=(70, 130),
        noise=(0.012, 0.03),
        jpeg=(45, 75),
        occlusion=(0.1, 0.25),
    ),
)  # fmt: skip
_NIGHT_STREET = Domain(
    name="night_street",
    summary="a street under sodium lamps: dark jackets, orange cast, noise, long exposures",
    people=PeopleTraits(
        upper_colours=(("black", 4), ("charcoal", 2), ("navy", 2), ("maroon", 1.5), ("grey", 1), ("olive", 1), ("white", 1.5),
                       ("red", 1), ("denim", 1), ("purple", 0.6), ("camel", 0.7)),
        lower_colours=(("black", 4), ("navy", 2), ("denim", 2), ("charcoal", 1.5), ("grey", 1), ("beige", 0.7)),
        accent_colours=(("white", 2), ("red", 1.5), ("black", 1), ("silver", 1.5), ("yellow", 1), ("sky", 1)),
        uppers=(("jacket", 4), ("hoodie", 3), ("shirt", 1.5), ("tshirt", 1), ("coat", 1), ("dress", 1)),
        lowers=(("jeans", 4), ("trousers", 3), ("leggings", 1), ("skirt", 1.5), ("shorts", 0.3)),
        patterns=(("plain", 5), ("block", 1.5), ("chest_print", 1), ("back_print", 1.5), ("side_panel", 1), ("rings", 0.7),
                  ("checks", 0.7)),
        bags=(("none", 5), ("backpack", 2), ("handbag", 1.5), ("messenger", 1)),
        hats=(("none", 4), ("cap", 1.5), ("hood", 1.5), ("beanie", 1)),
        hair_colours=(("black", 4), ("dark", 4), ("brown", 2), ("blond", 1), ("dyed", 0.5)),
        skin_tone=(0.45, 0.25),
    ),
    cameras=CameraTraits(
        scenes=(("street", 1),),
        height=(2.8, 5.5),
        distance=(6.0, 14.0),
        light=(0.42, 0.65),
        direct=(0.35, 0.6),
        warmth=(0.35, 0.8),
        tint=(-0.1, 0.15),
        gamma=(1.05, 1.35),
        contrast=(0.9, 1.15),
        saturation=(0.5, 0.8),
        haze=(0.02, 0.1),
        veil=(0.15, 0.3),
        defocus=(0.3, 1.0),
        motion=(1.0, 4.0),
        pixels=(70, 140),
        noise=(0.03, 0.06),
        jpeg=(40, 75),
        occlusion=(0.05, 0.2),
    ),
)  # fmt: skip
_WINTER_STATION = Domain(
    name="winter_station",
    summary="a platform in cold fog: dark coats, hats, scarves and suitcases, so that identity is in the details",
    people=PeopleTraits(
        upper_colours=(("black", 4), ("charcoal", 3), ("navy", 3), ("grey", 1.5), ("camel", 1.5), ("maroon", 1),
                       ("forest", 1), ("olive", 1), ("red", 0.6), ("cream", 0.7), ("teal", 0.5)),
        lower_colours=(("black", 4), ("charcoal", 2), ("navy", 2), ("denim", 1.5), ("brown", 1), ("grey", 1)),
        accent_colours=(("red", 1.5), ("mustard", 1), ("grey", 1), ("black", 1), ("cream", 1.5), ("blue", 1), ("forest", 1),
                        ("magenta", 0.7), ("brown", 1), ("orange", 0.7)),
        uppers=(("coat", 5), ("jacket", 4), ("hoodie", 1), ("sweater", 0.5)),
        lowers=(("trousers", 4), ("jeans", 3), ("leggings", 1.5), ("long_skirt", 0.7)),
        patterns=(("plain", 5), ("block", 1.5), ("checks", 1), ("side_panel", 0.6), ("pinstripe", 0.6), ("back_print", 0.5)),
        bags=(("none", 2), ("backpack", 3), ("suitcase", 2.5), ("handbag", 1.5), ("messenger", 1.5)),
        hats=(("none", 2.5), ("beanie", 3.5), ("hood", 1.5), ("cap", 0.5), ("headscarf", 0.5)),
        hair_colours=(("dark", 3), ("brown", 3), ("blond", 2), ("black", 2), ("grey", 1.5)),
        skin_tone=(0.25, 0.18),
        girth=(1.1, 0.1),
        scarf=0.5,
    ),
    cameras=CameraTraits(
        scenes=(("platform", 1),),
        height=(2.6, 4.5),
        distance=(6.0, 15.0),
        light=(0.75, 0.95),
        direct=(0.0, 0.1),
        warmth=(-0.7, -0.3),
        tint=(0.0, 0.2),
        gamma=(0.8, 1.0),
        contrast=(0.7, 0.85),
        saturation=(0.6, 0.85),
        haze=(0.15, 0.32),
        veil=(0.68, 0.85),
        defocus=(0.4, 1.1),
        motion=(0.0, 1.5),
        pixels=(60, 120),
        noise=(0.01, 0.025),
        jpeg=(30, 60),
        occlusion=(0.1, 0.3),
    ),
)  # fmt: skip
_RAINY_CAMPUS = Domain(
    name="rainy_campus",
    summary="lawns and paths under an overcast sky: students in hoodies with backpacks, small crops from low cameras",
    people=PeopleTraits(
        upper_colours=(("grey", 2), ("navy", 2), ("green", 1.5), ("red", 1.5), ("mustard", 1), ("purple", 1), ("black", 2),
                       ("white", 1), ("teal", 1), ("orange", 0.8), ("lilac", 0.6), ("blue", 1.5)),
        lower_colours=(("denim", 3), ("black", 2.5), ("grey", 1.5), ("olive", 1), ("beige", 1), ("navy", 1)),
        accent_colours=(("white", 2), ("black", 1.5), ("orange", 1), ("red", 1), ("teal", 1), ("yellow", 1), ("grey", 1),
                        ("blue", 1)),
        uppers=(("hoodie", 5), ("jacket", 3), ("tshirt", 1.5), ("sweater", 2), ("shirt", 1)),
        lowers=(("jeans", 5), ("trousers", 2), ("leggings", 2), ("shorts", 1.5), ("skirt", 0.5)),
        patterns=(("plain", 3), ("chest_print", 3), ("back_print", 2), ("block", 1.5), ("rings", 1), ("side_panel", 1),
                  ("checks", 1)),
        bags=(("backpack", 5), ("none", 2.5), ("messenger", 1.5)),
        hats=(("none", 4), ("hood", 1.5), ("cap", 1.5), ("beanie", 0.7)),
        hair_colours=(("black", 4), ("dark", 3), ("brown", 2), ("blond", 1), ("dyed", 0.8)),
        skin_tone=(0.35, 0.25),
        girth=(0.97, 0.08),
    ),
    cameras=CameraTraits(
        scenes=(("park", 1),),
        height=(1.7, 3.0),
        distance=(7.0, 16.0),
        light=(0.8, 1.0),
        direct=(0.05, 0.2),
        warmth=(-0.35, 0.0),
        tint=(-0.2, 0.05),
        gamma=(0.95, 1.2),
        contrast=(0.85, 1.0),
        saturation=(0.8, 1.0),
        haze=(0.04, 0.14),
        veil=(0.6, 0.75),
        defocus=(0.2, 0.8),
        motion=(0.5, 2.5),
        pixels=(48, 90),
        noise=(0.01, 0.03),
        jpeg=(40, 80),
        occlusion=(0.15, 0.3),
    ),
)  # fmt: skip

NAMED_DOMAINS: dict[str, Domain] = {
    domain.name: domain for domain in (_SUNNY_PLAZA, _INDOOR_MALL, _NIGHT_STREET, _WINTER_STATION, _RAINY_CAMPUS)
}


@lru_cache(maxsize=256)
def domain_by_name(name: str) -> Domain:
    """Return a named domain, or the one that belongs to "random-<seed>".

    Raises:
        DataError: there is no such domain.
    """
    if name in NAMED_DOMAINS:
        return NAMED_DOMAINS[name]
    if match := re.fullmatch(r"random-(\d{1,9})", name):
        return make_random_domain(int(match.group(1)))
    close = difflib.get_close_matches(name, [*NAMED_DOMAINS, "random-0"], n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}?" if close else "Pick one of these."
    raise DataError(f"no domain is called {name!r}", f"{', '.join(NAMED_DOMAINS)} or random-<number>", hint)
