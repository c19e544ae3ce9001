"""Receiver that focuses first, and classifies and corrects what it sees with a small network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import Complex, HeUniform, Layer, Real, checks, cites, register
from sionna_isac.receiver._channel import observe
from sionna_isac.receiver._peak import find_peak
from sionna_isac.receiver.matched_filter import NearFieldMatchedFilter
from sionna_isac.receiver.nn._parts import convolution, dense
from sionna_isac.receiver.nn.localization_heads import Clipping, LocalizerOutput
from sionna_isac.receiver.search_grid import SearchGrid

__all__ = ["FocusedLocalizer", "FocusedPatch"]

NUM_FEATURES = 4
# Logarithms of smaller magnitudes, relative to the peak, say nothing of a target
FLOOR = 1e-3
# Errors that log-variances start with [m], in half turns
RANGE_ERROR, AZIMUTH_ERROR = 1.0, 0.05


class FocusedPatch(NamedTuple):
    """Focused image around the strongest place of a channel.

    Attributes
    ----------
    features : [batch_size, patch_size, patch_size, 4], `tf.float`
        Magnitude, its logarithm, real and imaginary part, all over the largest value of the patch;
        the cross range is along the second axis, the range along the third
    angle : [batch_size], `tf.float`
        Azimuth of the middle of the patch [rad]
    range : [batch_size], `tf.float`
        Range of the middle of the patch [m]
    """

    features: tf.Tensor
    angle: tf.Tensor
    range: tf.Tensor


@register
@cites("Zhao26")
class FocusedLocalizer(Layer):
    r"""Class, range and azimuth of a target from the focused image of its channel.

    The coherent matched filter with spherical waves (:class:`NearFieldMatchedFilter`) finds the
    strongest place :math:`(\rho_0, \theta_0)`, and focuses again on a patch of square cells around
    it. The patch, with the range and direction of its middle, goes through three convolutions with
    pooling and a hidden layer, whose outputs :math:`\mathbf{z}` are the logits of the classes, the
    offset of the target's centre along the range and across it, and log-variances:

    .. math::
        \hat r = \rho_0 + z_r\,[\mathrm{m}], \qquad \hat\theta = \theta_0 + z_\theta / \rho_0

    The search has no gradient; that of the estimates reaches the network and, through the patch,
    the channel. The output has no ``peak``: leave the term "peak" out of the losses.

    Parameters
    ----------
    frequencies : [num_frequencies], array_like
        Frequencies of the tones [Hz]
    tx_positions, rx_positions : [num_tx, 3], [num_rx, 3], array_like
        Positions of transmit and receive antennas [m]
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Azimuths and ranges of the search
    num_classes : `int`, (default 2)
        Number of classes
    height : `float`, (default 0)
        z of the plane that is focused on [m]
    patch_size : `int`, (default 31)
        Number of cells of the patch along each side, odd
    cell : `float`, (default 0.5)
        Side of a cell [m]
    filters : sequence of `int`, (default (16, 32, 32))
        Channels of the convolutions
    hidden_size : `int`, (default 64)
        Width of the hidden layer
    log_variance_interval : (`float`, `float`), (default (-16, 8))
        Interval of the log-variances, clipped as in :class:`LocalizationHeads`

    Input
    -----
    h : [batch_size, num_frequencies, num_rx, num_tx], `tf.complex`
        Channel, at any scale

    Output
    ------
    : :class:`LocalizerOutput`
        Estimates; NaN (an error in eager mode) where ``h`` is not finite, or zero

    Raises
    ------
    TypeError, ValueError
        As :class:`NearFieldMatchedFilter`, or if ``patch_size`` is even

    Example
    -------
    >>> receiver = isac.receiver.FocusedLocalizer(frequencies, tx, rx, grid)
    >>> patches = receiver.focus(h)  # once, for all epochs of a training
    >>> receiver.estimate(*patches).range
    """

    def __init__(
        self,
        frequencies: Any,
        tx_positions: Any,
        rx_positions: Any,
        grid: SearchGrid,
        *,
        num_classes: int = 2,
        height: float = 0.0,
        patch_size: int = 31,
        cell: float = 0.5,
        filters: Sequence[int] = (16, 32, 32),
        hidden_size: int = 64,
        log_variance_interval: tuple[float, float] = (-16.0, 8.0),
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self._filter = NearFieldMatchedFilter(
            frequencies, tx_positions, rx_positions, grid, height=height, precision=self.precision
        )
        for name in ("frequencies", "tx_positions", "rx_positions", "grid", "height"):
            setattr(self, name, getattr(self._filter, name))
        self.num_classes = checks.integer("num_classes", num_classes, minimum=2)
        self.patch_size = checks.integer("patch_size", patch_size, minimum=3)
        if self.patch_size % 2 == 0:
            raise ValueError(f"patch_size must be odd, to have a middle; got {patch_size}")
        self.cell = checks.real("cell", cell, minimum=0, exclusive=True)
        self.filters = checks.integers("filters", filters)
        self.hidden_size = checks.integer("hidden_size", hidden_size)
        start = [2 * math.log(RANGE_ERROR), 2 * math.log(AZIMUTH_ERROR)]
        self._clip = Clipping(log_variance_interval, start, "an error of 1 m")
        self.log_variance_interval = self._clip.interval
        kind = self.rdtype.name
        channels = (NUM_FEATURES, *self.filters)
        self.convolutions = [convolution(a, b, 3, kind) for a, b in itertools.pairwise(channels)]
        side = self.patch_size
        for _ in self.filters:
            side = -(-side // 2)
        self.hidden = dense(side**2 * channels[-1] + 3, self.hidden_size, kind, activation="relu")
        small = {"kernel_initializer": HeUniform(0.1)}
        self.heads = dense(self.hidden_size, self.num_classes + 4, kind, **small)
        self.heads.bias.assign(np.r_[np.zeros(self.num_classes + 2), self._clip.bias])

    def call(self, h: Complex) -> LocalizerOutput:
        return self.estimate(*self._patch(h))

    def focus(self, h: Any) -> FocusedPatch:
        """Focused image around the strongest place of a channel, see :class:`FocusedPatch`."""
        return self._patch(self.cast(h, Complex, "h"))

    def _patch(self, h: tf.Tensor) -> FocusedPatch:
        shape = [None, self.frequencies.size, len(self.rx_positions), len(self.tx_positions)]
        h, valid = observe(h, shape)
        best = find_peak(self._filter.image(tf.stop_gradient(h)))
        angle = tf.gather(tf.constant(self.grid.angles, tf.float64), best.row)
        distance = tf.gather(tf.constant(self.grid.ranges, tf.float64), best.column)
        offset = self.cell * (np.arange(self.patch_size) - self.patch_size // 2)
        # cells before the array would lie behind it
        ranges = tf.maximum(distance[:, tf.newaxis] + offset, self.cell)
        angles = angle[:, tf.newaxis] + offset / distance[:, tf.newaxis]
        angles = tf.clip_by_value(angles, -math.pi, math.pi)
        sums = self._filter.focus(h, angles, ranges)
        features = self._features(sums)
        features = tf.where(valid[:, *[tf.newaxis] * 3], features, float("nan"))
        return FocusedPatch(features, tf.cast(angle, self.rdtype), tf.cast(distance, self.rdtype))

    def _features(self, sums: tf.Tensor) -> tf.Tensor:
        """Magnitude, logarithm, real and imaginary part of a patch over its largest value."""
        flat = tf.reshape(sums, [-1, self.patch_size**2])
        energy = tf.math.real(flat * tf.math.conj(flat))
        largest = tf.gather(flat, tf.argmax(energy, -1, tf.int32), batch_dims=1)
        silent = tf.equal(largest, 0)
        largest = tf.where(silent, tf.ones_like(largest), largest)
        ratio = sums / largest[:, tf.newaxis, tf.newaxis]
        re, im = tf.math.real(ratio), tf.math.imag(ratio)
        square = re**2 + im**2 + FLOOR**2
        return tf.stack([tf.sqrt(square), tf.math.log(square) / 2, re, im], -1)

    def estimate(self, features: Real, angle: Real, range: Real) -> LocalizerOutput:
        """Estimates from patches that were focused before, :class:`FocusedPatch`.

        Parameters
        ----------
        features : [batch_size, patch_size, patch_size, 4], `tf.float`
            Patches
        angle, range : [batch_size], `tf.float`
            Their middles [rad, m]

        Output
        ------
        : :class:`LocalizerOutput`
            Estimates
        """
        features, angle, range = (self.cast(v, Real) for v in (features, angle, range))
        side = self.patch_size
        checks.shape("features", features, [None, side, side, NUM_FEATURES])
        for name, value in (("angle", angle), ("range", range)):
            checks.shape(name, value, [features.shape[0]], "[batch_size]")
        finite = tf.reduce_all(tf.math.is_finite(features), [1, 2, 3])
        value = tf.where(finite[:, *[tf.newaxis] * 3], features, tf.zeros_like(features))
        for layer in self.convolutions:
            value = tf.nn.max_pool2d(tf.nn.relu(layer(value)), 2, 2, "SAME")
        place = tf.stack([range / 50.0, tf.sin(angle), tf.cos(angle)], -1)
        size = self.hidden.kernel.shape[0] - 3
        value = self.hidden(tf.concat([tf.reshape(value, [-1, size]), place], -1))
        z = tf.where(finite[:, tf.newaxis], self.heads(value), float("nan"))
        logits, z = z[:, : self.num_classes], z[:, self.num_classes :]
        clipped = self._clip(z[:, 2:])
        azimuth = angle + z[:, 1] / range
        return LocalizerOutput(
            logits=logits,
            range=range + z[:, 0],
            azimuth=azimuth,
            log_var_range=clipped[:, 0],
            log_var_azimuth=clipped[:, 1],
            direction=tf.stack([tf.sin(azimuth), tf.cos(azimuth)], -1),
        )

    @staticmethod
    def mirrored(patch: FocusedPatch) -> FocusedPatch:
        """Patches of mirrored scenes: for an array that is symmetric in y, more data."""
        return FocusedPatch(patch.features[:, ::-1], -patch.angle, patch.range)
