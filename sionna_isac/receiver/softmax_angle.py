"""Differentiable angle of one target from a single carrier."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sionna_isac.core import (
    Array,
    Complex,
    Real,
    Receiver,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
    sectors,
)
from sionna_isac.receiver.angle_delay import silenced
from sionna_isac.receiver.detector import check_observation
from sionna_isac.receiver.estimate import TargetEstimate

__all__ = ["SoftmaxAngleEstimator"]

OUTSIDE = ("excluded", "literal")


@register
@cites("MateosRamos23")
class SoftmaxAngleEstimator(Receiver):
    r"""Mean angle under a softmax, the model-driven receiver of [MateosRamos23]_.

    .. math::
        \mathbf{g} = \mathrm{softmax}(|\mathbf{A}^H \mathbf{y}| \odot \mathbf{b}), \qquad
        \hat\theta = \mathbf{g}^\top \boldsymbol{\theta}_\text{grid}, \qquad
        \max\{|\mathbf{A}^H \mathbf{y}| \odot \mathbf{b}\} \gtrless \tilde\eta

    Eqs. (13) and (14), with the steering vectors of the grid in :math:`\mathbf{A}` and
    :math:`\mathbf{b} = \beta` inside the sector, 0 outside. Gradients reach the steering vectors
    and the observation.

    :math:`\beta` is an inverse temperature in units of one over the observation: with the
    default :math:`\beta = K` of Eq. (3) the estimator depends on the scale of the data. For
    a noise power of the order of 1 it is nearly the plain maximum (8), with small gradients for
    training; for one of 1e-12 it is nearly the middle of the sector.
    :math:`\beta = 1/\sqrt{N_0}` averages over neighbouring angles at any scale: it is the better
    choice for training, and more accurate with few grid angles.

    By Eq. (13), every grid angle outside the sector has the weight :math:`e^0` relative to
    :math:`e^{\beta|\cdot|}` inside, which moves estimates of weak echoes towards 0 rad. The default
    excludes these angles, which keeps every estimate within the sector.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have, or any layer with its ``steering``
    angle_grid : [num_angles], array_like
        Angles of the grid [rad]
    temperature : `None` (default) | `float`
        Inverse temperature :math:`\beta`; `None` is the number of antennas
    outside : "excluded" (default) | "literal"
        Weight of grid angles outside the sector: 0, or that of Eq. (13)

    Input
    -----
    y : [batch_size, num_antennas] or [batch_size, num_antennas, 1], `tf.complex`
        Observation
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the target [rad]

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates of one target per sample: its angle, and the left-hand side of Eq. (14) as
        ``metric``; NaN (an error in eager mode) where no grid angle lies in the sector, or ``y`` is
        not finite
    """

    def __init__(
        self,
        array: Array,
        angle_grid: Any,
        *,
        temperature: float | None = None,
        outside: str = "excluded",
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.angle_grid = checks.angle_grid("angle_grid", angle_grid)
        self.temperature = (
            None
            if temperature is None
            else checks.real("temperature", temperature, minimum=0, exclusive=True)
        )
        self.outside = checks.one_of("outside", outside, OUTSIDE)

    def call(self, y: Complex, sector: Real) -> TargetEstimate:
        y, sector = check_observation(y, sector, self.array.num_antennas)
        grid = tf.constant(self.angle_grid, self.rdtype)
        inside = sectors.within(self.angle_grid, sector)
        y, finite = silenced(y)
        valid = (sectors.has_angles(inside, sector) & finite)[:, tf.newaxis]
        dictionary = self.cast(self.array.steering(grid))
        matched = linalg.real_rows(y) @ linalg.real_block(tf.linalg.adjoint(dictionary))
        beta = self.array.num_antennas if self.temperature is None else self.temperature
        logits = beta * linalg.safe_abs(*tf.split(matched, 2, -1))
        logits = tf.where(inside, logits, 0.0 if self.outside == "literal" else -float("inf"))
        angle = tf.linalg.matvec(tf.nn.softmax(logits), grid)[:, tf.newaxis]
        nan = tf.cast(float("nan"), self.rdtype)
        metric = tf.reduce_max(logits, -1, keepdims=True)
        return TargetEstimate(tf.where(valid, angle, nan), None, tf.where(valid, metric, nan))
