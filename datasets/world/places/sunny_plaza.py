"""The domain `sunny_plaza`."""

from datasets.world.traits import CameraTraits, Domain, PeopleTraits, weights

SUNNY_PLAZA = Domain(
    name="sunny_plaza",
    summary="a square at noon in summer: light clothes in strong colours, hard shadows, sharp cameras on poles",
    people=PeopleTraits(
        upper_colours=weights(
            white=4,
            sky=2,
            yellow=1.5,
            coral=1.5,
            red=1.5,
            mint=1,
            pink=1.5,
            blue=1.5,
            navy=1,
            black=1,
            orange=1,
            green=1,
            lilac=1,
        ),
        lower_colours=weights(beige=2, white=1.5, denim=2, navy=1, black=1, olive=1, red=0.5, sky=1),
        accent_colours=weights(white=2, red=1.5, black=1, blue=1.5, yellow=1, brown=1, teal=1, magenta=1),
        uppers=weights(tshirt=6, shirt=3, dress=3, hoodie=0.5),
        lowers=weights(shorts=3, jeans=2, trousers=2, skirt=2.5, long_skirt=1),
        patterns=weights(
            plain=3, rings=2, checks=1, block=1, dots=1, chest_print=2, back_print=1, side_panel=0.6, pinstripe=0.8
        ),
        bags=weights(none=4, backpack=2, handbag=2, messenger=1),
        hats=weights(none=5, cap=1.5, sunhat=1.5),
        hair_colours=weights(black=2, dark=3, brown=3, blond=2, grey=1, auburn=1),
        skin_tone=(0.35, 0.22),
    ),
    cameras=CameraTraits(
        scenes=weights(plaza=3, park=1),
        height=(2.5, 6.0),
        distance=(7.0, 18.0),
        light=(0.95, 1.15),
        direct=(0.45, 0.65),
        warmth=(0.0, 0.25),
        tint=(-0.05, 0.1),
        gamma=(0.85, 1.0),
        contrast=(1.0, 1.2),
        saturation=(0.95, 1.15),
        haze=(0.0, 0.05),
        veil=(0.8, 0.9),
        defocus=(0.0, 0.4),
        motion=(0.0, 1.0),
        pixels=(110, 220),
        noise=(0.004, 0.012),
        jpeg=(75, 95),
    ),
)
