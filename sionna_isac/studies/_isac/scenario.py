"""Common fields of scenarios of an OFDM echo and a communication link."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from scipy.constants import Boltzmann

from sionna_isac.studies._isac.blocks import (
    Array,
    ImpairableArray,
    Link,
    Receiver,
    Targets,
    Waveform,
)
from sionna_isac.studies._isac.motion import Motion
from sionna_isac.study.blocks import CompiledScenario, Training

__all__ = ["ArrayScenario", "IsacScenario", "StationScenario"]

ROOM_TEMPERATURE = 290.0


class ArrayScenario(CompiledScenario):
    """Common fields of scenarios of an array with impairments."""

    array: ImpairableArray
    """Array of the base station"""


class StationScenario(ArrayScenario):
    """Common fields of scenarios of a base station with an array that may be learned."""

    array: Array = Array()
    """Array of the base station"""


class IsacScenario(StationScenario):
    """Common fields of scenarios of an OFDM echo and a link."""

    waveform: Waveform = Waveform()
    """OFDM waveform and beam"""
    targets: Targets
    """Targets, and their sectors"""
    motion: Motion | None = None
    """Motion of the targets; null: they are at rest, and an echo has one OFDM symbol"""
    link: Link
    """Link to the user"""
    receiver: Receiver = Receiver()
    """Receiver of the echo"""

    @property
    def noise_power(self) -> float:
        r"""`float` : Noise power of the echo.

        With Rayleigh gains of variance 1, :math:`N_0 = K / \mathrm{SNR}_r`; with the radar
        equation, :math:`N_0 = k_B T B F` over the bandwidth of all subcarriers [W].
        """
        gain = self.targets.gain
        if gain.kind == "rayleigh":
            return self.array.num_antennas / 10 ** (gain.snr_db / 10)
        bandwidth = self.waveform.num_subcarriers * self.waveform.subcarrier_spacing
        return Boltzmann * ROOM_TEMPERATURE * bandwidth * 10 ** (gain.noise_figure_db / 10)

    @property
    def link_noise_power(self) -> float:
        """`float` : Noise power at the user: from the link's SNR, or the echo's thermal noise."""
        if self.link.channel.kind == "multitap":
            return 10 ** (-self.link.channel.snr_db / 10)
        return self.noise_power

    def at_rest(self) -> Self:
        """The same scenario with targets at rest, whose echoes have the same energy.

        In one OFDM symbol of as much power as all symbols of the moving targets.
        """
        if self.motion is None:
            return self
        power = self.waveform.power * self.motion.num_symbols
        waveform = self.waveform.model_copy(update={"power": power})
        return self.model_copy(update={"motion": None, "waveform": waveform})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.motion is not None:
            self.motion.check_ambiguity(self.array.wavelength, self.waveform.subcarrier_spacing)
        geometric = self.link.channel.kind == "geometric"
        if geometric and self.targets.gain.kind != "radar_equation":
            raise ValueError(
                "link.channel.kind 'geometric' has path losses in absolute terms and needs "
                "targets.gain.kind 'radar_equation'; got 'rayleigh'"
            )
        for half, number in zip(
            self.receiver.window, (self.receiver.num_angles, self.receiver.num_ranges), strict=True
        ):
            if half >= number:
                raise ValueError(
                    f"receiver.window must be smaller than the grids; got {self.receiver.window}"
                )
        cell = 180 / (self.receiver.num_angles - 1)
        low, high = self.targets.test_sector_deg
        if min(high - low, self.targets.sector_span_deg[0]) < cell:
            raise ValueError(
                "targets.test_sector_deg and sector_span_deg must be at least as wide as a cell "
                f"of the angle grid, {cell:.3g} degrees; got {high - low:g} and "
                f"{self.targets.sector_span_deg[0]:g}"
            )
        return self

    def check_assignment(self, where: str, training: Training) -> None:
        """Refuse objectives that do not suit the number of targets."""
        name = training.objective
        if name == "mse" and self.targets.max_targets > 1:
            raise ValueError(
                f"{where}.objective 'mse' is for one target at most; got targets.max_targets = "
                f"{self.targets.max_targets}"
            )
        assigns = name in ("gospa", "detection_gospa")
        if assigns and self.targets.max_targets > 10 and self.compile:
            raise ValueError(
                f"targets.max_targets above 10 with {where}.objective '{name}' finds assignments "
                "outside the compiled graph: set compile: false"
            )

    def check_objective(self, where: str, training: Training) -> None:
        """Refuse a training of steering vectors that has no effect or cannot run."""
        name = training.objective
        if name in ("bce", "detection_gospa"):
            raise ValueError(
                f"{where}.objective '{name}' is for networks that estimate probabilities; "
                "steering vectors are learned by max, reconstruction, gospa or mse"
            )
        self.check_assignment(where, training)
        reconstructs = "reconstruction" in (
            name,
            training.unlabelled if training.labelled_fraction < 1 else None,
        )
        if reconstructs and self.receiver.atoms == "grid":
            raise ValueError(f"{where}.objective 'reconstruction' needs receiver.atoms 'refined'")
