"""True and believed arrays of a scenario."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac import array, waveform
from sionna_isac.core import reset_stream
from sionna_isac.studies._isac.scenario import ArrayScenario, IsacScenario, StationScenario

__all__ = [
    "assumed_array",
    "echo_numerology",
    "ideal_array",
    "numerology",
    "true_array",
    "true_transmit_array",
]

_IMPAIRMENTS = {
    "spacing": array.SpacingError,
    "gain": array.GainError,
    "phase": array.PhaseError,
    "coupling": array.MutualCoupling,
}


class Subcarriers(Protocol):
    """Fields of the subcarriers."""

    @property
    def num_subcarriers(self) -> int: ...
    @property
    def subcarrier_spacing(self) -> float: ...


def numerology(subcarriers: Subcarriers, wavelength: float) -> waveform.Numerology:
    """Numerology of the subcarriers of a scenario."""
    return waveform.Numerology(
        subcarriers.num_subcarriers,
        subcarriers.subcarrier_spacing,
        SPEED_OF_LIGHT / wavelength,
    )


def echo_numerology(scenario: IsacScenario) -> waveform.Numerology:
    """Numerology of the echo of a scenario: several OFDM symbols if targets move."""
    wave, motion = scenario.waveform, scenario.motion
    if motion is None:
        return numerology(wave, scenario.array.wavelength)
    return waveform.Numerology(
        wave.num_subcarriers,
        wave.subcarrier_spacing,
        SPEED_OF_LIGHT / scenario.array.wavelength,
        num_symbols=motion.num_symbols,
        symbol_duration=motion.symbol_duration,
    )


def true_array(scenario: ArrayScenario, *labels: Any) -> array.ImpairedArray:
    """True array of a scenario, the same for the same seed and labels."""
    config = scenario.array
    reset_stream(scenario.seed, "impairments", *labels)
    drawn = [_IMPAIRMENTS[i.kind](**i.model_dump(exclude={"kind"})) for i in config.impairments]
    truth = array.impair(
        config.num_antennas, config.wavelength, drawn, precision=scenario.precision
    )
    if truth.anchor == config.anchor:
        return truth
    moved = truth.element_positions - truth.element_positions.mean()
    changes = {"element_positions": moved, "anchor": config.anchor}
    return array.ImpairedArray.from_config({**truth.get_config(), **changes})


def true_transmit_array(
    scenario: StationScenario, truth: array.ImpairedArray
) -> array.UniformLinearArray:
    """True transmit array: impaired, or ideal if only reception is impaired."""
    return truth if scenario.array.impaired == "both" else ideal_array(scenario)


def assumed_array(
    scenario: StationScenario, method: str, truth: array.ImpairedArray
) -> array.ImpairedArray:
    """Array that transmitter and receiver assume before any training.

    "known" is the truth; "unknown" and "learned" start from the ideal uniform array.
    """
    if method == "known":
        return truth
    config = scenario.array
    learned = config.learn if method == "learned" else False
    return array.ImpairedArray(
        config.num_antennas,
        config.wavelength,
        coupling=None if truth.coupling is None else np.zeros_like(truth.coupling),
        anchor=config.anchor,
        trainable=learned,
        precision=scenario.precision,
    )


def ideal_array(scenario: ArrayScenario) -> array.UniformLinearArray:
    """Uniform array without impairments."""
    config = scenario.array
    return array.UniformLinearArray(
        config.num_antennas, config.wavelength, anchor=config.anchor, precision=scenario.precision
    )
