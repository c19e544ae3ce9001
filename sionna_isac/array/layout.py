"""Element positions of arrays, and the linear array as a layer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.array.steering import plane_wave
from sionna_isac.core import Array, Real, checks, cites, register

__all__ = ["OrderedPositions", "OrderedSpacings", "UniformLinearArray", "uniform_positions"]

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
class OrderedSpacings(keras.constraints.Constraint):
    r"""Constraint on trained spacings :math:`d_k`, with positions :math:`(k-k_0)\,d_k`.

    No spacing is negative. The spacing of an element at the origin has no effect.

    Parameters
    ----------
    anchor : "centre" (default) | "first"
        Origin :math:`k_0`: the middle of the array or its first element
    ordered : `bool`, (default `True`)
        If `True`, elements on one side of the origin are kept in order; `False` is for elements
        that have other parameters, too
    """

    def __init__(self, anchor: str = "centre", ordered: bool = True) -> None:
        self.anchor = checks.one_of("anchor", anchor, ANCHORS)
        self.ordered = bool(ordered)

    def __call__(self, value: Any) -> tf.Tensor:
        spacings = tf.maximum(tf.convert_to_tensor(value), 0)
        if not self.ordered:
            return spacings
        index = uniform_positions(spacings.shape[0], 1.0, self.anchor)
        below, above = int(np.sum(index < 0)), int(np.sum(index <= 0))
        number = tf.constant(index, spacings.dtype)
        parts = [spacings[below:above]]
        for side in (slice(None, below), slice(above, None)):
            parts.append(tf.sort(number[side] * spacings[side]) / number[side])
        return tf.concat([parts[1], parts[0], parts[2]], 0)

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
    trainable : `bool` | "spacings", (default `False`)
        If `True`, the positions are trained, and kept sorted and anchored; "spacings" trains
        :math:`d_k` with positions :math:`(k-k_0)\,d_k`, so that outer elements move farther

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
        If a size or length is not positive, or ``element_positions`` has the wrong shape, is
        not finite, or (to train spacings) has elements on the wrong side of the origin
    """

    _ordered = True  # if trained positions are kept sorted

    def __init__(
        self,
        num_antennas: int,
        wavelength: float,
        *,
        element_positions: Any = None,
        anchor: str = "centre",
        trainable: bool | str = False,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        if isinstance(trainable, str):
            checks.one_of("trainable", trainable, ("spacings",))
        self.num_antennas = checks.integer("num_antennas", num_antennas)
        self.wavelength = checks.wavelength("wavelength", wavelength)
        self.anchor = checks.one_of("anchor", anchor, ANCHORS)
        if element_positions is None:
            positions = uniform_positions(num_antennas, 0.5, anchor)
        else:
            metres = checks.vector("element_positions", element_positions, self.num_antennas)
            positions = metres / self.wavelength
        self._index = uniform_positions(self.num_antennas, 1.0, anchor)
        self._by_spacing = trainable == "spacings"
        if self._by_spacing:
            spacings = np.divide(
                positions, self._index, where=self._index != 0, out=0 * positions + 0.5
            )
            moved = self._index * spacings != positions
            if np.any(moved & (self._index == 0)) or (self._ordered and np.any(spacings < 0)):
                raise ValueError(
                    "element_positions must have an element of index 0 at 0, and each other on its "
                    f"side of it, to train 'spacings'; got {list(positions * self.wavelength)}"
                )
            self._places = self._parameter(
                "spacings", spacings, True, OrderedSpacings(anchor, self._ordered)
            )
        else:
            ordered = OrderedPositions(anchor, self._ordered)
            self._places = self._parameter("positions", positions, bool(trainable), ordered)
        self._learned: Any = trainable

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
    def positions(self) -> Any:
        """[num_antennas], `tf.float` : Present element positions [wavelengths]

        The weight of the array, unless spacings are.
        """
        if not self._by_spacing:
            return self._places
        spacings = tf.convert_to_tensor(self._places)
        return spacings * tf.constant(self._index, spacings.dtype)

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
