"""Groups of fields of near-field scenarios."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.study.blocks import (
    Count,
    Frequency,
    Frozen,
    Increasing,
    Interval,
    Positive,
    Probability,
    RangeInterval,
)

__all__ = [
    "METHODS",
    "RATE_CONSTRAINED",
    "SPEB_CONSTRAINED",
    "BeamDesign",
    "KnownSymbolSearch",
    "MUSICSearch",
    "NearFieldArray",
    "NearFieldTarget",
    "NearFieldUsers",
    "Sweep",
]

RATE_CONSTRAINED = ("minimize_speb", "maximize_snr", "two_stage")
SPEB_CONSTRAINED = ("maximize_sum_rate", "matrix_approximation")
# of fully digital and of hybrid beams; a test compares them with those of the library
METHODS = {
    "minimize_speb": (("subspace", "sdr", "direct"), ("direct", "sdr-bcd")),
    "maximize_sum_rate": (("direct", "sca-bcd"), ("direct", "sca-bcd")),
}
_NAMES = {
    "minimize_speb": "smallest SPEB",
    "maximize_snr": "largest SNR",
    "two_stage": "two stages",
    "sensing_only": "sensing only",
    "maximize_sum_rate": "largest sum rate",
    "matrix_approximation": "matrix approximation",
    "communication_only": "communication only",
}


class NearFieldArray(Frozen):
    """Uniform linear array on the y axis, by its aperture or its spacing [m]."""

    num_antennas: Annotated[int, Field(ge=3)] | None = None
    """Number of antennas; null if it is swept"""
    aperture: Positive | None = None
    """Length of the array, unless spacing is given [m]"""
    spacing: Positive | None = None
    """Distance between neighbours, unless aperture is given [m]"""
    carrier_frequency: Frequency = 28e9
    """Carrier frequency [Hz]"""

    @model_validator(mode="after")
    def _one_size(self) -> NearFieldArray:
        if (self.aperture is None) == (self.spacing is None):
            raise ValueError(
                "exactly one of aperture and spacing must be given; "
                f"got aperture {self.aperture} and spacing {self.spacing}"
            )
        return self

    @property
    def wavelength(self) -> float:
        """`float` : Carrier wavelength [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency

    def spacing_of(self, num_antennas: int) -> float:
        """Distance between neighbours [m] with a number of antennas."""
        if self.spacing is not None:
            return self.spacing
        assert self.aperture is not None
        return self.aperture / (num_antennas - 1)


class NearFieldTarget(Frozen):
    """Point target: position x, y [m] in front of the array, radar cross section [m^2]."""

    position: tuple[Positive, float] = (10.0, 0.0)
    """Position (x, y), x ahead of the array [m]"""
    radar_cross_section: Positive = 1.0
    """Radar cross section [m^2]"""

    @property
    def distance(self) -> float:
        """`float` : Distance from the centre of the array [m]"""
        return math.hypot(*self.position)

    @property
    def azimuth(self) -> float:
        """`float` : Azimuth [rad]"""
        return math.atan2(self.position[1], self.position[0])


class NearFieldUsers(Frozen):
    """Users on a semicircle around the array [m], with a line of sight and scattered paths."""

    number: Count = 2
    """Number of users"""
    distance: Positive = 20.0
    """Distance from the centre of the array [m]"""
    num_scatterers: Annotated[int, Field(ge=0)] = 3
    """Number of scatterers of each user"""


class Sweep(Frozen):
    """Sweep of ``parameter`` over ``values``."""

    parameter: Literal["power_dbm", "num_antennas", "min_rate", "max_peb"]
    """Swept field, which must not be given elsewhere"""
    values: Increasing[float]
    """Values, increasing, in the unit of that field"""

    @model_validator(mode="after")
    def _allowed(self) -> Sweep:
        lowest = self.values[0]
        if self.parameter == "num_antennas":
            if lowest < 3 or any(v != int(v) for v in self.values):
                raise ValueError(
                    f"values of num_antennas must be integers >= 3; got {list(self.values)}"
                )
        elif self.parameter == "min_rate" and lowest < 0:
            raise ValueError(f"values of min_rate must be >= 0; got {list(self.values)}")
        elif self.parameter == "max_peb" and lowest <= 0:
            raise ValueError(f"values of max_peb must be > 0; got {list(self.values)}")
        return self


class BeamDesign(Frozen):
    """Design of beams, hybrid with RF chains, on fewer draws with ``num_channels``."""

    design: Literal[
        "minimize_speb",
        "maximize_snr",
        "two_stage",
        "sensing_only",
        "maximize_sum_rate",
        "matrix_approximation",
        "communication_only",
    ]
    """Aim of the beams"""
    num_rf_chains: Count | None = None
    """RF chains of hybrid beams, a divisor of the antennas; null: fully digital"""
    method: str | None = None
    """subspace, sdr, direct, sdr-bcd or sca-bcd, if the design has it; null: the best"""
    label: str | None = None
    """Name in the figure; null: a description of the design"""
    num_channels: Count | None = None
    """Channel draws, fewer than the study's, for slow methods; null: all"""

    @model_validator(mode="after")
    def _possible(self) -> BeamDesign:
        hybrid = self.num_rf_chains is not None
        if self.design in ("two_stage", "matrix_approximation") and not hybrid:
            raise ValueError(f"num_rf_chains is required by design '{self.design}'; got none")
        if self.method is not None:
            if self.design not in METHODS:
                raise ValueError(f"method has no effect with design '{self.design}'")
            known = METHODS[self.design][hybrid]
            if self.method not in known:
                kind = "hybrid" if hybrid else "fully digital"
                raise ValueError(
                    f"method must be one of {', '.join(known)} for {kind} beams of design "
                    f"'{self.design}'; got '{self.method}'"
                )
        return self

    @property
    def text(self) -> str:
        """`str` : Label, or a description if none is given"""
        if self.label is not None:
            return self.label
        chains = "fully digital"
        if self.num_rf_chains is not None:
            chains = f"{self.num_rf_chains} chain{'s' if self.num_rf_chains > 1 else ''}"
        method = f" ({self.method})" if self.method else ""
        return f"{_NAMES[self.design]}{method}, {chains}"


class KnownSymbolSearch(Frozen):
    """Maximum-likelihood estimation with known symbols: grid and Newton steps."""

    num_angles: Annotated[int, Field(ge=3)] = 128
    """Number of azimuths of the grid"""
    num_ranges: Annotated[int, Field(ge=3)] = 16
    """Number of distances of the grid"""
    num_iterations: Annotated[int, Field(ge=0)] = 8
    """Number of Newton steps"""


class MUSICSearch(Frozen):
    """Estimation by MUSIC: search region, grids, and number of echoes."""

    sector_deg: Interval
    """Azimuths of the search (low, high) around the target, within [-90, 90] [deg]"""
    range_interval: RangeInterval
    """Distances of the search (low, high) around the target [m]"""
    num_trials: Count = 5
    """Echoes per draw of the channels"""
    num_angles: Annotated[int, Field(ge=3)] = 64
    """Number of azimuths of the first grid"""
    num_ranges: Annotated[int, Field(ge=3)] = 128
    """Number of distances of the first grid"""
    num_zooms: Annotated[int, Field(ge=0)] = 7
    """Number of finer grids, each four times as dense"""
    num_refinements: Annotated[int, Field(ge=0)] = 1
    """Number of repetitions of the search with spherical waves"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    @field_validator("sector_deg")
    @classmethod
    def _in_front(cls, value: Interval) -> Interval:
        if not -90 <= value[0] < value[1] <= 90:
            raise ValueError(f"must be (low, high) with -90 <= low < high <= 90; got {value}")
        return value
