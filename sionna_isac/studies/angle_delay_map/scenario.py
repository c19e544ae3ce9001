"""Scenarios of angle-delay maps of an ideal and an impaired array."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.studies._isac.blocks import Waveform
from sionna_isac.studies._isac.scenario import StationScenario
from sionna_isac.study.blocks import (
    AzimuthInterval,
    Count,
    Decibel,
    Frozen,
    Probability,
    RangeInterval,
    changed_fields,
)

__all__ = ["AngleDelayMapScenario", "MapGrid", "MapScenes"]

GridSize = Annotated[int, Field(ge=8)]


class MapScenes(Frozen):
    """Scenes with a fixed number of targets, uniform in the sector and in range.

    Gains are CN(0, 1) and ``snr_db`` is the integrated sensing SNR. The figure shows scene
    ``drawn``; the statistics include all.
    """

    num_targets: Annotated[int, Field(ge=2, le=32)] = 4
    """Number of targets in each scene"""
    snr_db: Decibel = 20.0
    """Integrated sensing SNR, num_antennas over the noise power [dB]"""
    range_interval: RangeInterval = (10.0, 190.0)
    """Distance of targets (low, high), 0 < low < high [m]"""
    sector_deg: AzimuthInterval = (-40.0, -20.0)
    """Azimuth of targets (low, high), within [-90, 90] [deg]"""
    num_scenes: Annotated[int, Field(ge=2)] = 200
    """Number of scenes of the statistics"""
    drawn: Annotated[int, Field(ge=0)] = 0
    """Index of the scene in the figure, below num_scenes"""

    @model_validator(mode="after")
    def _there(self) -> MapScenes:
        if self.drawn >= self.num_scenes:
            raise ValueError(
                f"drawn must be below num_scenes = {self.num_scenes}; got {self.drawn}"
            )
        return self


class MapGrid(Frozen):
    """Angles from -90 to 90 degrees, ranges over the interval of the targets."""

    num_angles: GridSize = 720
    """Number of angles from -90 to 90 degrees"""
    num_ranges: GridSize = 200
    """Number of ranges over the interval of the targets"""


class AngleDelayMapScenario(StationScenario):
    """Effect of unknown array impairments on angle-delay maps.

    Every scene has its own draw of the impairments.
    """

    kind: Literal["angle_delay_map"]
    waveform: Waveform = Waveform()
    """OFDM waveform and beam"""
    scenes: MapScenes = MapScenes()
    """Targets and noise"""
    grid: MapGrid = MapGrid()
    """Grid of the maps"""
    block_size: Count = 50
    """Scenes per computed and stored block"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    @property
    def noise_power(self) -> float:
        r"""`float` : :math:`N_0 = K / \mathrm{SNR}_r`"""
        return self.array.num_antennas / 10 ** (self.scenes.snr_db / 10)

    @property
    def resolution(self) -> tuple[float, float]:
        r"""Resolution in angle [rad] and range [m], Eq. (16) of [MateosRamos25]_."""
        bandwidth = self.waveform.num_subcarriers * self.waveform.subcarrier_spacing
        return 2 / self.array.num_antennas, SPEED_OF_LIGHT / (2 * bandwidth)

    @model_validator(mode="after")
    def _consistent(self) -> AngleDelayMapScenario:
        beam = changed_fields(self.waveform) & {"eta", "phi", "power"}
        beam -= {"eta"} if self.waveform.eta == 1 else set()  # the one beam there is
        idle = [f"waveform.{key}" for key in sorted(beam)]
        idle += ["array.learn"] if "learn" in changed_fields(self.array) else []
        if idle:
            raise ValueError(f"{idle[0]} has no effect: one beam for the targets, nothing learned")
        cell = 180 / (self.grid.num_angles - 1)
        low, high = self.scenes.sector_deg
        if high - low < cell:
            raise ValueError(
                "scenes.sector_deg must be at least as wide as a cell of the angle grid, "
                f"{cell:.3g} degrees; got {high - low:g}"
            )
        return self
