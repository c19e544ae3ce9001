"""Scenarios: what a study simulates, as validated and frozen configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from scipy.constants import Boltzmann

from sionna_isac.study.angle_delay_scenario import AngleDelayMapScenario
from sionna_isac.study.blocks import (
    METHODS,
    Array,
    Coding,
    CompiledStudy,
    Evaluation,
    Link,
    Method,
    Probability,
    Receiver,
    Targets,
    Training,
    Waveform,
    changed_fields,
    distinct_methods,
)
from sionna_isac.study.dataset_scenario import DatasetScenario
from sionna_isac.study.localization_scenario import LocalizationScenario
from sionna_isac.study.near_field_scenario import (
    NearFieldConvergenceScenario,
    NearFieldScenario,
)
from sionna_isac.study.scattering_scenario import (
    EchoMapScenario,
    ScatteringConvergenceScenario,
    ScatteringSphereScenario,
)

__all__ = [
    "AngleDelayMapScenario",
    "CodedBERScenario",
    "EchoMapScenario",
    "LocalizationScenario",
    "MultiTargetScenario",
    "NearFieldConvergenceScenario",
    "NearFieldScenario",
    "ScatteringConvergenceScenario",
    "ScatteringSphereScenario",
    "Scenario",
]

ROOM_TEMPERATURE = 290.0


class _ArrayStudy(CompiledStudy):
    array: Array = Array()
    waveform: Waveform = Waveform()
    targets: Targets
    link: Link
    receiver: Receiver = Receiver()
    training: Training = Training()

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

    @model_validator(mode="after")
    def _consistent(self) -> _ArrayStudy:
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
        self._check_training()
        return self

    @property
    def learns(self) -> bool:
        """`bool` : Whether an array is learned"""
        return "learned" in self.compared() and self.training.iterations > 0

    def compared(self) -> tuple[Method, ...]:
        """The methods that the scenario compares."""
        return ()

    def _check_training(self) -> None:
        """Refuse what would have no effect or cannot run."""
        training = self.training
        if "learned" in self.compared() and not self.array.learn:
            raise ValueError(
                "array.learn must name what is learned by the method 'learned'; got []"
            )
        if self.learns and self.waveform.eta == 0:
            raise ValueError("waveform.eta must be above 0 to learn: at 0 no target is lit up")
        idle = {
            "max": {"cutoff", "temperature_scale"},
            "reconstruction": {"cutoff"},
            "gospa": set(),
        }
        for key in sorted(idle[training.objective] & changed_fields(training)):
            raise ValueError(
                f"training.{key} has no effect with training.objective '{training.objective}'"
            )
        if training.objective == "gospa" and self.targets.max_targets > 10 and self.compile:
            raise ValueError(
                "targets.max_targets above 10 with training.objective 'gospa' finds assignments "
                "outside the compiled graph: set compile: false"
            )
        if training.objective == "reconstruction" and self.receiver.atoms == "grid":
            raise ValueError("training.objective 'reconstruction' needs receiver.atoms 'refined'")


class MultiTargetScenario(_ArrayStudy):
    """Detection and localisation of several targets, and the user's symbol error rate."""

    kind: Literal["multi_target"]
    evaluation: Evaluation = Evaluation()

    def compared(self) -> tuple[Method, ...]:
        """The methods that the scenario compares."""
        return self.evaluation.methods


class CodedBERScenario(_ArrayStudy):
    """Coded bit and block error rates of the user over the SNR."""

    kind: Literal["coded_ber"]
    methods: tuple[Method, ...] = METHODS
    coding: Coding = Coding()
    confidence: Probability = 0.95

    _distinct = field_validator("methods")(distinct_methods)

    def compared(self) -> tuple[Method, ...]:
        """The methods that the scenario compares."""
        return self.methods

    @model_validator(mode="after")
    def _coded(self) -> CodedBERScenario:
        channel = self.link.channel
        if channel.kind != "multitap":
            raise ValueError(
                "link.channel.kind must be 'multitap' for error rates over the SNR; got 'geometric'"
            )
        if "snr_db" in changed_fields(channel):
            raise ValueError("link.channel.snr_db has no effect: coding.snr_db is what is swept")
        if self.waveform.eta == 1:
            raise ValueError("waveform.eta must be below 1: at 1 the beam leaves the user out")
        return self


Scenario = Annotated[
    MultiTargetScenario
    | CodedBERScenario
    | AngleDelayMapScenario
    | DatasetScenario
    | LocalizationScenario
    | NearFieldScenario
    | NearFieldConvergenceScenario
    | ScatteringSphereScenario
    | ScatteringConvergenceScenario
    | EchoMapScenario,
    Field(discriminator="kind"),
]
