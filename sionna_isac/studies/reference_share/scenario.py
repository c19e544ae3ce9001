"""Scenarios of sensing by a part of the resource elements."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.study.blocks import (
    AzimuthInterval,
    CompiledScenario,
    Count,
    Decibel,
    Frequency,
    Frozen,
    Increasing,
    Interval,
    Positive,
    Probability,
    RangeInterval,
    check_contains,
    ordered,
)

__all__ = ["Reference", "ReferenceShareScenario", "SharedGrid"]

GridSize = Annotated[int, Field(ge=8)]
Whole = Annotated[int, Field(ge=0)]
BITS = {"qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8}


class SharedGrid(Frozen):
    """OFDM grid of several slots, with data and pilots."""

    num_subcarriers: Annotated[int, Field(ge=4)] = 128
    """Number of subcarriers"""
    subcarrier_spacing: Positive = 120e3
    """Distance between subcarriers [Hz]"""
    carrier_frequency: Frequency = 60e9
    """Carrier frequency [Hz]"""
    cyclic_prefix_length: Whole = 9
    """Length of the cyclic prefix [samples]"""
    num_slots: Count = 4
    """Number of slots of an observation"""
    symbols_per_slot: Annotated[int, Field(ge=2)] = 14
    """Number of OFDM symbols of a slot"""
    pilot_symbols: Increasing[Whole] = (2, 11)
    """OFDM symbols of each slot that carry QPSK pilots, from 0"""
    modulation: Literal["qpsk", "16qam", "64qam", "256qam"] = "16qam"
    """Constellation of the data"""

    @property
    def num_symbols(self) -> int:
        """`int` : Number of OFDM symbols"""
        return self.num_slots * self.symbols_per_slot

    @property
    def wavelength(self) -> float:
        """`float` : Carrier wavelength [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency

    @property
    def max_velocity(self) -> float:
        """`float` : Largest unambiguous velocity, if every OFDM symbol is used [m/s]"""
        duration = (1 + self.cyclic_prefix_length / self.num_subcarriers) / self.subcarrier_spacing
        return self.wavelength / (4 * duration)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cyclic_prefix_length > self.num_subcarriers:
            raise ValueError(
                f"cyclic_prefix_length must be at most num_subcarriers = {self.num_subcarriers}; "
                f"got {self.cyclic_prefix_length}"
            )
        self.check_pilots("pilot_symbols", self.pilot_symbols)
        return self

    def check_pilots(self, name: str, symbols: tuple[int, ...]) -> None:
        """Refuse pilots outside the slot, or in all its symbols."""
        if symbols[-1] >= self.symbols_per_slot or len(symbols) == self.symbols_per_slot:
            raise ValueError(
                f"{name} must lie within [0, {self.symbols_per_slot - 1}] and leave symbols for "
                f"data; got {list(symbols)}"
            )


class AllElements(Frozen):
    """All elements: pilots, and the data, which the station knows."""

    kind: Literal["all"]
    label: str = "all elements"
    """Name in figure and report"""


class DataElements(Frozen):
    """Elements that carry data."""

    kind: Literal["data"]
    label: str = "data alone"
    """Name in figure and report"""


class PilotElements(Frozen):
    """Elements that carry pilots."""

    kind: Literal["pilots"]
    label: str = "pilots alone"
    """Name in figure and report"""
    symbols: Increasing[Whole] | None = None
    """OFDM symbols of each slot with pilots; null: those of the grid"""


class Comb(Frozen):
    """Every n-th tone, reserved for sensing in all OFDM symbols."""

    kind: Literal["comb"]
    label: str = ""
    """Name in figure and report; empty: made from the step"""
    step: Annotated[int, Field(ge=2)]
    """Distance of the tones [subcarriers]"""


class Scattered(Frozen):
    """Single elements at random places, reserved for sensing."""

    kind: Literal["random"]
    label: str = ""
    """Name in figure and report; empty: made from the share"""
    share: Probability
    """Share of the elements"""


Reference = Annotated[
    AllElements | DataElements | PilotElements | Comb | Scattered, Field(discriminator="kind")
]


def _ordinal(number: int) -> str:
    """Number with its ending: 2nd, 3rd, 16th."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else endings.get(number % 10, 'th')}"


class ReferenceShareScenario(CompiledScenario):
    """Range and velocity of one target by a part of the resource elements, and what it costs.

    The target has an echo of unit power at each antenna from symbols of unit power.
    """

    kind: Literal["reference_share"]
    grid: SharedGrid = SharedGrid()
    """OFDM grid"""
    references: Annotated[tuple[Reference, ...], Field(min_length=1)]
    """Parts of the grid that serve as reference, with distinct labels"""
    snr_db: Increasing[Decibel]
    """SNR of a resource element at one antenna, increasing [dB]"""
    num_antennas: Annotated[int, Field(ge=2)] = 4
    """Number of antennas, half a wavelength apart; one of them transmits"""
    sector_deg: AzimuthInterval = (-20.0, 20.0)
    """Azimuth of targets (low, high) [deg]"""
    range_interval: RangeInterval = (30.0, 170.0)
    """Distance of targets (low, high), 0 < low < high [m]"""
    velocity_interval: Interval = (-30.0, 30.0)
    """Radial velocity of targets (low, high) [m/s]"""
    search_sector_deg: AzimuthInterval = (-30.0, 30.0)
    """Azimuths of the search (low, high), around sector_deg [deg]"""
    search_range: RangeInterval = (10.0, 190.0)
    """Distances of the search (low, high), around range_interval [m]"""
    search_velocity: Interval = (-40.0, 40.0)
    """Velocities of the search (low, high), around velocity_interval [m/s]"""
    filter: Literal["matched", "reciprocal", "wiener"] = "matched"
    """Filter that removes the symbols"""
    num_angles: GridSize = 16
    """Number of angles of the search"""
    num_ranges: GridSize = 121
    """Number of ranges of the search"""
    num_velocities: GridSize = 81
    """Number of velocities of the search"""
    window: tuple[Whole, Whole, Whole] = (3, 4, 4)
    """Half widths of the window around a peak in (angle, range, velocity) [cells]"""
    link_snr_db: Decibel = 15.0
    """Mean SNR of an element at the user, with Rayleigh fading [dB]"""
    num_samples: Annotated[int, Field(ge=2)] = 400
    """Number of targets at each point"""
    batch_size: Count = 50
    """Targets per computed batch, a divisor of ``num_samples``"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the references."""
        texts = {
            "comb": lambda r: f"every {_ordinal(r.step)} tone",
            "random": lambda r: f"random, {r.share:.3g} of all",
        }
        return tuple(r.label or texts[r.kind](r) for r in self.references)

    @property
    def num_bits(self) -> int:
        """`int` : Bits per symbol of the data"""
        return BITS[self.grid.modulation]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"references must have distinct labels; got {list(self.labels)}")
        for i, reference in enumerate(self.references):
            if isinstance(reference, PilotElements) and reference.symbols is not None:
                self.grid.check_pilots(f"references.{i}.symbols", reference.symbols)
            if isinstance(reference, Comb) and 2 * reference.step > self.grid.num_subcarriers:
                raise ValueError(
                    f"references.{i}.step must leave two tones of {self.grid.num_subcarriers}; "
                    f"got {reference.step}"
                )
        ordered(self.search_velocity, -self.grid.max_velocity, self.grid.max_velocity)
        names = {"sector_deg": "search_sector_deg", "range_interval": "search_range"}
        check_contains(self, {**names, "velocity_interval": "search_velocity"})
        sizes = (self.num_angles, self.num_ranges, self.num_velocities)
        if any(half >= size for half, size in zip(self.window, sizes, strict=True)):
            raise ValueError(f"window must be smaller than the grids {sizes}; got {self.window}")
        if self.num_samples % self.batch_size:
            raise ValueError(
                f"batch_size must be a divisor of num_samples = {self.num_samples}; "
                f"got {self.batch_size}"
            )
        return self
