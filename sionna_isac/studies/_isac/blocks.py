"""Groups of fields of scenarios of an OFDM echo and a communication link."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.study.blocks import (
    AzimuthInterval,
    Count,
    Decibel,
    Frequency,
    Frozen,
    Increasing,
    Interval,
    NonNegative,
    Positive,
    Probability,
    RangeInterval,
    ordered,
)

__all__ = [
    "METHODS",
    "Array",
    "Beam",
    "Coding",
    "Coupling",
    "DetectionSampling",
    "Evaluation",
    "Gain",
    "Geometric",
    "ImpairableArray",
    "Link",
    "Method",
    "Multitap",
    "Phase",
    "RadarEquation",
    "Rayleigh",
    "Receiver",
    "Sampling",
    "Sectors",
    "Spacing",
    "Targets",
    "Waveform",
    "distinct_methods",
]

Method = Literal["unknown", "learned", "known"]

METHODS: tuple[Method, ...] = ("unknown", "learned", "known")  # in the order of the figures


def distinct_methods(value: tuple[Method, ...]) -> tuple[Method, ...]:
    if not value or len(set(value)) != len(value):
        raise ValueError(f"must be a list of distinct methods; got {list(value)}")
    return value


class Spacing(Frozen):
    """Spacing errors; ``std`` in wavelengths."""

    kind: Literal["spacing"]
    std: NonNegative
    """Standard deviation of the distance between neighbours [wavelengths]"""
    ordering: Literal["graded", "sorted", "literal", "cumulative"] = "graded"
    """Distances that grow outwards, positions in order, as printed in the paper, or added up"""


class Gain(Frozen):
    """Gain errors; ``std_db`` in dB."""

    kind: Literal["gain"]
    std_db: NonNegative
    """Standard deviation of the gain of each element [dB]"""


class Phase(Frozen):
    """Phase errors; ``std`` in rad."""

    kind: Literal["phase"]
    std: NonNegative
    """Standard deviation of the phase of each element [rad]"""


class Coupling(Frozen):
    """Mutual coupling; levels in dB."""

    kind: Literal["coupling"]
    strength_db: Annotated[float, Field(le=0)]
    """Coupling between direct neighbours [dB]"""
    decay_db: NonNegative = 6.0
    """Further loss for each element of distance [dB]"""
    num_neighbours: Count = 3
    """Largest distance that couples [elements]"""


Impairment = Annotated[Spacing | Gain | Phase | Coupling, Field(discriminator="kind")]


class ImpairableArray(Frozen):
    """Array with its impairments."""

    num_antennas: Annotated[int, Field(ge=2)] = 64
    """Number of antennas, half a wavelength apart"""
    carrier_frequency: Frequency = 60e9
    """Carrier frequency [Hz]"""
    impairments: tuple[Impairment, ...] = (Spacing(kind="spacing", std=0.04),)
    """Errors of the true array, at most one of each kind"""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        kinds = [i.kind for i in self.impairments]
        if len(set(kinds)) != len(kinds):
            raise ValueError(f"impairments must hold at most one of each kind; got {kinds}")
        for i in self.impairments:
            if i.kind == "coupling" and i.num_neighbours >= self.num_antennas:
                raise ValueError(
                    f"num_neighbours must be < num_antennas = {self.num_antennas}; "
                    f"got {i.num_neighbours}"
                )
        return self

    @property
    def wavelength(self) -> float:
        """`float` : Carrier wavelength [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency

    @property
    def anchor(self) -> Literal["centre", "first"]:
        """Origin of the array: its centre, as below (1) of [MateosRamos23]."""
        return "centre"


class Array(ImpairableArray):
    """Array of the base station with its impairments."""

    impaired: Literal["both", "reception"] = "both"
    """Directions with impairments: transmission and reception, or reception alone"""
    learn: tuple[Literal["positions", "spacings", "gain", "phase", "coupling"], ...] = (
        "positions",
    )
    """Parameters of the array that are learned"""

    @model_validator(mode="after")
    def _learnable(self) -> Array:
        if "coupling" in self.learn and all(i.kind != "coupling" for i in self.impairments):
            raise ValueError("learn 'coupling' needs an impairment of kind 'coupling'")
        return self

    @property
    def anchor(self) -> Literal["centre", "first"]:
        """Origin of the array: its first element where spacings accumulate, else its centre."""
        cumulative = any(
            i.kind == "spacing" and i.ordering == "cumulative" for i in self.impairments
        )
        return "first" if cumulative else "centre"


class Beam(Frozen):
    """Mixture of a sensing and a communication beam."""

    eta: Annotated[float, Field(ge=0, le=1)]
    """Share of the sensing beam in the power; the rest is the beam to the user"""
    phi: float = 0.0
    """Phase between the sensing and the communication beam [rad]"""


class Waveform(Beam):
    """OFDM numerology and the beam.

    The targets get the share ``eta`` of the power. At 1 the user gets none, and nearly all symbols
    are in error; published studies use 0.7.
    """

    num_subcarriers: Annotated[int, Field(ge=2)] = 256
    """Number of subcarriers"""
    subcarrier_spacing: Positive = 120e3
    """Distance between subcarriers [Hz]"""
    normalize: bool = True
    """If true, the echo has the factor 1/sqrt(num_subcarriers)"""
    eta: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Share of the sensing beam in the power; the rest is the beam to the user"""
    power: Positive = 1.0
    """Transmit power [W]"""
    regularization: NonNegative = 1e-2
    """Diagonal loading of least-squares beams, relative to the mean of the diagonal"""


class Rayleigh(Frozen):
    """Target gains CN(0, 1), with noise from the integrated sensing SNR."""

    kind: Literal["rayleigh"]
    snr_db: Decibel
    """Integrated sensing SNR, num_antennas over the noise power [dB]"""


class RadarEquation(Frozen):
    """Target gains from the radar equation; thermal noise over the signal's bandwidth."""

    kind: Literal["radar_equation"]
    mean_rcs: Positive = 1.0
    """Mean radar cross section of targets, exponentially distributed [m^2]"""
    noise_figure_db: Decibel = 8.0
    """Noise figure of the receivers at 290 K [dB]"""


class Sectors(Frozen):
    """Sectors of targets: drawn for each sample of a training, constant in tests."""

    sector_centre_deg: AzimuthInterval = (-60.0, 60.0)
    """Centre of the sector in training (low, high), within [-90, 90] [deg]"""
    sector_span_deg: Interval = (10.0, 20.0)
    """Width of the sector in training (low, high), within [0, 180] [deg]"""
    test_sector_deg: AzimuthInterval = (-40.0, -20.0)
    """Sector of the evaluation (low, high), within [-90, 90] [deg]"""

    @field_validator("sector_span_deg")
    @classmethod
    def _span(cls, value: Interval) -> Interval:
        return ordered(value, 0, 180)

    @model_validator(mode="after")
    def _in_front(self) -> Self:
        reach = max(abs(v) for v in self.sector_centre_deg) + self.sector_span_deg[1] / 2
        if reach > 90:
            raise ValueError(
                "sector_centre_deg and sector_span_deg must keep sectors within 90 degrees of "
                f"broadside; they reach {reach:g} degrees"
            )
        return self


class Targets(Sectors):
    """Region, number and reflection of the targets."""

    max_targets: Annotated[int, Field(ge=1, le=32)] = 5
    """Largest number of targets; the number is uniform from 0"""
    range_interval: RangeInterval = (10.0, 190.0)
    """Distance of targets (low, high), 0 < low < high [m]"""
    gain: Annotated[Rayleigh | RadarEquation, Field(discriminator="kind")]
    """Reflection of the targets, which sets the noise power as well"""


class Multitap(Frozen):
    """Rayleigh taps in the direction of the user; ``snr_db`` without beam gain."""

    kind: Literal["multitap"]
    num_taps: Count = 5
    """Number of taps, one sampling interval apart"""
    snr_db: Decibel = 20.0
    """Mean SNR of a subcarrier without beam gain [dB]"""


class Geometric(Frozen):
    """Line of sight and single bounces, with the same thermal noise as the echo."""

    kind: Literal["geometric"]
    range_interval: RangeInterval = (10.0, 200.0)
    """Distance of user and scatterers (low, high), 0 < low < high [m]"""
    max_scatterers: Annotated[int, Field(ge=0)] = 5
    """Largest number of scatterers; the number is uniform from 0"""
    mean_rcs: Positive = 1.0
    """Mean radar cross section of scatterers [m^2]"""


class Link(Frozen):
    """The communication user."""

    channel: Annotated[Multitap | Geometric, Field(discriminator="kind")]
    """Channel between station and user"""
    sector_deg: AzimuthInterval = (30.0, 50.0)
    """Azimuth of the user (low, high), within [-90, 90] [deg]"""


class Receiver(Frozen):
    """Grids and window of differentiable OMP."""

    num_angles: Annotated[int, Field(ge=8)] = 720
    """Number of angles of the grid, from -90 to 90 degrees"""
    num_ranges: Annotated[int, Field(ge=8)] = 200
    """Number of ranges of the grid, over the interval of the targets"""
    window: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = (7, 5)
    """Half widths of the window around a peak in (angle, range) [cells]"""
    atoms: Literal["refined", "grid"] = "refined"
    """Position at which a found target is removed: refined, or on the grid"""
    temperature_scale: Positive = 1.0
    """Factor of the softmax's inverse temperature after training; 128 is nearly a maximum"""


class DetectionSampling(Frozen):
    """Monte-Carlo evaluation of detection.

    Each sensing sample has ``users_per_sample`` users, since symbol errors come from rare deep
    fades.
    """

    num_samples: Count = 10000
    """Number of samples"""
    batch_size: Count = 250
    """Samples per computed batch"""
    users_per_sample: Count = 1
    """Users per sample; many are useful, since deep fades are rare"""
    p_fa: Increasing[Probability] = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
    """False-alarm probabilities of the curves, increasing"""
    operating_p_fa: Probability = 1e-2
    """False-alarm probability of single results"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    @property
    def p_fas(self) -> tuple[float, ...]:
        """All false-alarm probabilities in increasing order, with ``operating_p_fa``."""
        return tuple(sorted({*self.p_fa, self.operating_p_fa}))


class Sampling(DetectionSampling):
    """Monte-Carlo evaluation of detection and localisation."""

    cutoff: Positive = 90.0
    """Cut-off of GOSPA [m]"""


class Evaluation(Sampling):
    """Monte-Carlo evaluation of arrays."""

    methods: tuple[Method, ...] = METHODS
    """Knowledge of transmitter and receiver about the array, a curve for each"""

    _distinct = field_validator("methods")(distinct_methods)


class Coding(Frozen):
    """Coded transmission over the shared resource grid; ``snr_db`` per resource element."""

    fft_size: Annotated[int, Field(ge=4)] = 64
    """Number of subcarriers of the resource grid"""
    num_ofdm_symbols: Annotated[int, Field(ge=2)] = 14
    """Number of OFDM symbols of the resource grid"""
    pilot_symbols: tuple[Annotated[int, Field(ge=0)], ...] = (2, 11)
    """Indices of OFDM symbols that carry pilots, from 0; two for estimated CSI"""
    num_sensing_tones: Annotated[int, Field(ge=0)] = 4
    """Subcarriers without data"""
    coderate: Annotated[float, Field(gt=0.1, lt=0.95)] = 0.5
    """Rate of the 5G LDPC code"""
    csi: Literal["perfect", "estimated"] = "estimated"
    """Channel knowledge of the user: known, or estimated"""
    snr_db: Increasing[Decibel] = (-16.0, -14.0, -12.0, -10.0, -8.0, -6.0, -4.0, -2.0)
    """SNR of a resource element without beam gain, increasing [dB]"""
    batch_size: Count = 128
    """Code blocks per computed batch"""
    max_batches: Count = 40
    """Largest number of batches at an SNR"""
    target_block_errors: Count = 500
    """Block errors that end the simulation at an SNR"""

    @model_validator(mode="after")
    def _fits(self) -> Coding:
        symbols, tones = self.num_ofdm_symbols, self.num_sensing_tones
        if not self.pilot_symbols or max(self.pilot_symbols) >= symbols:
            raise ValueError(
                f"pilot_symbols must lie within [0, {symbols - 1}], at least one; "
                f"got {list(self.pilot_symbols)}"
            )
        if len(set(self.pilot_symbols)) != len(self.pilot_symbols):
            raise ValueError(f"pilot_symbols must be distinct; got {list(self.pilot_symbols)}")
        if len(self.pilot_symbols) < 2 and self.csi == "estimated":
            raise ValueError("pilot_symbols must be at least two for csi 'estimated'")
        data = (symbols - len(self.pilot_symbols)) * (self.fft_size - tones)
        # limits of one code block of the 5G LDPC code, base graph 1
        bits = int(2 * data * self.coderate)
        if tones >= self.fft_size or not 12 <= bits <= 8448:
            raise ValueError(
                "fft_size, num_ofdm_symbols, num_sensing_tones and coderate must make a code block "
                f"of 12 to 8448 information bits; they make {max(bits, 0)}"
            )
        return self
