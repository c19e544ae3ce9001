"""Random scenes of an extended target and users, drawn in batches in a graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.array import planar_wave
from sionna_isac.beamforming import NodeMasks
from sionna_isac.core import checks, complex_normal, linalg, numpy_rng, uniform, uniform_integers
from sionna_isac.scene import scatterer_geometry

__all__ = ["BeamScene", "BeamScenes"]


class BeamScene(NamedTuple):
    """Scenes of a batch.

    Attributes
    ----------
    points : [batch_size, num_scatterers, 3], `tf.float`
        Scatterers in the frame of the body [m]
    weights : [batch_size, num_scatterers], `tf.float`
        Their weights, 0 for those that are not there
    pose : [batch_size, 4], `tf.float`
        Range [m], azimuth, elevation and orientation [rad] of the target
    channels : [batch_size, num_users, num_antennas], `tf.complex`
        Channels, 0 for users that are not there
    """

    points: tf.Tensor
    weights: tf.Tensor
    pose: tf.Tensor
    channels: tf.Tensor

    @property
    def masks(self) -> NodeMasks:
        """:class:`~sionna_isac.beamforming.NodeMasks` : Nodes that are there"""
        users = tf.reduce_any(tf.not_equal(self.channels, 0), -1)
        return NodeMasks(tf.not_equal(self.weights, 0), users)

    @property
    def inputs(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Scatterers, centre and channels as :class:`~sionna_isac.beamforming.ISACBeamNetwork`
        takes them
        """
        seen = scatterer_geometry(self.points, self.pose)
        columns = [seen.range, seen.azimuth, seen.elevation, self.weights]
        return tf.stack(columns, -1), self.pose, self.channels

    def with_users(self, number: int) -> BeamScene:
        """The same scenes with the first users only."""
        return self._replace(channels=self.channels[:, :number])


class BeamScenes:
    r"""Source of random scenes.

    Each surface is seen in ``num_poses`` poses, drawn from Sionna's NumPy generator when the
    object is made; each sample takes one of them. Users are drawn anew, uniformly in direction:
    a line of sight with a random phase, and ``num_paths`` paths of random direction with complex
    normal gains.

    Parameters
    ----------
    surfaces : sequence of :class:`~sionna_isac.scene.FourierSurface`
        Shapes of the target, equally likely
    tx_shape : (`int`, `int`)
        Numbers of elements of the array along y and z
    cells : (`int`, `int`), (default (6, 4))
        Numbers of cells of a surface along the local azimuth and elevation; the visible ones are
        scatterers. Poses and users do not depend on them.
    num_poses : `int`, (default 2000)
        Poses per surface
    range_interval : (`float`, `float`), (default (8, 40))
        Range of the target [m]
    azimuth : `float`, (default pi / 3)
        Largest azimuth of target and users [rad]
    elevation : `float`, (default pi / 9)
        Largest elevation of target and users [rad]
    num_users : sequence of `int`, (default (1, 2, 3))
        Numbers of users, equally likely
    num_paths : `int`, (default 3)
        Number of paths besides the line of sight
    path_level_db : `float`, (default -10)
        Mean power of each of these paths against the line of sight [dB]
    snr_db : `float`, (default 20)
        SNR of users for the whole power from one antenna, by the line of sight [dB]
    """

    def __init__(
        self,
        surfaces: Sequence[Any],
        tx_shape: Sequence[int],
        *,
        cells: tuple[int, int] = (6, 4),
        num_poses: int = 2000,
        range_interval: Sequence[float] = (8.0, 40.0),
        azimuth: float = math.pi / 3,
        elevation: float = math.pi / 9,
        num_users: Sequence[int] = (1, 2, 3),
        num_paths: int = 3,
        path_level_db: float = -10.0,
        snr_db: float = 20.0,
    ) -> None:
        self.tx_shape = tx_shape
        self.num_users = checks.integers("num_users", num_users)
        self.num_paths = checks.integer("num_paths", num_paths, minimum=0)
        self._level, self._snr = 10 ** (path_level_db / 10), 10 ** (snr_db / 10)
        self._reach = azimuth, elevation
        sets, poses = [], []
        for surface in surfaces:
            draw = numpy_rng().uniform(size=(4, num_poses))
            low, high = range_interval
            pose = {
                "range": low + (high - low) * draw[0],
                "azimuth": azimuth * (2 * draw[1] - 1),
                "elevation": elevation * (2 * draw[2] - 1),
                "orientation": math.pi * (2 * draw[3] - 1),
            }
            sets.append(surface.scatterers(**pose, cells=cells))
            poses.append(np.stack([*pose.values()], -1))
        most = max(s.weights.shape[1] for s in sets)

        def padded(value: np.ndarray) -> np.ndarray:
            return np.pad(value, [(0, 0), (0, most - value.shape[1])] + [(0, 0)] * (value.ndim - 2))

        self._points = np.concatenate([padded(s.points) for s in sets]).astype(np.float32)
        self._weights = np.concatenate([padded(s.weights) for s in sets]).astype(np.float32)
        self._pose = np.concatenate(poses).astype(np.float32)

    def __call__(self, batch_size: int) -> BeamScene:
        """Draw scenes, in single precision."""
        index = uniform_integers([batch_size], len(self._pose))
        points, weights, pose = (
            tf.gather(tf.constant(v), index) for v in (self._points, self._weights, self._pose)
        )
        most = max(self.num_users)
        shape = [batch_size, most, 1 + self.num_paths]
        direction = [uniform(shape, -r, r, precision="single") for r in self._reach]
        paths = complex_normal([*shape[:2], self.num_paths], self._level, "single")
        phase = uniform([*shape[:2], 1], 0, 2 * math.pi, precision="single")
        gains = tf.concat([linalg.expj(phase), paths], -1) * self._snr**0.5
        channels = tf.einsum("bkp,bkpn->bkn", gains, planar_wave(self.tx_shape, *direction))
        choice = uniform_integers([batch_size], len(self.num_users))
        number = tf.gather(tf.constant(self.num_users), choice)
        present = tf.sequence_mask(number, most)[..., tf.newaxis]
        return BeamScene(points, weights, pose, tf.where(present, channels, 0))
