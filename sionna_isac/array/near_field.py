"""Arrays of any layout that see spherical waves, and layouts other than a line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.array.layout import uniform_positions
from sionna_isac.array.steering import spherical_wave, wave_from_direction
from sionna_isac.core import Array, Real, checks, cites, register

__all__ = ["SphericalWaveArray", "cross_positions", "planar_positions"]


def planar_positions(num_y: int, num_z: int, spacing: float, fastest: str = "y") -> np.ndarray:
    """Positions of a centred uniform planar array in the y-z plane, facing along x.

    Parameters
    ----------
    num_y, num_z : `int`
        Number of elements along y and z
    spacing : `float`
        Distance between neighbours, in the unit wanted
    fastest : "y" (default) | "z"
        Axis along which neighbours in the order of the elements lie

    Output
    ------
    : [num_y * num_z, 3], `np.float64`
        Positions in the unit of ``spacing``
    """
    y, z = uniform_positions(num_y, spacing), uniform_positions(num_z, spacing)
    grid = np.stack(np.meshgrid(y, z), axis=-1)  # [num_z, num_y, 2]
    if checks.one_of("fastest", fastest, ("y", "z")) == "z":
        grid = grid.swapaxes(0, 1)
    grid = grid.reshape(-1, 2)
    return np.concatenate([np.zeros((len(grid), 1)), grid], axis=-1)


def cross_positions(num_arm: int, spacing: float) -> np.ndarray:
    """Positions of two crossed uniform linear arrays on the y and the z axis.

    Parameters
    ----------
    num_arm : `int`
        Number of elements of each line; an odd number shares the element at the centre
    spacing : `float`
        Distance between neighbours, in the unit wanted

    Output
    ------
    : [2 * num_arm or 2 * num_arm - 1, 3], `np.float64`
        Positions in the unit of ``spacing``, those along y first
    """
    line = uniform_positions(num_arm, spacing)
    rest, zero = line[line != 0], np.zeros_like(line)
    along_y = np.stack([zero, line, zero], axis=-1)
    along_z = np.stack([np.zeros_like(rest), np.zeros_like(rest), rest], axis=-1)
    return np.concatenate([along_y, along_z])


@register
@cites("Yuan25")
class SphericalWaveArray(Array):
    r"""Array of any layout with spherical-wave steering, Eq. (9) of [Yuan25]_.

    Parameters
    ----------
    element_positions : [num_antennas] or [num_antennas, num_axes], array_like
        Element positions [m]: along y, or x and y, or x, y and z
    wavelength : `float`
        Carrier wavelength [m]

    Input
    -----
    point : [..., num_axes], `tf.float`
        Points [m]: x and y (also if positions are given along y alone), or x, y and z

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Steering vectors, see :func:`spherical_wave`

    Raises
    ------
    ValueError
        If ``wavelength`` is not positive, or ``element_positions`` has a wrong shape or is not
        finite
    """

    def __init__(
        self,
        element_positions: Any,
        wavelength: float,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.element_positions = _layout(element_positions)
        self.wavelength = checks.wavelength("wavelength", wavelength)

    @property
    def num_antennas(self) -> int:
        """`int` : Number of elements"""
        return len(self.element_positions)

    @property
    def num_axes(self) -> int:
        """`int` : Number of coordinates of a point"""
        return 2 if self.element_positions.ndim == 1 else self.element_positions.shape[1]

    def call(self, point: Real) -> tf.Tensor:
        checks.last_dim("point", point, self.num_axes, "(coordinates in m)")
        return spherical_wave(self._elements, point, self.wavelength)

    @property
    def _elements(self) -> tf.Tensor:
        return tf.constant(self.element_positions, self.rdtype)

    def far_field(self, angle: Any) -> tf.Tensor:
        """Limit of the steering vectors far away, [..., num_antennas], for angles [...] in rad."""
        if self.num_axes != 2:
            raise ValueError(
                "far_field is for arrays in the x-y plane: element_positions must have shape "
                f"[num_antennas] or [num_antennas, 2]; got {list(self.element_positions.shape)}"
            )
        angle = checks.azimuth("angle", self.cast(angle, Real, "angle"), 2 * math.pi)
        return wave_from_direction(self._elements, angle, self.wavelength)


def _layout(element_positions: Any) -> np.ndarray:
    positions = checks.floats("element_positions", element_positions)
    line = positions.ndim == 1
    if not positions.size or not (line or (positions.ndim == 2 and positions.shape[1] in (2, 3))):
        raise ValueError(
            "element_positions must have shape [num_antennas], [num_antennas, 2] or "
            f"[num_antennas, 3]; got shape {list(positions.shape)}"
        )
    return checks.finite("element_positions", positions)
