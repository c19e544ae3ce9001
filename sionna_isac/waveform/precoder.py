"""Beams for angular sectors, and their combination for sensing and communication."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import (
    Array,
    Complex,
    Layer,
    Real,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
    sectors,
)

__all__ = ["LeastSquaresPrecoder", "MultibeamPrecoder"]


@register
@cites("MateosRamos25")
class LeastSquaresPrecoder(Layer):
    r"""Beam whose pattern is the least-squares fit to a sector, Eq. (6), (7) of [MateosRamos25]_.

    .. math::
        \mathbf{f} \propto \left(\mathbf{A}^*\mathbf{A}^\top + \varepsilon\,\bar{d}\,\mathbf{I}
        \right)^{-1}\mathbf{A}^*\mathbf{b}, \quad \|\mathbf{f}\| = 1

    with the steering vectors of the grid in :math:`\mathbf{A}`, the sector's indicator in
    :math:`\mathbf{b}` and the mean :math:`\bar{d}` of the diagonal of
    :math:`\mathbf{A}^*\mathbf{A}^\top`. The paper has :math:`\varepsilon = 0`, which fails for
    arrays with nearly coinciding elements, and for fewer angles than antennas. The matrix is
    factored once for all sectors.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the transmitter believes to have; gradients reach its parameters
    angle_grid : [num_angles], array_like
        Angles at which the pattern is fitted [rad]
    regularization : `float`, (default 1e-2)
        :math:`\varepsilon`

    Input
    -----
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the sector [rad]

    Output
    ------
    : [batch_size, num_antennas], `tf.complex`
        Beams of unit norm; NaN (an error in eager mode) where no grid angle lies in the sector,
        and for a matrix that is singular to the precision of the layer

    Raises
    ------
    ValueError
        If ``regularization`` is 0 and ``angle_grid`` has fewer angles than the array has antennas
    """

    def __init__(
        self,
        array: Array,
        angle_grid: Any,
        *,
        regularization: float = 1e-2,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.angle_grid = checks.angle_grid("angle_grid", angle_grid)
        self.regularization = checks.real("regularization", regularization, minimum=0)
        if self.regularization == 0 and len(self.angle_grid) < array.num_antennas:
            raise ValueError(
                f"angle_grid must have at least {array.num_antennas} angles, as many as the array "
                f"has antennas, or regularization be > 0; got {len(self.angle_grid)} angles"
            )

    def _normal_matrix(self, dictionary: tf.Tensor) -> tf.Tensor:
        gram = linalg.matmul(tf.linalg.adjoint(dictionary), dictionary)
        level = tf.reduce_mean(tf.linalg.diag_part(gram))
        loading = tf.constant(self.regularization, self.cdtype) * level
        return gram + loading * tf.eye(dictionary.shape[-1], dtype=self.cdtype)

    def _regular(self, matrix: tf.Tensor) -> tf.Tensor:
        """`True` for a matrix that can be inverted; an error in eager mode otherwise."""
        size = matrix.shape[-1]
        least = 2 * size * np.finfo(self.rdtype.as_numpy_dtype).eps
        # more than the rounding of the largest eigenvalue, which is at most the trace
        if self.regularization > 2 * least:
            return tf.constant(True)
        # a real matrix: XLA has no eigenvalues of complex ones
        values = tf.linalg.eigvalsh(linalg.real_block(tf.stop_gradient(matrix)))
        ratio = values[0] / values[-1]
        if tf.executing_eagerly() and not bool(ratio > least):
            raise ValueError(
                f"regularization must be larger for this array and angle_grid: the matrix is "
                f"singular (ratio of eigenvalues {float(ratio):.1g}; it must exceed {least:.1g}); "
                f"got {self.regularization:g}"
            )
        return ratio > least

    def condition_number(self) -> float:
        """Condition number of the inverted matrix; a large one makes poor beams."""
        dictionary = self.cast(self.array.steering(self.angle_grid))
        return float(np.linalg.cond(self._normal_matrix(dictionary).numpy()))

    def call(self, sector: Real) -> tf.Tensor:
        sector = checks.sector("sector", sector)
        inside = sectors.within(self.angle_grid, sector)
        valid = sectors.has_angles(inside, sector)
        grid = tf.constant(self.angle_grid, self.rdtype)
        dictionary = self.cast(self.array.steering(grid))
        pattern = tf.cast(inside, self.rdtype)
        rhs = tf.complex(pattern @ tf.math.real(dictionary), -(pattern @ tf.math.imag(dictionary)))
        matrix = self._normal_matrix(dictionary)
        regular = self._regular(matrix)
        # a factorisation that fails would stop a graph
        matrix = tf.where(regular, matrix, tf.eye(matrix.shape[-1], dtype=self.cdtype))
        beams = tf.transpose(linalg.hermitian_solve(matrix, tf.transpose(rhs)))
        return _scaled(beams, _energy(beams), 1.0, regular & valid[:, tf.newaxis])


@register
@cites("MateosRamos25", "Zhang18")
class MultibeamPrecoder(Layer):
    r"""Beam between a sensing and a communication beam, Eq. (5) of [MateosRamos25]_.

    .. math::
        \mathbf{f}(\eta, \phi) = \sqrt{P}\, \frac{\sqrt{\eta}\,\mathbf{f}_r +
        \sqrt{1-\eta}\, e^{j\phi}\, \mathbf{f}_c}{\|\sqrt{\eta}\,\mathbf{f}_r +
        \sqrt{1-\eta}\, e^{j\phi}\, \mathbf{f}_c\|}

    Parameters
    ----------
    power : `float`, (default 1)
        Transmit power :math:`P` [W]

    Input
    -----
    sensing : [batch_size, num_antennas], `tf.complex`
        Sensing beam :math:`\mathbf{f}_r`
    communication : [batch_size, num_antennas], `tf.complex`
        Communication beam :math:`\mathbf{f}_c`; a batch of 1 of either beam is broadcast
    eta : [...], `tf.float`
        Share :math:`\eta \in [0, 1]` of the sensing beam, scalar or [batch_size]
    phi : [...], `tf.float`, (default 0)
        Phase :math:`\phi` between the beams [rad], scalar or [batch_size]

    Output
    ------
    : [batch_size, num_antennas], `tf.complex`
        Beams of squared norm ``power``; NaN (an error in eager mode) where the two parts cancel
        to the precision of the layer
    """

    def __init__(self, power: float = 1.0, *, precision: str | None = None, **kwargs: Any) -> None:
        super().__init__(precision=precision, **kwargs)
        self.power = checks.real("power", power, minimum=0, exclusive=True)

    def call(
        self, sensing: Complex, communication: Complex, eta: Real, phi: Real = 0.0
    ) -> tf.Tensor:
        checks.rank("sensing", sensing, 2, "[batch_size, num_antennas]")
        batch_size = (
            None if sensing.shape[0] == 1 or communication.shape[0] == 1 else sensing.shape[0]
        )
        wanted = [batch_size, sensing.shape[1]]
        checks.shape("communication", communication, wanted, "as sensing has, or a batch of 1")
        phi = self.cast(phi, Real, "phi")  # the default is not
        size = communication.shape[0] if sensing.shape[0] == 1 else sensing.shape[0]
        for name, value in (("eta", eta), ("phi", phi)):
            checks.rank(name, value, (0, 1), "(scalar or [batch_size])")
            if value.shape.rank == 1 and size != 1 and value.shape[0] != 1:
                checks.shape(name, value, [size], "[batch_size], or be a scalar")
        if tf.executing_eagerly() and not bool(tf.reduce_all((eta >= 0) & (eta <= 1))):
            raise ValueError(f"eta must lie within [0, 1]; got {eta.numpy()}")
        first = linalg.to_complex(tf.sqrt(eta))[..., tf.newaxis]
        rest = tf.sqrt(1 - eta)
        second = (linalg.to_complex(rest) * linalg.expj(phi))[..., tf.newaxis]
        sensing, communication = first * sensing, second * communication
        # in units of the largest entry, energies stay within the range of single precision
        unit = tf.stop_gradient(tf.maximum(_largest(sensing), _largest(communication)))
        inverse = linalg.to_complex(1 / tf.where(tf.equal(unit, 0), tf.ones_like(unit), unit))
        sensing, communication = sensing * inverse, communication * inverse
        beam = sensing + communication
        energy, parts = _energy(beam), _energy(sensing) + _energy(communication)
        # beams that cancel leave rounding errors of both
        cancelled = energy <= (32 * np.finfo(self.rdtype.as_numpy_dtype).eps) ** 2 * parts
        if tf.executing_eagerly() and bool(tf.reduce_any(cancelled)):
            sample = int(tf.where(cancelled[:, 0])[0, 0])
            left = float(tf.sqrt(tf.math.divide_no_nan(energy, parts))[sample, 0])
            raise ValueError(
                "sensing and communication must not cancel (or be 0); with these eta and phi "
                f"sample {sample} keeps {left:.1g} of their amplitude"
            )
        return _scaled(beam, energy, self.power, ~cancelled)


def _energy(beam: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.math.real(beam) ** 2 + tf.math.imag(beam) ** 2, -1, keepdims=True)


def _scaled(beam: tf.Tensor, energy: tf.Tensor, power: float, valid: tf.Tensor) -> tf.Tensor:
    """Beams of this power; NaN where not valid, which reaches no gradient."""
    scale = tf.sqrt(power / tf.where(valid, energy, tf.ones_like(energy)))
    nan = tf.constant(complex(np.nan, np.nan), beam.dtype)
    return tf.where(valid, beam * linalg.to_complex(scale), nan)


def _largest(beam: tf.Tensor) -> tf.Tensor:
    parts = tf.maximum(tf.abs(tf.math.real(beam)), tf.abs(tf.math.imag(beam)))
    return tf.reduce_max(parts, -1, keepdims=True)
