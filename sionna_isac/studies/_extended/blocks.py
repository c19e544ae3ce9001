"""Groups of fields of studies of extended targets: bodies, arrays, waveform."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from sionna_isac.study.blocks import Count, Decibel, Frequency, Frozen, Positive

__all__ = [
    "PARAMETERS",
    "Azimuth",
    "Body",
    "Division",
    "Elevation",
    "PlanarArrays",
    "Pose",
    "Sounding",
]

PARAMETERS = {"range": "m", "azimuth": "deg", "elevation": "deg", "orientation": "deg"}
"""Parameters of a pose with the units of results"""
Azimuth = Annotated[float, Field(gt=-90, lt=90)]
Elevation = Annotated[float, Field(ge=-85, le=85)]
Harmonic = Annotated[int, Field(ge=1, le=20)]
Shape = tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=2)]]


class Cuboid(Frozen):
    """Smooth surface of a cuboid, such as a vehicle."""

    kind: Literal["cuboid"]
    label: str = "vehicle"
    """Name in tables and figures"""
    size: tuple[Positive, Positive, Positive] = (4.5, 1.8, 1.5)
    """Length, width and height [m]"""
    order: Harmonic = 6
    """Highest harmonic of the Fourier series"""


class Ellipsoid(Frozen):
    """Ellipsoid."""

    kind: Literal["ellipsoid"]
    label: str = "ellipsoid"
    """Name in tables and figures"""
    size: tuple[Positive, Positive, Positive]
    """Length, width and height [m]"""


class Drone(Frozen):
    """Drone with four arms."""

    kind: Literal["drone"]
    label: str = "drone"
    """Name in tables and figures"""
    arm: Positive = 0.5
    """Distance of the ends of the arms from the centre [m]"""
    height: Positive = 0.2
    """Height [m]"""


class PointBody(Frozen):
    """Point target, without an orientation."""

    kind: Literal["point"]
    label: str = "point target"
    """Name in tables and figures"""


Body = Annotated[Cuboid | Ellipsoid | Drone | PointBody, Field(discriminator="kind")]


class Division(Frozen):
    """Cells of the surface, of which each visible one is a scatterer."""

    cells: tuple[Count, Count] = (6, 4)
    """Numbers of cells along the local azimuth and elevation"""
    subdivision: Count = 4
    """Number of samples of a cell along each of both"""
    area: Literal["projected", "surface"] = "projected"
    """Area that the power of a scatterer is proportional to"""


class Pose(Frozen):
    """Place and orientation of a target."""

    range: Positive = 20.0
    """Distance of the centre from the array [m]"""
    azimuth_deg: Azimuth = 20.0
    """Azimuth of the centre [deg]"""
    elevation_deg: Elevation = -10.0
    """Elevation of the centre [deg]"""
    orientation_deg: Annotated[float, Field(ge=-360, le=360)] = 50.0
    """Direction of the target's x axis in the horizontal plane [deg]"""

    @property
    def angles(self) -> dict[str, float]:
        """Angles [rad] by the names of the library's arguments."""
        names = ("azimuth", "elevation", "orientation")
        return {name: math.radians(getattr(self, f"{name}_deg")) for name in names}


class PlanarArrays(Frozen):
    """Planar arrays in the y-z plane, elements at half a wavelength."""

    tx_shape: Shape = (8, 8)
    """Numbers of transmit elements along y and z"""
    rx_shape: Shape = (8, 8)
    """Numbers of receive elements along y and z"""
    carrier_frequency: Frequency = 28e9
    """Carrier frequency [Hz]"""

    @property
    def num_tx(self) -> int:
        """`int` : Number of transmit elements"""
        return math.prod(self.tx_shape)


class Sounding(Frozen):
    """Samples of the echo."""

    bandwidth: Positive = 100e6
    """Width of the flat band [Hz]"""
    num_samples: Count = 1024
    """Number of samples: tones times OFDM symbols"""
    noise_power_dbm: Decibel = -90.0
    """Noise power of a sample at the array [dBm]"""

    @property
    def rms_bandwidth(self) -> float:
        """`float` : Root mean square of the frequencies [Hz]"""
        return self.bandwidth / math.sqrt(12)
