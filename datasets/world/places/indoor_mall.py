"""The domain `indoor_mall`."""

from datasets.world.traits import CameraTraits, Domain, PeopleTraits, weights

INDOOR_MALL = Domain(
    name="indoor_mall",
    summary="a hall under greenish tubes: casual clothes, shoppers with bags, flat light, ceiling cameras looking down",
    people=PeopleTraits(
        upper_colours=weights(
            grey=2,
            black=2,
            white=2,
            beige=1.5,
            denim=1.5,
            olive=1,
            maroon=1,
            pink=1,
            mustard=1,
            teal=1,
            cream=1,
            purple=0.7,
        ),
        lower_colours=weights(black=3, denim=2, grey=1, beige=1, navy=1.5, brown=0.7),
        accent_colours=weights(red=1, camel=1.5, black=1.5, white=1.5, teal=1, mustard=1, magenta=0.7, blue=1),
        uppers=weights(tshirt=2, shirt=2, sweater=3, hoodie=2, jacket=2, dress=1),
        lowers=weights(jeans=4, trousers=2, leggings=2, skirt=1, long_skirt=0.7, shorts=0.5),
        patterns=weights(
            plain=4, rings=1.5, checks=1.5, block=1, chest_print=1.5, back_print=0.7, dots=0.6, pinstripe=0.6
        ),
        bags=weights(none=3, handbag=4, backpack=1.5, messenger=1.5),
        hats=weights(none=8, headscarf=1.5, cap=0.7),
        hair_colours=weights(black=4, dark=3, brown=2, blond=0.7, dyed=0.4, grey=0.7),
        skin_tone=(0.4, 0.2),
        scarf=0.05,
    ),
    cameras=CameraTraits(
        scenes=weights(hall=1),
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
)
