"""Scenarios of the rate of a block whose tones are shared by sensing and communication."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sionna_isac.study.blocks import (
    CompiledScenario,
    Count,
    Decibel,
    Frozen,
    Increasing,
    NonNegative,
    Probability,
)

__all__ = ["PublishedRate", "Scheme", "SensingRateScenario"]

BITS = {"qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8}
NAMES = {"qpsk": "QPSK", "16qam": "16-QAM", "64qam": "64-QAM", "256qam": "256-QAM"}

Placement = Literal["uniform", "low_sidelobe"]
Fading = Literal["ergodic", "block"]


class Scheme(Frozen):
    """Modulation and coding scheme."""

    modulation: Literal["qpsk", "16qam", "64qam", "256qam"]
    """Constellation of the data"""
    coderate: Annotated[float, Field(gt=0.1, lt=0.95)]
    """Rate of the 5G LDPC code"""

    @property
    def bits(self) -> int:
        """`int` : Coded bits per symbol"""
        return BITS[self.modulation]

    @property
    def text(self) -> str:
        """`str` : Description"""
        return f"{NAMES[self.modulation]}, rate {self.coderate:g}"


class PublishedRate(Frozen):
    """Rate of a publication."""

    num_sensing_tones: Annotated[int, Field(ge=0)]
    """Number of sensing tones, one of the sweep"""
    snr_db: Decibel
    """SNR of a tone if all tones communicate, one of the sweep [dB]"""
    rate: NonNegative
    """Printed rate [bit/s/Hz]"""


class SensingRateScenario(CompiledScenario):
    """Rate of a block that reserves tones for sensing: formula, Monte Carlo and coded link."""

    kind: Literal["sensing_rate"]
    num_tones: Count = 64
    """Number of tones of the block"""
    num_sensing_tones: Increasing[Annotated[int, Field(ge=0)]] = (0, 1, 2, 4, 8, 16, 32)
    """Numbers of tones that are reserved for sensing, increasing"""
    placements: tuple[Placement, ...] = ("low_sidelobe",)
    """Places of the sensing tones: equal distances, or nested sets with low side lobes"""
    snr_db: Increasing[Decibel] = (15.0,)
    """SNR of a tone if all tones communicate, increasing [dB]"""
    fadings: tuple[Fading, ...] = ("ergodic", "block")
    """Rayleigh fades, independent from tone to tone: new in every OFDM symbol, or once per block"""
    num_ofdm_symbols: Count = 14
    """Number of OFDM symbols of a block, which holds one code word"""
    schemes: tuple[Scheme, ...]
    """Modulation and coding schemes; the best one is that of a rate adaptation"""
    num_blocks: Annotated[int, Field(ge=2)] = 128
    """Number of simulated blocks for each scheme at each point"""
    batch_size: Count = 64
    """Blocks per computed batch, a divisor of ``num_blocks``"""
    num_iterations: Count = 20
    """Iterations of the LDPC decoder"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""
    published: tuple[PublishedRate, ...] = ()
    """Rates of a publication, drawn beside"""

    @field_validator("placements", "fadings", "schemes")
    @classmethod
    def _distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value or len(set(value)) != len(value):
            texts = [v.text if isinstance(v, Scheme) else v for v in value]
            raise ValueError(f"must be a list of distinct entries, at least one; got {texts}")
        return value

    @model_validator(mode="after")
    def _fits(self) -> SensingRateScenario:
        most = self.num_sensing_tones[-1]
        if most >= self.num_tones:
            raise ValueError(
                f"num_sensing_tones must be below num_tones = {self.num_tones}, since a tone has "
                f"to carry data; got {most}"
            )
        if "low_sidelobe" in self.placements and self.num_tones < 3:
            raise ValueError(
                f"num_tones must be at least 3 for the placement 'low_sidelobe'; "
                f"got {self.num_tones}"
            )
        if self.num_blocks % self.batch_size:
            raise ValueError(
                f"batch_size must be a divisor of num_blocks = {self.num_blocks}; "
                f"got {self.batch_size}"
            )
        for scheme in self.schemes:
            for number in self.num_sensing_tones:
                self._check_code(scheme, number)
        for i, known in enumerate(self.published):
            swept = known.num_sensing_tones in self.num_sensing_tones
            if not swept or known.snr_db not in self.snr_db:
                raise ValueError(
                    f"published.{i} must be a point of the sweep; got {known.num_sensing_tones} "
                    f"tones at {known.snr_db:g} dB"
                )
        return self

    def _check_code(self, scheme: Scheme, number: int) -> None:
        """Refuse a code word that a block with so many sensing tones cannot hold."""
        size = self.num_ofdm_symbols * (self.num_tones - number) * scheme.bits
        bits = int(size * scheme.coderate)
        # of one code block of the 5G LDPC code; long ones have base graph 1
        least = 1 / 3 if bits > 3824 else 1 / 5
        if not 12 <= bits <= 8448 or bits < least * size:
            raise ValueError(
                "schemes must put 12 to 8448 information bits into a block, at a rate of at least "
                f"1/5, beyond 3824 bits 1/3; {scheme.text} puts {bits} into "
                f"{self.num_ofdm_symbols} OFDM symbols of {self.num_tones - number} tones"
            )
