"""Steering vectors that are free parameters, one for each angle of a grid."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.array.layout import UniformLinearArray
from sionna_isac.core import Array, Real, checks, cites, numpy_rng, plane_wave_array, register

__all__ = ["SteeringDictionary"]


@register
@cites("MateosRamos25", "MateosRamos23")
class SteeringDictionary(Array):
    r"""Steering vectors learned as the columns of a dictionary, for any kind of impairment.

    .. math::
        \mathbf{A} = [\mathbf{a}_1 \dots \mathbf{a}_N] \in \mathbb{C}^{K \times N},\quad
        \mathbf{a}(\theta) = \mathbf{a}_i,\ i = \arg\min_j |\theta - \theta_j|

    The dictionary of Section IV-A of [MateosRamos25]_ and Section IV-B of [MateosRamos23]_: all
    entries are free, no model of the array links one angle to another, so that the columns of
    angles that training never saw stay as they were. A precoder and a receiver that are given the
    same dictionary share its parameters. Between two angles of the grid the nearest one counts
    (the lower one half-way), beyond its ends the last one; the derivative by the angle is 0.

    Parameters
    ----------
    num_antennas : `int`
        Number of elements, :math:`K`
    wavelength : `float`
        Carrier wavelength [m]
    angle_grid : [num_angles], array_like
        Azimuths of the columns [rad], increasing
    columns : `None` (default) | [num_antennas, num_angles], array_like of complex
        Columns to start at; `None` is those of the ideal
        :class:`~sionna_isac.array.UniformLinearArray`. See also :meth:`from_array`.
    trainable : `bool`, (default `True`)
        If `True`, the columns are trained

    Input
    -----
    angle : [...], `tf.float`
        Azimuth from broadside [rad]

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Column of the nearest angle of the grid; NaN where the angle is NaN

    Raises
    ------
    ValueError
        If a size or length is not positive, ``angle_grid`` is not increasing or beyond
        [-pi/2, pi/2], or ``columns`` has the wrong shape or is not finite
    """

    def __init__(
        self,
        num_antennas: int,
        wavelength: float,
        angle_grid: Any,
        *,
        columns: Any = None,
        trainable: bool = True,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_antennas = checks.integer("num_antennas", num_antennas)
        self.wavelength = checks.wavelength("wavelength", wavelength)
        self.angle_grid = checks.angle_grid("angle_grid", angle_grid)
        if columns is None:
            ideal = UniformLinearArray(num_antennas, wavelength, precision=self.precision)
            columns = ideal.steering(self.angle_grid).numpy().T
        values = checks.complexes("columns", columns)
        wanted = (self.num_antennas, self.angle_grid.size)
        if values.shape != wanted:
            raise ValueError(
                f"columns must have shape {list(wanted)} [num_antennas, num_angles]; "
                f"got shape {list(values.shape)}"
            )
        self._learned = bool(trainable)
        # a row for each angle, as they are gathered
        self._real = self._parameter("real", values.real.T)
        self._imag = self._parameter("imag", values.imag.T)
        self._middles = (self.angle_grid[1:] + self.angle_grid[:-1]) / 2

    def _parameter(self, name: str, value: np.ndarray) -> keras.Variable:
        return self.add_weight(
            shape=value.shape,
            initializer=lambda shape, dtype=None: tf.cast(value, dtype or self.rdtype),
            dtype=self.rdtype.name,
            trainable=self._learned,
            name=name,
        )

    @classmethod
    def from_array(
        cls,
        array: Array,
        angle_grid: Any,
        *,
        perturbation: float = 0.0,
        trainable: bool = True,
        precision: str | None = None,
        **kwargs: Any,
    ) -> SteeringDictionary:
        r"""Dictionary that starts at the steering vectors of another array.

        Parameters
        ----------
        array : :class:`~sionna_isac.core.Array`
            Array of plane waves
        angle_grid : [num_angles], array_like
            Azimuths of the columns [rad]
        perturbation : `float`, (default 0)
            Variance :math:`\sigma^2` of circularly-symmetric noise
            :math:`\mathcal{CN}(0, \sigma^2)` that is added to each entry, drawn from Sionna's
            NumPy generator. Section V-A of [MateosRamos23]_ prints
            :math:`n \sim \mathcal{N}(0, 0.1)`; that is 0.1 here, half of it in either part.
        trainable, precision
            See above

        Output
        ------
        : :class:`SteeringDictionary`
        """
        angle_grid = checks.angle_grid("angle_grid", angle_grid)
        variance = checks.real("perturbation", perturbation, minimum=0)
        columns = plane_wave_array("array", array).steering(angle_grid).numpy().T
        if variance:
            re, im = numpy_rng().normal(0.0, np.sqrt(variance / 2), (2, *columns.shape))
            columns = columns + re + 1j * im
        return cls(
            array.num_antennas,
            array.wavelength,
            angle_grid,
            columns=columns,
            trainable=trainable,
            precision=precision,
            **kwargs,
        )

    @property
    def columns(self) -> np.ndarray:
        """[num_antennas, num_angles], `np.complex128` : Present columns"""
        re, im = (part.numpy().astype(np.float64) for part in (self._real, self._imag))
        return (re + 1j * im).T

    @property
    def num_parameters(self) -> int:
        """`int` : Number of complex parameters, :math:`K N`"""
        return self.num_antennas * self.angle_grid.size

    def call(self, angle: Real) -> tf.Tensor:
        checks.azimuth("angle", angle)
        rows = tf.complex(tf.convert_to_tensor(self._real), tf.convert_to_tensor(self._imag))
        if self._is_grid(angle):
            return rows
        middles = tf.constant(self._middles, self.rdtype)
        index = tf.searchsorted(middles, tf.reshape(angle, [-1]))
        steering = tf.gather(rows, tf.reshape(index, tf.shape(angle)))
        nan = tf.constant(complex(np.nan, np.nan), self.cdtype)
        return tf.where(tf.math.is_nan(angle)[..., tf.newaxis], nan, steering)

    def _is_grid(self, angle: tf.Tensor) -> bool:
        """`True` if each column is asked for once, as by precoders: no gather then."""
        if angle.shape != self.angle_grid.shape:
            return False
        values = tf.get_static_value(angle)  # also of a constant in a graph
        return values is not None and np.array_equal(
            np.searchsorted(self._middles, values), np.arange(values.size)
        )

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments; the columns are the present ones."""
        config = super().get_config()
        config["trainable"] = self._learned
        return config
