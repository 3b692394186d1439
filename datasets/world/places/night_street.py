"""The domain `night_street`."""

from datasets.world.traits import CameraTraits, Domain, PeopleTraits, weights

NIGHT_STREET = Domain(
    name="night_street",
    summary="a street under sodium lamps: dark jackets, orange cast, noise, long exposures",
    people=PeopleTraits(
        upper_colours=weights(
            black=2.5,
            charcoal=1.5,
            navy=1.5,
            maroon=1.5,
            grey=1.2,
            olive=1.2,
            white=1.5,
            red=1.3,
            denim=1.2,
            purple=0.8,
            camel=1,
            teal=0.8,
            mustard=0.7,
            pink=0.6,
        ),
        lower_colours=weights(
            black=3, navy=2, denim=2, charcoal=1.5, grey=1.2, beige=1, olive=0.7, maroon=0.4, faded=0.8
        ),
        accent_colours=weights(white=2, red=1.5, black=1, silver=1.5, yellow=1, sky=1),
        uppers=weights(jacket=4, hoodie=3, shirt=1.5, tshirt=1, coat=1, dress=1),
        lowers=weights(jeans=4, trousers=3, leggings=1, skirt=1.5, shorts=0.3),
        patterns=weights(
            plain=4, block=1.8, chest_print=1.2, back_print=1.5, side_panel=1, rings=1.2, checks=1, pinstripe=0.6
        ),
        bags=weights(none=5, backpack=2, handbag=1.5, messenger=1),
        hats=weights(none=4, cap=1.5, hood=1.5, beanie=1),
        hair_colours=weights(black=4, dark=4, brown=2, blond=1, dyed=0.5),
        skin_tone=(0.45, 0.25),
    ),
    cameras=CameraTraits(
        scenes=weights(street=1),
        height=(2.8, 5.5),
        distance=(6.0, 14.0),
        light=(0.68, 0.86),
        direct=(0.2, 0.42),
        warmth=(0.4, 0.8),
        tint=(-0.1, 0.15),
        gamma=(0.7, 0.88),
        contrast=(0.95, 1.15),
        saturation=(0.6, 0.85),
        haze=(0.02, 0.1),
        veil=(0.15, 0.3),
        defocus=(0.2, 0.8),
        motion=(0.5, 2.5),
        pixels=(80, 150),
        noise=(0.012, 0.026),
        jpeg=(50, 80),
        occlusion=(0.05, 0.2),
    ),
)
