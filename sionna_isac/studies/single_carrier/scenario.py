"""Scenarios of one target and one subcarrier: networks, learned steering vectors, the model."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sionna_isac.studies._isac.blocks import Beam, DetectionSampling, ImpairableArray, Sectors
from sionna_isac.studies._isac.compared import Claim, ComparedScenario
from sionna_isac.study.blocks import (
    AzimuthInterval,
    Count,
    Decibel,
    Frozen,
    Increasing,
    NonNegative,
    Optimization,
    Positive,
)

__all__ = ["Autoencoder", "FreeColumns", "RatioTest", "SingleCarrierScenario", "Transmission"]

Share = Annotated[float, Field(ge=0, le=1)]
Grid = Annotated[int, Field(ge=32)]


class CentredArray(ImpairableArray):
    """Array with its impairments, and its origin in the middle."""

    num_antennas: Annotated[int, Field(ge=2)] = 16
    """Number of antennas, half a wavelength apart"""


class Transmission(Beam):
    """Messages, power, and the share of sensing at which claims are judged."""

    num_messages: Literal[4, 16, 64] = 4
    """Number of messages, the points of the constellation"""
    power: Positive = 1.0
    """Transmit power [W]"""
    regularization: NonNegative = 0.0
    """Diagonal loading of least-squares beams, relative to the mean of the diagonal"""
    eta: Share = 1.0
    """Weight of sensing at which claims are judged"""


class Target(Sectors):
    """One target, present with probability 1/2; ``snr_db`` is its gain over the noise."""

    snr_db: Decibel = 0.0
    """Variance of the gain of the target over the noise power [dB]"""


class FlatLink(Frozen):
    """Rayleigh fading in the direction of the user; ``snr_db`` without beam gain."""

    snr_db: Decibel = 20.0
    """Mean SNR at the user without beam gain [dB]"""
    sector_deg: AzimuthInterval = (30.0, 50.0)
    """Azimuth of the user (low, high), within [-90, 90] [deg]"""


class RatioTest(Frozen):
    """Least-squares beam and MAP ratio test, with the ideal array ("unknown") or the true one."""

    kind: Literal["unknown", "known"]
    """Model-based beam and ratio test, with the ideal array (unknown) or the true one"""
    num_angles: Grid = 500
    """Number of angles of the grid, from -90 to 90 degrees"""


class FreeColumns(Frozen):
    """Least-squares beam and softmax receiver that share learned steering vectors.

    Their initial values are the ideal ones plus noise of variance ``perturbation``. ``temperature``
    is the beta of the softmax, by default the number of antennas.
    """

    kind: Literal["dictionary"]
    num_angles: Grid = 500
    """Number of angles with a learned steering vector, from -90 to 90 degrees"""
    perturbation: NonNegative = 0.1
    """Variance of the noise on the initial steering vectors"""
    temperature: Positive | None = None
    """Inverse temperature of the softmax; null: the number of antennas"""
    training: Optimization
    """Training of the steering vectors"""


class Autoencoder(Frozen):
    """Networks of transmitter and receivers, learned in two steps for each ``eta``.

    With ``angle_alone``, the angle network is first trained alone. Without, beams adapt to the
    untrained angle network and no longer suit the detector, which the second step does not train.
    """

    kind: Literal["networks"]
    hidden_size: Count = 1024
    """Width of the hidden layers"""
    detection: Optimization
    """First step: all networks except that of the angle"""
    angle_alone: Optimization | None = None
    """Training of the angle network alone in between; null: none"""
    angle: Optimization
    """Last step: all networks except the detector of presence"""


ApproachConfig = Annotated[RatioTest | FreeColumns | Autoencoder, Field(discriminator="kind")]


class SingleCarrierClaim(Claim):
    """Claim that one approach is better than another, or equally good."""

    metrics: tuple[Literal["p_md", "angle_rmse", "ser"], ...] = ("p_md", "angle_rmse")  # type: ignore[assignment]
    """Metrics that must agree with the claim"""


class SingleCarrierScenario(ComparedScenario):
    """Learned approaches against model-based ones, over the trade-off with communication.

    ``eta`` is the weight of sensing: in the losses of networks, which are learned for each value,
    and of the sensing beam of all others. The study is repeated for ``num_draws`` draws of the
    impairments.
    """

    kind: Literal["single_carrier"]
    array: CentredArray = CentredArray()
    """Array of the base station"""
    waveform: Transmission = Transmission()
    """Messages and beam"""
    targets: Target = Target()
    """Target, and its sectors"""
    link: FlatLink = FlatLink()
    """Link to the user"""
    approaches: Annotated[dict[str, ApproachConfig], Field(min_length=1)]
    """Compared approaches, by names of letters, digits and underscores"""
    eta: Annotated[Increasing[Share], Field(min_length=1)]
    """Weights of sensing of the sweep, increasing"""
    evaluation: DetectionSampling = DetectionSampling(p_fa=(1e-2,))
    """Monte-Carlo evaluation"""
    claims: tuple[SingleCarrierClaim, ...] = ()
    """Statements to judge at the end"""

    @property
    def etas(self) -> tuple[float, ...]:
        """Weights of sensing."""
        return self.eta

    @property
    def phis(self) -> tuple[float, ...]:
        """Phase between the beams [rad]."""
        return (self.waveform.phi,)

    @property
    def beam(self) -> tuple[float, float]:
        """Weight and phase at which claims are judged."""
        wave = self.waveform
        return wave.eta if wave.eta in self.eta else self.eta[-1], wave.phi

    @property
    def noise_power(self) -> float:
        r"""`float` : Noise power of the echo, :math:`N_0 = \sigma_r^2/\mathrm{SNR}_r`."""
        return 10 ** (-self.targets.snr_db / 10)

    @property
    def link_noise_power(self) -> float:
        r"""`float` : Noise power at the user, :math:`N_0 = \sigma_c^2/\mathrm{SNR}_c`."""
        return 10 ** (-self.link.snr_db / 10)

    @model_validator(mode="after")
    def _compared(self) -> Self:
        low, high = self.targets.test_sector_deg
        narrowest = min(high - low, self.targets.sector_span_deg[0])
        user = self.link.sector_deg[1] - self.link.sector_deg[0]
        for label, config in self.approaches.items():
            if isinstance(config, Autoencoder):
                continue
            cell = 180 / (config.num_angles - 1)
            if min(narrowest, user) < cell:
                raise ValueError(
                    f"approaches.{label}.num_angles has cells of {cell:.3g} degrees: sectors must "
                    f"be at least as wide; the narrowest is {min(narrowest, user):g} degrees"
                )
        return self
