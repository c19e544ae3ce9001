"""Channel draws and scenes of a near-field study."""

from __future__ import annotations

import functools
import math

import numpy as np
import tensorflow as tf

from sionna_isac.array import SphericalWaveArray, uniform_positions
from sionna_isac.beamforming import NearFieldScene
from sionna_isac.channel import NearFieldPaths, SalehValenzuelaLink, reflection_coefficient
from sionna_isac.core import reset_stream
from sionna_isac.core.units import watt
from sionna_isac.scene import FixedSector
from sionna_isac.studies.near_field.scenario import NearFieldSetting

__all__ = ["ChannelDraws", "make_array", "reflection"]


def make_array(scenario: NearFieldSetting, num_antennas: int) -> SphericalWaveArray:
    """Array of a scenario, with a number of antennas."""
    config = scenario.array
    positions = uniform_positions(num_antennas, config.spacing_of(num_antennas))
    return SphericalWaveArray(positions, config.wavelength, precision="double")


class ChannelDraws:
    """Users, scatterers and path gains of all draws, for any array.

    Draw i depends on the seed and i alone: it is the same for all values of a sweep, all designs,
    any number of draws, and in any process.
    """

    def __init__(self, scenario: NearFieldSetting) -> None:
        self.scenario = scenario
        link = _link(scenario, make_array(scenario, 3))
        drawn = []
        for i in range(scenario.num_channels):
            reset_stream(scenario.seed, "near_field_channel", i)
            drawn.append(link.paths(scenario.users.number))
        # [draws, users, paths, ...]
        self.paths = NearFieldPaths(*(tf.stack(part) for part in zip(*drawn, strict=True)))
        self.channels = functools.cache(self._channels)

    def _channels(self, num_antennas: int) -> np.ndarray:
        """Channels h [draws, users, num_antennas] of an array."""
        link = _link(self.scenario, make_array(self.scenario, num_antennas))
        flat = NearFieldPaths(*(tf.reshape(p, [-1, *p.shape[2:]]) for p in self.paths))
        users = self.scenario.users.number
        return link.channel_vectors(flat).numpy().reshape(-1, users, num_antennas)

    def scene(self, num_antennas: int, draw: int) -> NearFieldScene:
        """Scene of a draw for an array."""
        config = self.scenario
        return NearFieldScene(
            element_positions=make_array(config, num_antennas).element_positions,
            wavelength=config.array.wavelength,
            target=np.array(config.target.position),
            reflection=reflection(config),
            no=watt(config.noise_power_dbm),
            num_snapshots=config.num_snapshots,
            channels=self.channels(num_antennas)[draw],
        )


def reflection(scenario: NearFieldSetting) -> float:
    """Reflection coefficient of the target."""
    target = scenario.target
    return float(
        reflection_coefficient(
            target.distance, scenario.array.wavelength, target.radar_cross_section
        )
    )


def _link(scenario: NearFieldSetting, array: SphericalWaveArray) -> SalehValenzuelaLink:
    in_front = FixedSector([-math.pi / 2, math.pi / 2], precision="double")
    users = scenario.users
    return SalehValenzuelaLink(
        array,
        in_front,
        user_range=users.distance,
        num_scatterers=users.num_scatterers,
        precision="double",
    )
