"""Scenarios of one grid that carries data to a moving user and finds moving targets in clutter."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.study.blocks import (
    CompiledScenario,
    Count,
    Decibel,
    Frequency,
    Frozen,
    Interval,
    NonNegative,
    Positive,
    Probability,
    increasing,
    ordered,
    positive_ranges,
)

__all__ = ["CASES", "Case", "DataGrid", "RangeDopplerScenario"]

BITS = {"qpsk": 2, "16qam": 4}
Case = Literal["homogeneous", "clutter_edge", "masking_target"]
CASES: tuple[Case, ...] = ("homogeneous", "clutter_edge", "masking_target")
Detector = Literal["ca", "go", "so", "os"]
Whole = Annotated[int, Field(ge=0)]
Sweep = tuple[Decibel, ...]


def _azimuths(value: Interval) -> Interval:
    return ordered(value, -90, 90)


class DataGrid(Frozen):
    """Resource grid of the downlink: LDPC-coded data, and pilots at regular intervals."""

    fft_size: Annotated[int, Field(ge=16)] = 256
    """Number of subcarriers"""
    num_ofdm_symbols: Annotated[int, Field(ge=8)] = 64
    """Number of OFDM symbols"""
    subcarrier_spacing: Positive = 120e3
    """Distance between subcarriers [Hz]"""
    carrier_frequency: Frequency = 60e9
    """Carrier frequency [Hz]"""
    cyclic_prefix_length: Whole = 48
    """Length of the cyclic prefix [samples]"""
    num_guard_carriers: tuple[Whole, Whole] = (8, 7)
    """Guard carriers at the lower and upper edge of the band"""
    dc_null: bool = True
    """If true, the subcarrier at the centre of the band carries nothing"""
    pilot_interval: Annotated[int, Field(ge=2)] = 8
    """OFDM symbols from one symbol of pilots to the next"""
    modulation: Literal["qpsk", "16qam"] = "qpsk"
    """Constellation of the data"""
    coderate: Annotated[float, Field(gt=0.1, lt=0.95)] = 0.5
    """Rate of the 5G LDPC code"""
    num_code_words: Count = 2
    """Code words on the grid"""

    @property
    def pilot_symbols(self) -> tuple[int, ...]:
        """OFDM symbols that carry pilots."""
        first = self.pilot_interval // 2
        return tuple(range(first, self.num_ofdm_symbols, self.pilot_interval))

    @property
    def num_bits_per_symbol(self) -> int:
        """`int` : Coded bits per data element"""
        return BITS[self.modulation]

    @property
    def num_effective(self) -> int:
        """`int` : Subcarriers that carry data or pilots"""
        return self.fft_size - sum(self.num_guard_carriers) - int(self.dc_null)

    @property
    def range_cell(self) -> float:
        """`float` : Resolution of the range [m]"""
        span = self.fft_size - sum(self.num_guard_carriers)
        return SPEED_OF_LIGHT / (2 * span * self.subcarrier_spacing)

    @property
    def max_delay_range(self) -> float:
        """`float` : Distance whose echo comes within the cyclic prefix [m]"""
        sampling = self.fft_size * self.subcarrier_spacing
        return SPEED_OF_LIGHT * self.cyclic_prefix_length / (2 * sampling)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.pilot_symbols) < 2:
            raise ValueError(
                f"pilot_interval must leave two symbols of pilots among {self.num_ofdm_symbols}; "
                f"got {self.pilot_interval}"
            )
        if self.cyclic_prefix_length > self.fft_size:
            raise ValueError(
                f"cyclic_prefix_length must be at most fft_size, {self.fft_size}; got "
                f"{self.cyclic_prefix_length}"
            )
        if self.num_effective < 8 or max(self.num_guard_carriers) >= self.fft_size // 2:
            raise ValueError(
                f"num_guard_carriers must leave 8 of {self.fft_size} subcarriers, on both sides of "
                f"the centre; got {list(self.num_guard_carriers)}"
            )
        data = (self.num_ofdm_symbols - len(self.pilot_symbols)) * self.num_effective
        # limits of one code block of the 5G LDPC code, base graph 1
        bits = int(data // self.num_code_words * self.num_bits_per_symbol * self.coderate)
        if data % self.num_code_words or not 12 <= bits <= 8448:
            raise ValueError(
                f"num_code_words must divide the {data} data elements into code words of 12 to "
                f"8448 information bits; got {self.num_code_words}, with {bits} bits"
            )
        return self


class MovingUser(Frozen):
    """User that moves, behind Sionna's TDL channel in its direction from the array."""

    model: Literal["A", "B", "C"] = "A"
    """TDL model of 3GPP TR 38.901, without line of sight"""
    delay_spread: Positive = 50e-9
    """RMS delay spread [s]"""
    speed: NonNegative = 10.0
    """Speed [m/s]"""
    sector_deg: Interval = (30.0, 50.0)
    """Azimuth of the user (low, high), within [-90, 90] [deg]"""
    csi: Literal["perfect", "estimated"] = "estimated"
    """Channel knowledge of the user: known, or estimated"""
    snr_db: Sweep = (-8.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0)
    """SNR of a resource element without beam gain, increasing [dB]"""
    num_grids: Annotated[int, Field(ge=2)] = 200
    """Number of grids at each SNR"""
    num_iterations: Count = 20
    """Iterations of the LDPC decoder"""

    _sorted = field_validator("snr_db")(increasing)
    _angles = field_validator("sector_deg")(_azimuths)


class MovingTargets(Frozen):
    """Place and speed of the targets, and the beam that lights them.

    Velocities keep away from 0 by ``min_speed``, since the removal of clutter takes slow targets.
    """

    sector_deg: Interval = (-25.0, -15.0)
    """Azimuth of targets (low, high), within [-90, 90]; detection looks at its centre [deg]"""
    range_interval: Interval = (60.0, 150.0)
    """Distance of targets (low, high), 0 < low < high [m]"""
    min_speed: Positive = 12.0
    """Smallest radial speed, towards or away [m/s]"""
    max_speed: Positive = 60.0
    """Largest radial speed, towards or away [m/s]"""
    eta: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the sensing beam in the power; the rest is the beam to the user"""
    regularization: NonNegative = 1e-2
    """Diagonal loading of least-squares beams, relative to the mean of the diagonal"""
    filter: Literal["reciprocal", "matched", "wiener"] = "reciprocal"
    """Filter that removes the symbols from the echo; all are equal for QPSK"""

    _ranges = field_validator("range_interval")(positive_ranges)
    _angles = field_validator("sector_deg")(_azimuths)

    @model_validator(mode="after")
    def _speeds(self) -> Self:
        if self.min_speed >= self.max_speed:
            raise ValueError(
                f"max_speed must be above min_speed {self.min_speed:g}; got {self.max_speed:g}"
            )
        return self


class StaticClutter(Frozen):
    """Clutter that does not move, in all cases; the mean over OFDM symbols removes it."""

    cnr_db: Decibel = 20.0
    """Power over the noise on an antenna and element, without beam gain [dB]"""
    num_scatterers: Count = 200
    """Number of scatterers"""
    range_interval: Interval = (10.0, 220.0)
    """Distance of scatterers (low, high), 0 < low < high [m]"""
    sector_deg: Interval = (-60.0, 60.0)
    """Azimuth of scatterers (low, high), within [-90, 90] [deg]"""

    _ranges = field_validator("range_interval")(positive_ranges)
    _angles = field_validator("sector_deg")(_azimuths)


class ClutterPatch(Frozen):
    """Moving clutter behind the target, such as rain: the case ``clutter_edge``.

    Each cell of the patch has one Rayleigh scatterer; the rows lie around that of the target.
    """

    cnr_db: Decibel = 15.0
    """Power of the clutter over the noise in a cell of the map [dB]"""
    gap: Count = 3
    """Cells from the target to the edge of the clutter"""
    num_ranges: Count = 12
    """Cells along the ranges"""
    num_velocities: Count = 3
    """Cells along the velocities"""


class MaskingTarget(Frozen):
    """Strong target beside the weak one: the case ``masking_target``."""

    snr_db: Decibel = 23.0
    """SNR of the strong target in its cell; its power does not fluctuate [dB]"""
    offset: tuple[Annotated[int, Field(ge=-32, le=32)], Annotated[int, Field(ge=-32, le=32)]] = (
        0,
        5,
    )
    """Place relative to the weak target along (velocity, range), not (0, 0) [cells]"""

    @field_validator("offset")
    @classmethod
    def _apart(cls, value: tuple[int, int]) -> tuple[int, int]:
        if value == (0, 0):
            raise ValueError(f"must be another cell than that of the weak target; got {value}")
        return value


class Detection(Frozen):
    """Detection of one target of Swerling's first kind in each of the cases.

    Targets lie at the centres of cells: the closed forms hold without a loss between cells.
    """

    snr_db: Sweep
    """SNR of the target in its cell of the map, on average, increasing [dB]"""
    cases: Annotated[tuple[Case, ...], Field(min_length=1)] = CASES
    """Surroundings of the target, a panel for each"""
    kinds: Annotated[tuple[Detector, ...], Field(min_length=1)] = ("ca", "go", "so", "os")
    """Kinds of CFAR, a curve for each"""
    p_fa: Probability = 1e-4
    """False-alarm probability of a cell, for all kinds"""
    num_reference: tuple[Whole, Whole] = (0, 8)
    """Reference cells to each side along (velocity, range)"""
    num_guard: tuple[Whole, Whole] = (0, 2)
    """Guard cells to each side along (velocity, range)"""
    rank: Count | None = None
    """Rank of kind os; null: three quarters of the reference cells"""
    windows: tuple[str, str] = ("boxcar", "boxcar")
    """Windows along (velocity, range), as SciPy names them; others than boxcar are calibrated"""
    num_calibration: Count = 100
    """Noise maps that calibrate the detectors, if a window is not boxcar"""
    num_scenes: Annotated[int, Field(ge=2)] = 1000
    """Number of scenes per case"""

    _sorted = field_validator("snr_db")(increasing)

    @field_validator("cases", "kinds")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"must be a list of distinct names; got {list(value)}")
        return value

    @property
    def reach(self) -> tuple[int, int]:
        """Cells to each side of a cell that its detection looks at."""
        rows, columns = (n + g for n, g in zip(self.num_reference, self.num_guard, strict=True))
        return rows, columns

    @property
    def calibrated(self) -> bool:
        """`bool` : `True` if windows correlate cells, and thresholds need a simulation"""
        return any(w != "boxcar" for w in self.windows)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        (rows, columns), (row_guard, column_guard) = self.num_reference, self.num_guard
        number = (2 * (rows + row_guard) + 1) * (2 * (columns + column_guard) + 1)
        number -= (2 * row_guard + 1) * (2 * column_guard + 1)
        if not number:
            raise ValueError(
                f"num_reference must be above 0 along an axis; got {list(self.num_reference)}"
            )
        if self.rank is not None and ("os" not in self.kinds or self.rank > number):
            raise ValueError(
                f"rank must be null without kind os, else at most {number}, the number of "
                f"reference cells; got {self.rank}"
            )
        from scipy.signal import get_window

        for name in self.windows:
            try:
                get_window(name, 8)
            except ValueError:
                raise ValueError(f"windows must be names of SciPy windows; got '{name}'") from None
        if not self.calibrated and self.num_calibration != 100:
            raise ValueError("num_calibration has no effect: windows are boxcar")
        return self


class Estimation(Frozen):
    """Errors of one target anywhere in the region; its gain does not fluctuate.

    With Rayleigh gains the mean of the bound would be infinite.
    """

    snr_db: Sweep = (10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0)
    """SNR of the target in its cell of the map, increasing [dB]"""
    num_targets: Annotated[int, Field(ge=2)] = 300
    """Number of targets"""
    num_angles: Annotated[int, Field(ge=3)] = 9
    """Angles of the map, over the sector of the targets and half its width to each side"""

    _sorted = field_validator("snr_db")(increasing)


class RangeDopplerScenario(CompiledScenario):
    """One grid with coded data for a moving user, as a radar for moving targets in clutter."""

    kind: Literal["range_doppler"]
    num_antennas: Annotated[int, Field(ge=2)] = 8
    """Number of antennas of the uniform array, half a wavelength apart"""
    grid: DataGrid = DataGrid()
    """Resource grid"""
    user: MovingUser = MovingUser()
    """User and its link"""
    targets: MovingTargets = MovingTargets()
    """Targets and beam"""
    clutter: StaticClutter = StaticClutter()
    """Static clutter"""
    patch: ClutterPatch = ClutterPatch()
    """Moving clutter of the case clutter_edge"""
    masking: MaskingTarget = MaskingTarget()
    """Strong target of the case masking_target"""
    detection: Detection
    """Detection over the SNR"""
    estimation: Estimation = Estimation()
    """Errors over the SNR, and their bound"""
    batch_size: Count = 20
    """Scenes or grids per computed batch"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    @property
    def look_deg(self) -> float:
        """`float` : Direction of the receive beam of detection [deg]"""
        return sum(self.targets.sector_deg) / 2

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        grid, targets = self.grid, self.targets
        cell = grid.range_cell
        farthest = targets.range_interval[1] + cell * max(
            self.patch.gap + self.patch.num_ranges, self.masking.offset[1], 0
        )
        if max(farthest + cell / 2, self.clutter.range_interval[1]) > grid.max_delay_range:
            raise ValueError(
                "targets, patch, masking target and clutter must lie within "
                f"{grid.max_delay_range:.4g} m, the reach of grid.cyclic_prefix_length; they reach "
                f"{max(farthest, self.clutter.range_interval[1]):.4g} m"
            )
        symbol = (1 + grid.cyclic_prefix_length / grid.fft_size) / grid.subcarrier_spacing
        wavelength = SPEED_OF_LIGHT / grid.carrier_frequency
        largest = wavelength / (4 * symbol)
        resolution = 2 * largest / grid.num_ofdm_symbols
        if targets.max_speed > largest - resolution:
            raise ValueError(
                f"targets.max_speed must be at most {largest - resolution:.4g} m/s, a cell below "
                f"the largest unambiguous velocity; got {targets.max_speed:g}"
            )
        if targets.min_speed < 2 * resolution:
            raise ValueError(
                f"targets.min_speed must be at least {2 * resolution:.4g} m/s, two cells away from "
                f"the static clutter; got {targets.min_speed:g}"
            )
        reach = self.detection.reach
        if 2 * reach[0] + 1 > grid.num_ofdm_symbols or 2 * reach[1] + 1 > grid.num_effective:
            raise ValueError(
                "detection.num_reference and num_guard must fit into the map; got "
                f"{list(self.detection.num_reference)} and {list(self.detection.num_guard)}"
            )
        least = cell * max(reach[1], -self.masking.offset[1])
        if targets.range_interval[0] < least:
            raise ValueError(
                f"targets.range_interval must begin at least {least:.4g} m away, where reference "
                f"cells and the masking target begin; got {targets.range_interval[0]:g}"
            )
        return self
