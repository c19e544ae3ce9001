"""Focused images around the strongest places of a channel, as maps for networks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import Complex, Layer, checks, cites, register
from sionna_isac.receiver._channel import observe, root
from sionna_isac.receiver._peak import find_peak
from sionna_isac.receiver.matched_filter import NearFieldMatchedFilter
from sionna_isac.receiver.search_grid import SearchGrid

__all__ = ["NUM_FEATURES", "NUM_PLACE", "FocusedMaps", "FocusedPatch"]

NUM_FEATURES = 4
NUM_PLACE = 5
# Logarithms of smaller magnitudes, relative to the peak, say nothing of a target
FLOOR = 1e-3


class FocusedPatch(NamedTuple):
    """Focused images around the strongest places of a channel, the candidates.

    Attributes
    ----------
    features : [batch_size, num_candidates, patch_size, patch_size, 4], `tf.float`
        Magnitude, its logarithm, real and imaginary part, all over the largest value of the patch;
        the cross range is along the third axis, the range along the fourth
    angle : [batch_size, num_candidates], `tf.float`
        Azimuth of the middle of each patch [rad]
    range : [batch_size, num_candidates], `tf.float`
        Range of the middle of each patch [m]
    strength : [batch_size, num_candidates], `tf.float`
        Value of the matched filter there, within [0, 1] and in descending order: the share of the
        channel that is the echo of this place
    """

    features: Any
    angle: Any
    range: Any
    strength: Any

    def place(self) -> tf.Tensor:
        """Numbers of order 1 that tell each candidate's place and strength, [..., 5]."""
        strength = tf.maximum(self.strength, FLOOR)
        relative = strength / tf.maximum(strength[:, :1], FLOOR)
        parts = (
            self.range / 50.0,
            tf.sin(self.angle),
            tf.cos(self.angle),
            tf.math.log(strength),
            tf.math.log(relative),
        )
        return tf.stack(parts, -1)

    def maps(self) -> tf.Tensor:
        """Features, and :meth:`place` in each cell, [..., patch_size, patch_size, 9]."""
        place = self.place()[:, :, tf.newaxis, tf.newaxis]
        place = tf.broadcast_to(place, [*tf.unstack(tf.shape(self.features))[:4], NUM_PLACE])
        return tf.concat([self.features, place], -1)

    def mirrored(self) -> FocusedPatch:
        """Patches of mirrored scenes: for an array that is symmetric in y, more data."""
        return self._replace(features=self.features[:, :, ::-1], angle=-self.angle)


@register
@cites("Zhao26")
class FocusedMaps(Layer):
    r"""Images of the matched filter with spherical waves around the strongest places.

    The image of :class:`NearFieldMatchedFilter` on a grid gives the strongest place, then the
    strongest one that is ``separation`` or more away from it, and so on: aliases and side lobes may
    be stronger than the target. Around each candidate :math:`(\rho_0, \theta_0)` the channel is
    focused again on square cells of the side :math:`a`,

    .. math::
        \rho_i = \rho_0 + a i, \quad \theta_j = \theta_0 + a j / \rho_0, \quad
        |i|, |j| \leq (N - 1)/2 .

    The search has no gradient; the features have one with respect to the channel.

    As ``front_end`` of :class:`CrossTaskLocalizer`, candidates take the place of tones, and its
    estimates are relative to the strongest candidate.

    Parameters
    ----------
    frequencies : [num_frequencies], array_like
        Frequencies of the tones [Hz]
    tx_positions, rx_positions : [num_tx, 3], [num_rx, 3], array_like
        Positions of transmit and receive antennas [m]
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Azimuths and ranges of the search
    height : `float`, (default 0)
        z of the plane that is focused on [m]
    num_candidates : `int`, (default 4)
        Number of candidates
    separation : `float`, (default 4)
        Smallest distance between candidates [m]; where the grid has no place left, its first one
        follows with strength 0
    patch_size : `int`, (default 27)
        Number of cells of the patch along each side :math:`N`, odd
    cell : `float`, (default 0.5)
        Side of a cell :math:`a` [m]

    Attributes
    ----------
    out_channels : `int`
        Number of channels of :meth:`FocusedPatch.maps`, 9

    Input
    -----
    h : [batch_size, num_frequencies, num_rx, num_tx], `tf.complex`
        Channel, at any scale

    Output
    ------
    : :class:`FocusedPatch`
        Patches; NaN (an error in eager mode) where ``h`` is not finite, or zero

    Raises
    ------
    TypeError, ValueError
        As :class:`NearFieldMatchedFilter`, or if ``patch_size`` is even
    """

    out_channels = NUM_FEATURES + NUM_PLACE

    def __init__(
        self,
        frequencies: Any,
        tx_positions: Any,
        rx_positions: Any,
        grid: SearchGrid,
        *,
        height: float = 0.0,
        num_candidates: int = 4,
        separation: float = 4.0,
        patch_size: int = 27,
        cell: float = 0.5,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self._filter = NearFieldMatchedFilter(
            frequencies, tx_positions, rx_positions, grid, height=height, precision=self.precision
        )
        for name in ("frequencies", "tx_positions", "rx_positions", "grid", "height"):
            setattr(self, name, getattr(self._filter, name))
        self.num_candidates = checks.integer("num_candidates", num_candidates)
        self.separation = checks.real("separation", separation, minimum=0, exclusive=True)
        self.patch_size = checks.integer("patch_size", patch_size, minimum=3)
        if self.patch_size % 2 == 0:
            raise ValueError(f"patch_size must be odd, to have a middle; got {patch_size}")
        self.cell = checks.real("cell", cell, minimum=0, exclusive=True)

    def call(self, h: Complex) -> FocusedPatch:
        shape = [None, self.frequencies.size, len(self.rx_positions), len(self.tx_positions)]
        h, valid = observe(h, shape)
        angle, distance, found = self._candidates(self._filter.image(tf.stop_gradient(h)))
        offset = self.cell * (np.arange(self.patch_size) - self.patch_size // 2)
        angles, ranges = (tf.reshape(v, [-1, 1]) for v in (angle, distance))
        angles = tf.clip_by_value(angles + offset / ranges, -math.pi, math.pi)
        # cells before the array would lie behind it
        ranges = tf.maximum(ranges + offset, self.cell)
        sums = self._filter.focus(tf.repeat(h, self.num_candidates, 0), angles, ranges)
        shape = [-1, self.num_candidates, *[self.patch_size] * 2, NUM_FEATURES]
        features = tf.reshape(self._features(sums), shape)
        features = tf.where(valid[:, *[tf.newaxis] * 4], features, float("nan"))
        # the value of the image, now with a gradient
        middle = sums[:, self.patch_size // 2, self.patch_size // 2]
        energy = tf.math.real(middle * tf.math.conj(middle)) / math.prod(h.shape[1:])
        energy = tf.reshape(energy, [-1, self.num_candidates])
        strength = root(tf.where(found, energy, tf.zeros_like(energy)))
        of_candidates = (
            tf.where(valid[:, tf.newaxis], tf.cast(v, self.rdtype), float("nan"))
            for v in (angle, distance, strength)
        )
        return FocusedPatch(features, *of_candidates)

    def _candidates(self, image: tf.Tensor) -> list[tf.Tensor]:
        """Azimuth and range of the strongest places, and if there is one.

        All are [batch_size, num_candidates].
        """
        axes = tf.constant(self.grid.angles, tf.float64), tf.constant(self.grid.ranges, tf.float64)
        x, y = (f(axes[0])[:, tf.newaxis] * axes[1] for f in (tf.cos, tf.sin))
        found = []
        for _ in range(self.num_candidates):
            peak = find_peak(image)
            angle, distance = (
                tf.gather(axis, index) for axis, index in zip(axes, peak[:2], strict=True)
            )
            found.append((angle, distance, peak.value > 0))
            across, along = (
                cells - (distance * f(angle))[:, tf.newaxis, tf.newaxis]
                for cells, f in ((x, tf.cos), (y, tf.sin))
            )
            near = across**2 + along**2 < self.separation**2
            image = tf.where(near, tf.constant(-1, image.dtype), image)
        return [tf.stack(values, 1) for values in zip(*found, strict=True)]

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
