"""What a domain consists of: distributions over people and over cameras."""

from dataclasses import dataclass

Weights = tuple[tuple[str, float], ...]
Limits = tuple[float, float]

UPPER_KINDS = ("tshirt", "shirt", "sweater", "hoodie", "jacket", "coat", "dress")
LOWER_KINDS = ("trousers", "jeans", "leggings", "shorts", "skirt", "long_skirt")
PATTERNS = ("plain", "rings", "pinstripe", "checks", "block", "dots", "chest_print", "back_print", "side_panel")
BAGS = ("none", "backpack", "handbag", "messenger", "suitcase")
HATS = ("none", "cap", "beanie", "sunhat", "hood", "headscarf")
HAIR_STYLES = ("short", "bald", "bob", "long", "ponytail", "bun")
SCENES = ("plaza", "street", "hall", "platform", "park")


def weights(**amounts: float) -> Weights:
    """Return a distribution over names; the amounts need not sum to one."""
    return tuple(amounts.items())


@dataclass(frozen=True)
class PeopleTraits:
    """Distributions that the people of a domain are drawn from.

    Args:
        upper_colours: weights over the cloth colours of upper garments.
        lower_colours: the same for lower garments.
        accent_colours: the same for prints, bags, hats, scarves and inner shirts.
        uppers: weights over the kinds of upper garment.
        lowers: weights over the kinds of lower garment.
        patterns: weights over the patterns of upper garments.
        bags: weights over what is carried.
        hats: weights over head wear.
        hair_colours: weights over hair colours.
        skin_tone: mean and deviation of the tone, 0 (light) to 1 (dark).
        girth: mean and deviation of the body's width, 1 = average.
        scarf: probability of a scarf.
        colour_spread: how far a colour moves from its name, 1 = a shade.
    """

    upper_colours: Weights
    lower_colours: Weights
    accent_colours: Weights
    uppers: Weights
    lowers: Weights
    patterns: Weights
    bags: Weights
    hats: Weights
    hair_colours: Weights
    skin_tone: Limits
    girth: Limits = (1.0, 0.1)
    scarf: float = 0.0
    colour_spread: float = 1.0


@dataclass(frozen=True)
class CameraTraits:
    """Limits (low, high) that every camera of a domain is drawn from, uniformly.

    Args:
        scenes: weights over the kinds of place.
        height: of the camera above the ground, metres.
        distance: of the people from the camera, metres, nearest and farthest.
        light: brightness, 1 = well lit.
        direct: part of the light that comes from one side, 0..1; it also casts the shadows.
        warmth: white balance, -1 (blue) to 1 (orange).
        tint: white balance, -1 (green) to 1 (magenta).
        gamma: exponent of the tone curve, over 1 = darker middle tones.
        contrast: around the middle grey of the light, 1 = unchanged.
        saturation: of colours, 1 = unchanged.
        haze: part of the image that the veil replaces, 0..1.
        veil: grey value of the haze, 0..1.
        defocus: radius of the lens blur, pixels at 128 pixels of height.
        motion: length of the motion blur, pixels at 128 pixels of height.
        pixels: height of a crop on the sensor, pixels.
        noise: deviation of the sensor noise, 0..1.
        jpeg: quality of the compression, 1..100.
        occlusion: probability that something stands before the person.
        looseness: deviation of the detector's box, part of the person's height.
        spread: deviation of walking directions in one camera, degrees.
    """

    scenes: Weights
    height: Limits
    distance: Limits
    light: Limits
    direct: Limits
    warmth: Limits
    tint: Limits
    gamma: Limits
    contrast: Limits
    saturation: Limits
    haze: Limits
    veil: Limits
    defocus: Limits
    motion: Limits
    pixels: Limits
    noise: Limits
    jpeg: Limits
    occlusion: Limits = (0.05, 0.15)
    looseness: Limits = (0.02, 0.04)
    spread: Limits = (12.0, 30.0)


@dataclass(frozen=True)
class Domain:
    """A place: who walks there and which cameras look.

    Args:
        name: as typed by the user.
        summary: one sentence for listings.
        people: distributions over people.
        cameras: distributions over cameras.
    """

    name: str
    summary: str
    people: PeopleTraits
    cameras: CameraTraits
