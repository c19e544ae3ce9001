"""Element positions of arrays, and the linear array as a layer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.array.steering import plane_wave
from sionna_isac.core import Array, Real, checks, cites, register

__all__ = ["OrderedPositions", "UniformLinearArray", "uniform_positions"]

ANCHORS = ("centre", "first")


def uniform_positions(num_antennas: int, spacing: float, anchor: str = "centre") -> np.ndarray:
    """Positions of a uniform linear array.

    Parameters
    ----------
    num_antennas : `int`
        Number of elements
    spacing : `float`
        Distance between neighbours, in the unit wanted
    anchor : "centre" (default) | "first"
        Origin: the centre of the array or its first element

    Output
    ------
    : [num_antennas], `np.float64`
        Positions in the unit of ``spacing``
    """
    num_antennas = checks.integer("num_antennas", num_antennas)
    spacing = checks.real("spacing", spacing, minimum=0, exclusive=True)
    checks.one_of("anchor", anchor, ANCHORS)
    offset = (num_antennas - 1) / 2 if anchor == "centre" else 0.0
    return (np.arange(num_antennas) - offset) * spacing


@register
class OrderedPositions(keras.constraints.Constraint):
    """Constraint on trained element positions: sorted, and anchored at the centre or first element.

    A common shift of all elements cannot be observed (it is a phase of the echo); without the
    constraint it wanders during training. Elements are wired in the order of their positions:
    two that cross are exchanged.

    Parameters
    ----------
    anchor : "centre" (default) | "first"
        Mean position or first element is put to where it belongs: 0
    ordered : `bool`, (default `True`)
        If `True`, positions are sorted; `False` is for elements that have other parameters, too
    """

    def __init__(self, anchor: str = "centre", ordered: bool = True) -> None:
        self.anchor = checks.one_of("anchor", anchor, ANCHORS)
        self.ordered = bool(ordered)

    def __call__(self, value: Any) -> tf.Tensor:
        positions = tf.convert_to_tensor(value)
        if self.ordered:
            positions = tf.sort(positions)
        origin = tf.reduce_mean(positions) if self.anchor == "centre" else positions[0]
        return positions - origin

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"anchor": self.anchor, "ordered": self.ordered}


@register
@cites("MateosRamos25")
class UniformLinearArray(Array):
    r"""Linear array on the y axis with plane-wave steering, optionally with trainable positions.

    The positions are those of a uniform array unless given. As a weight they are kept in
    wavelengths, so that ordinary learning rates (1e-3 to 1e-2) suit them.

    Parameters
    ----------
    num_antennas : `int`
        Number of elements, :math:`K` in [MateosRamos25]_
    wavelength : `float`
        Carrier wavelength [m]
    element_positions : `None` (default) | [num_antennas], array_like
        Element positions along y [m]. `None` is the uniform array of spacing wavelength/2.
    anchor : "centre" (default) | "first"
        Origin of the array, kept during training
    trainable : `bool`, (default `False`)
        If `True`, the positions are trained, and kept sorted and anchored

    Input
    -----
    angle : [...], `tf.float`
        Azimuth from broadside [rad]

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Steering vectors

    Raises
    ------
    ValueError
        If a size or length is not positive, or ``element_positions`` has the wrong shape or is
        not finite
    """

    _ordered = True  # if trained positions are kept sorted

    def __init__(
        self,
        num_antennas: int,
        wavelength: float,
        *,
        element_positions: Any = None,
        anchor: str = "centre",
        trainable: bool = False,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_antennas = checks.integer("num_antennas", num_antennas)
        self.wavelength = checks.wavelength("wavelength", wavelength)
        self.anchor = checks.one_of("anchor", anchor, ANCHORS)
        if element_positions is None:
            positions = uniform_positions(num_antennas, 0.5, anchor)
        else:
            metres = checks.vector("element_positions", element_positions, self.num_antennas)
            positions = metres / self.wavelength
        self.positions = self._parameter(
            "positions", positions, trainable, OrderedPositions(anchor, self._ordered)
        )
        self._learned: Any = bool(trainable)

    def _parameter(
        self, name: str, value: np.ndarray, trainable: bool, constraint: Any = None
    ) -> keras.Variable:
        return self.add_weight(
            shape=value.shape,
            initializer=lambda shape, dtype=None: tf.cast(value, dtype or self.rdtype),
            dtype=self.rdtype.name,
            trainable=trainable,
            constraint=constraint if trainable else None,
            name=name,
        )

    @property
    def element_positions(self) -> np.ndarray:
        """[num_antennas], `np.float64` : Present element positions [m]"""
        return self.positions.numpy().astype(np.float64) * self.wavelength

    def call(self, angle: Real) -> tf.Tensor:
        checks.azimuth("angle", angle)
        return plane_wave(tf.convert_to_tensor(self.positions), angle)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments; the positions are the present ones."""
        config = super().get_config()
        config["trainable"] = self._learned
        return config
