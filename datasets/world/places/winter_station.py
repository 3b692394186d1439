"""The domain `winter_station`."""

from datasets.world.traits import CameraTraits, Domain, PeopleTraits, weights

WINTER_STATION = Domain(
    name="winter_station",
    summary="a platform in cold fog: dark coats, hats, scarves and suitcases, so that identity is in the details",
    people=PeopleTraits(
        upper_colours=weights(
            black=2.5,
            charcoal=1.5,
            navy=2,
            grey=1.5,
            camel=1.5,
            maroon=1.3,
            forest=1.2,
            olive=1.2,
            red=1,
            cream=1,
            teal=0.8,
            mustard=0.8,
            purple=0.8,
            denim=0.8,
        ),
        lower_colours=weights(
            black=3, charcoal=1.5, navy=2, denim=1.5, brown=1.2, grey=1.2, olive=0.8, beige=0.8, maroon=0.5
        ),
        accent_colours=weights(
            red=1.5, mustard=1, grey=1, black=1, cream=1.5, blue=1, forest=1, magenta=0.7, brown=1, orange=0.7
        ),
        uppers=weights(coat=5, jacket=4, hoodie=1, sweater=0.5),
        lowers=weights(trousers=4, jeans=3, leggings=1.5, long_skirt=0.7),
        patterns=weights(plain=4, block=2, checks=1.2, side_panel=0.8, pinstripe=0.8, back_print=0.7, rings=0.6),
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
        contrast=(0.9, 1.05),
        saturation=(0.7, 0.9),
        haze=(0.08, 0.2),
        veil=(0.68, 0.85),
        defocus=(0.3, 0.8),
        motion=(0.0, 1.5),
        pixels=(70, 130),
        noise=(0.01, 0.025),
        jpeg=(40, 70),
        occlusion=(0.08, 0.2),
    ),
)
