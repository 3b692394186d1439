"""Cameras: where they hang, what they look at and how they see; one camera is the same for everybody who passes."""

from dataclasses import dataclass
from math import atan, atan2, hypot, pi, tan

import numpy as np

from datasets.world.seeding import between, pick
from datasets.world.traits import CameraTraits

FRAME = (540, 960)


@dataclass(frozen=True)
class Optics:
    """What a camera does to light; see CameraTraits for the units.

    Args:
        light: brightness.
        warmth: white balance, blue to orange.
        tint: white balance, green to magenta.
        gamma: exponent of the tone curve.
        contrast: around the middle grey of the light.
        saturation: of colours.
        haze: part of the image that the veil replaces.
        veil: grey value of the haze.
        defocus: radius of the blur at 128 pixels of height.
        motion: length of the motion blur at 128 pixels of height.
        noise: deviation of the sensor noise.
        jpeg: quality of the compression.
        pixels: height of a crop on the sensor at the middle distance.
    """

    light: float
    warmth: float
    tint: float
    gamma: float
    contrast: float
    saturation: float
    haze: float
    veil: float
    defocus: float
    motion: float
    noise: float
    jpeg: float
    pixels: float


@dataclass(frozen=True)
class Camera:
    """One camera.

    Args:
        scene: kind of the place.
        scene_seed: which place of that kind.
        height: above the ground, metres.
        near: nearest distance of the people, metres.
        far: farthest distance of the people, metres.
        focal: focal length, pixels of a full frame.
        path: main walking direction, radians; people also walk the other way.
        spread: deviation of walking directions, radians.
        one_way: probability that a person follows the main direction.
        azimuth: of the lamp, radians; 0 behind the camera, pi/2 from the right of the picture.
        direct: part of the light that comes from the lamp.
        occlusion: probability that something stands before the person.
        looseness: deviation of the detector's box, part of the person's height.
        optics: what the camera does to light.
    """

    scene: str
    scene_seed: int
    height: float
    near: float
    far: float
    focal: float
    path: float
    spread: float
    one_way: float
    azimuth: float
    direct: float
    occlusion: float
    looseness: float
    optics: Optics

    @property
    def pitch(self) -> float:
        """Return how far the camera looks down, radians; the middle of the path is in the middle of the frame."""
        return atan((self.height - 0.9) * 2 / (self.near + self.far))

    @property
    def horizon(self) -> float:
        """Return the row of the horizon, pixels of a full frame."""
        return FRAME[0] / 2 - self.focal * tan(self.pitch)

    def foot(self, across: float, distance: float) -> tuple[float, float]:
        """Project a point on the ground.

        Args:
            across: metres to the right of the camera.
            distance: metres from the camera along the ground.

        Returns:
            Column and row, pixels of a full frame.
        """
        drop = atan2(self.height, distance)
        column = FRAME[1] / 2 + self.focal * across / hypot(self.height, distance)
        return column, FRAME[0] / 2 + self.focal * tan(drop - self.pitch)

    def metre(self, distance: float) -> float:
        """Return the length of an upright metre on the ground at a distance, pixels of a full frame."""
        return self.focal / hypot(self.height - 0.9, distance)

    def elevation(self, distance: float) -> float:
        """Return the angle at which the camera looks down on a person, radians."""
        return atan2(self.height - 0.9, distance)


def make_camera(traits: CameraTraits, rng: np.random.Generator) -> Camera:
    """Draw one camera.

    Args:
        traits: the domain's distributions.
        rng: source of every choice.
    """
    near, far = traits.distance
    middle = between(rng, (near + 0.25 * (far - near), far - 0.25 * (far - near)))
    reach = 0.3 * (far - near)
    optics = Optics(
        **{
            name: between(rng, getattr(traits, name))
            for name in ("light", "warmth", "tint", "gamma", "contrast", "saturation", "haze", "veil", "defocus",
                         "motion", "noise", "jpeg", "pixels")
        }
    )  # fmt: skip
    return Camera(
        scene=pick(rng, traits.scenes),
        scene_seed=int(rng.integers(2**31)),
        height=between(rng, traits.height),
        near=middle - reach,
        far=middle + reach,
        focal=150.0 * middle / 1.7,
        path=between(rng, (-pi, pi)),
        spread=between(rng, traits.spread) * pi / 180,
        one_way=between(rng, (0.5, 0.9)),
        azimuth=between(rng, (-1.7, 1.7)),
        direct=between(rng, traits.direct),
        occlusion=between(rng, traits.occlusion),
        looseness=between(rng, traits.looseness),
        optics=optics,
    )
