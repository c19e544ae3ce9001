"""Scenarios of localisation errors over the signal-to-noise ratio, next to their bound."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.studies.near_field.blocks import KnownSymbolSearch
from sionna_isac.study.blocks import (
    AzimuthInterval,
    CompiledScenario,
    Count,
    Decibel,
    Frequency,
    Frozen,
    Increasing,
    NonNegative,
    Positive,
    Probability,
    RangeInterval,
    check_contains,
)

__all__ = [
    "MUSIC",
    "OMP",
    "DifferentiableOMP",
    "FocusedBeamTarget",
    "KnownSymbols",
    "LocalizationScenario",
    "OFDMTarget",
    "Receiver",
    "Region",
]

GridSize = Annotated[int, Field(ge=8)]
Whole = Annotated[int, Field(ge=0)]


class Region(Frozen):
    """Region of the targets, and the larger one that receivers search.

    The margin removes effects at the edges of the search from the errors.
    """

    sector_deg: AzimuthInterval
    """Azimuth of targets (low, high), within [-90, 90] [deg]"""
    range_interval: RangeInterval
    """Distance of targets (low, high), 0 < low < high [m]"""
    search_sector_deg: AzimuthInterval
    """Azimuths of the search (low, high), around sector_deg [deg]"""
    search_range: RangeInterval
    """Distances of the search (low, high), around range_interval [m]"""

    @model_validator(mode="after")
    def _nested(self) -> Region:
        names = {"sector_deg": "search_sector_deg", "range_interval": "search_range"}
        check_contains(self, names)
        return self


class OFDMTarget(Frozen):
    """Echo of one OFDM symbol at a uniform linear array, over the signal-to-noise ratio.

    The gain has magnitude 1 without fading: with Rayleigh gains the mean of the bound is infinite.
    """

    kind: Literal["ofdm"]
    snr_db: Increasing[Decibel]
    """Integrated sensing SNR, increasing [dB]"""
    region: Region
    """Region of the targets, and the region that receivers search"""
    num_antennas: Annotated[int, Field(ge=2)] = 64
    """Number of antennas, half a wavelength apart"""
    carrier_frequency: Frequency = 60e9
    """Carrier frequency [Hz]"""
    num_subcarriers: Annotated[int, Field(ge=2)] = 256
    """Number of subcarriers"""
    subcarrier_spacing: Positive = 120e3
    """Distance between subcarriers [Hz]"""
    regularization: NonNegative = 0.1
    """Diagonal loading of the least-squares beam, relative to the mean of the diagonal"""

    @property
    def wavelength(self) -> float:
        """`float` : Carrier wavelength [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency

    @property
    def level(self) -> tuple[str, tuple[float, ...]]:
        """Name of the swept parameter, and its values."""
        return "snr_db", self.snr_db


class FocusedBeamTarget(Frozen):
    """Echo of a beam that is focused on a target in the near field, over the power."""

    kind: Literal["near_field"]
    power_dbm: Increasing[Decibel]
    """Transmit power, increasing [dBm]"""
    region: Region
    """Region of the targets, and the region that receivers search"""
    num_antennas: Annotated[int, Field(ge=3)] = 32
    """Number of antennas"""
    aperture: Positive = 0.5
    """Length of the array [m]"""
    carrier_frequency: Frequency = 28e9
    """Carrier frequency [Hz]"""
    radar_cross_section: Positive = 1.0
    """Radar cross section of the target [m^2]"""
    noise_power_dbm: Decibel = -90.0
    """Noise power of an antenna [dBm]"""
    num_snapshots: Count = 100
    """Received symbols per target"""

    @property
    def wavelength(self) -> float:
        """`float` : Carrier wavelength [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency

    @property
    def level(self) -> tuple[str, tuple[float, ...]]:
        """Name of the swept parameter, and its values."""
        return "power_dbm", self.power_dbm


class OMP(Frozen):
    """OMP on a grid over the search region; the grid limits its error."""

    kind: Literal["omp"]
    label: str = "OMP"
    """Name in the figure"""
    num_angles: GridSize = 81
    """Number of angles of the grid over the search"""
    num_ranges: GridSize = 200
    """Number of ranges of the grid over the search"""


class DifferentiableOMP(Frozen):
    """Differentiable OMP on such a grid, with ``temperature`` as in the receiver."""

    kind: Literal["differentiable_omp"]
    label: str = "differentiable OMP"
    """Name in the figure"""
    num_angles: GridSize = 81
    """Number of angles of the grid over the search"""
    num_ranges: GridSize = 200
    """Number of ranges of the grid over the search"""
    window: tuple[Whole, Whole] = (7, 5)
    """Half widths of the window around a peak in (angle, range) [cells]"""
    temperature: Positive | None = None
    """Inverse temperature of the softmax; null: one over the noise level of a cell"""

    @model_validator(mode="after")
    def _fits(self) -> DifferentiableOMP:
        if self.window[0] >= self.num_angles or self.window[1] >= self.num_ranges:
            raise ValueError(f"window must be smaller than the grids; got {self.window}")
        return self


class MUSIC(Frozen):
    """MUSIC in the near field, with grids and repetitions as in the receiver."""

    kind: Literal["music"]
    label: str = "MUSIC"
    """Name in the figure"""
    num_angles: GridSize = 64
    """Number of azimuths of the first grid"""
    num_ranges: GridSize = 128
    """Number of distances of the first grid"""
    num_zooms: Whole = 4
    """Number of finer grids, each four times as dense"""
    num_refinements: Whole = 0
    """Number of repetitions of the search with spherical waves"""


class KnownSymbols(KnownSymbolSearch):
    """Maximum likelihood with known symbols in the near field, as in the receiver."""

    kind: Literal["known_symbols"]
    label: str = "maximum likelihood, symbols known"
    """Name in the figure"""


Receiver = Annotated[OMP | DifferentiableOMP | MUSIC | KnownSymbols, Field(discriminator="kind")]
OF_ECHO = {"ofdm": ("omp", "differentiable_omp"), "near_field": ("music", "known_symbols")}


class LocalizationScenario(CompiledScenario):
    """Errors of one target's angle, range and position over the SNR, and their bound."""

    kind: Literal["localization"]
    echo: Annotated[OFDMTarget | FocusedBeamTarget, Field(discriminator="kind")]
    """Echo for all receivers, and the swept parameter"""
    receivers: tuple[Receiver, ...]
    """Receivers, with distinct labels; omp kinds for an ofdm echo, others for near_field"""
    num_samples: Annotated[int, Field(ge=2)] = 4000
    """Number of targets at each point of the sweep"""
    batch_size: Count = 250
    """Targets per computed batch"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    @model_validator(mode="after")
    def _consistent(self) -> LocalizationScenario:
        labels = [r.label for r in self.receivers]
        if not labels or len(set(labels)) != len(labels):
            raise ValueError(f"receivers must have distinct labels; got {labels}")
        allowed = OF_ECHO[self.echo.kind]
        for receiver in self.receivers:
            if receiver.kind not in allowed:
                raise ValueError(
                    f"receivers of an echo of kind '{self.echo.kind}' must be of kind "
                    f"{' or '.join(allowed)}; got '{receiver.kind}'"
                )
        return self
