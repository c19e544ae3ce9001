"""Target estimates from networks on the angle-delay map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sionna_isac.core import Array, Complex, Real, Receiver, checks, cites, linalg, register
from sionna_isac.receiver.angle_delay import AngleDelayReceiver, correlate, spread
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.receiver.nn.angle_delay_network import AngleDelayNetwork
from sionna_isac.receiver.search_grid import SearchGrid
from sionna_isac.waveform import Numerology

__all__ = ["NeuralReceiver"]


@register
@cites("MateosRamos25")
class NeuralReceiver(AngleDelayReceiver, Receiver):
    r"""Receiver of neural-network-based learning, Appendix A of [MateosRamos25]_.

    Three networks share one angle-delay map: for angles, which also gets the edges of the
    sector, for ranges, which gets the edges of the range region, and for the probability of each
    target, which gets both. Their last functions are (Table II)

    .. math::
        \hat\theta = \tfrac{\pi}{2}\tanh z_\theta,\quad
        \hat R = R_\mathrm{max}\, \mathrm{ReLU}(z_R),\quad
        \hat u = 1 / (1 + e^{-z_u}).

    The paper does not state the scaling of inputs. Here the map enters as
    :math:`\ln(1 + |\mathbf{a}^H \tilde{\mathbf{Y}} \boldsymbol{\rho}^*| / \sqrt{K S N_0})`, in
    which noise is of the order of 1, and strong and weak targets are of the same order; angles
    enter as shares of 90°, ranges as shares of :math:`R_\mathrm{max}`. The initial range is the
    middle of its region.

    The grid of angles may cover the sector of each sample, as in Section III-B ("depending on the
    region of interest"), or all angles, like that of the beams. With a grid over the sector,
    networks learn angles from much fewer samples, and 32 angles and 64 ranges resolve the map.

    For the two-step training of the paper, ``locate`` needs the networks for angle and range
    only and ``detection_logits`` only the other one, whose logits suit a cross entropy.
    Gradients reach the observation (hence the transmitter) through the map.

    Memory in training is three times that of :class:`AngleDelayNetwork`.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array of the map: the nominal one
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Angles of the map, a number in the sector of each sample (320 in the paper) or a grid for
        all samples, and its ranges from :math:`R_\mathrm{min}` to :math:`R_\mathrm{max}` (128 in
        the paper)
    max_targets : `int`, (default 1)
        Number of outputs of each network; the paper states the networks for 1
    filters : sequence of `int`, (default (8, 16, 32, 64, 128, 256, 512))
        Channels of the convolutions, see :class:`AngleDelayNetwork`
    pool_size : `int`, (default 2)
        Size of the maximum pooling
    hidden : `None` (default) | sequence of `int`
        Neurons of the hidden layers; `None` takes (4K, 4K)
    no : `None` (default) | `float`
        :math:`N_0` [W], which scales the map

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Observation after reciprocal filtering or its projection on ``basis``
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the sector [rad]
    no : `None` (default) | [...], `tf.float`
        :math:`N_0` [W] of this call, in place of that of the constructor: above 0, a number or
        [batch_size]
    training : `bool`, (default `False`)
        If `True`, statistics of the batch normalise, and update those kept for inference

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates, with the probabilities as metric, in descending order, and without gains
    """

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        max_targets: int = 1,
        filters: Sequence[int] = (8, 16, 32, 64, 128, 256, 512),
        pool_size: int = 2,
        hidden: Sequence[int] | None = None,
        no: float | None = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(array, numerology, grid, precision=precision, **kwargs)
        self.max_targets = checks.integer("max_targets", max_targets)
        self.filters = checks.integers("filters", filters)
        self.pool_size = checks.integer("pool_size", pool_size)
        hidden = 2 * (4 * self.array.num_antennas,) if hidden is None else hidden
        self.hidden = checks.integers("hidden", hidden)
        self.no = None if no is None else checks.real("no", no, minimum=0, exclusive=True)
        nearest, farthest = float(self.ranges[0]), float(self.ranges[-1])
        self._edges = (nearest / farthest, 1.0)
        self.angle_network = self._network(2)
        self.range_network = self._network(2, sum(self._edges) / 2)
        self.detection_network = self._network(4)

    def _network(self, num_priors: int, output_bias: float = 0.0) -> AngleDelayNetwork:
        return AngleDelayNetwork(
            (self.grid.num_angles, self.grid.num_ranges),
            num_priors=num_priors,
            hidden=self.hidden,
            num_outputs=self.max_targets,
            filters=self.filters,
            pool_size=self.pool_size,
            output_bias=output_bias,
            precision=self.precision,
        )

    def features(self, y: tf.Tensor, sector: tf.Tensor, no: Any = None) -> tf.Tensor:
        """Scaled angle-delay map [batch_size, num_angles, num_ranges] that the networks share.

        The arguments are those of the layer.
        """
        sector = self.cast(sector, Real, "sector")
        z, finite = self._observe(self.cast(y, Complex, "y"))
        sector = checks.sector("sector", sector, z.shape[0])
        no = self.no if no is None else no
        if no is None:
            raise ValueError(
                "the map is scaled by the noise: give no to the constructor or to the call; "
                "got None"
            )
        size = self.array.num_antennas * self.numerology.num_active
        grid = self.grid.angles
        angles = spread(sector, grid) if isinstance(grid, int) else self.cast(grid)
        product = correlate(self.cast(self.array.steering(angles)), z, self.basis)
        magnitude = linalg.safe_abs(tf.math.real(product), tf.math.imag(product))
        no = checks.noise_power(self.cast(no, Real, "no"), z, positive=True, per_sample=True)
        valid = tf.reshape(finite, [-1, 1, 1]) & (no > 0) & tf.math.is_finite(no)
        features = tf.math.log1p(magnitude * tf.math.rsqrt(size * tf.where(valid, no, 1.0)))
        return tf.where(valid, features, float("nan"))

    def locate(
        self, features: tf.Tensor, sector: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Angles [rad] and ranges [m], each [batch_size, max_targets], from ``features``."""
        angles, ranges = self._priors(sector)
        angle = self.angle_network(features, angles, training=training)
        distance = self.range_network(features, ranges, training=training)
        # a rectifier makes 0 of NaN
        distance = tf.where(tf.math.is_nan(distance), distance, tf.nn.relu(distance))
        return math.pi / 2 * tf.tanh(angle), float(self.ranges[-1]) * distance

    def detection_logits(
        self, features: tf.Tensor, sector: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Logits [batch_size, max_targets] of the probabilities, from ``features``."""
        priors = tf.concat(self._priors(sector), -1)
        return self.detection_network(features, priors, training=training)

    def _priors(self, sector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        angles = checks.sector("sector", self.cast(sector)) / (math.pi / 2)
        edges = tf.constant(self._edges, self.rdtype)
        return angles, tf.where(tf.math.is_nan(angles), angles, edges)

    def call(
        self,
        y: Complex,
        sector: Real,
        no: Real | None = None,
        training: bool = False,
    ) -> TargetEstimate:
        features = self.features(y, sector, no)
        angle, distance = self.locate(features, sector, training)
        logits = self.detection_logits(features, sector, training)
        # the first positions are those of few targets: so must be the largest probabilities
        return TargetEstimate(angle, distance, tf.sort(tf.sigmoid(logits), -1, "DESCENDING"))
