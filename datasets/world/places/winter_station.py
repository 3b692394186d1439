"""The domain `winter_station`."""

from datasets.world.traits import CameraTraits, Domain, PeopleTraits, weights

WINTER_STATION = Domain(
    name="winter_station",
    summary="a platform in cold fog: dark coats, hats, scarves and suitcases, so that identity is in the details",
    people=PeopleTraits(
        upper_colours=weights(
            black=4, charcoal=3, navy=3, grey=1.5, camel=1.5, maroon=1, forest=1, olive=1, red=0.6, cream=0.7, teal=0.5
        ),
        lower_colours=weights(black=4, charcoal=2, navy=2, denim=1.5, brown=1, grey=1),
        accent_colours=weights(
            red=1.5, mustard=1, grey=1, black=1, cream=1.5, blue=1, forest=1, magenta=0.7, brown=1, orange=0.7
        ),
        uppers=weights(coat=5, jacket=4, hoodie=1, sweater=0.5),
        lowers=weights(trousers=4, jeans=3, leggings=1.5, long_skirt=0.7),
        patterns=weights(plain=5, block=1.5, checks=1, side_panel=0.6, pinstripe=0.6, back_print=0.5),
        bags=weights(none=2, backpack=3, suitcase=2.5, handbag=1.5, messenger=1.5),
        hats=weights(none=2.5, beanie=3.5, hood=1.5, cap=0.5, headscarf=0.5),
        hair_colours=weights(dark=3, brown=3, blond=2, black=2, grey=1.5),
        skin_tone=(0.25, 0.18),
        girth=(1.1, 0.1),
        scarf=0.5,
    ),
    cameras=CameraTraits(
        scenes=weights(platform=1),
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
)
