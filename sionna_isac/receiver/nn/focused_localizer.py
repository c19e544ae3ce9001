"""Receiver that focuses first, and classifies and corrects what it sees with a small network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import (
    Complex,
    HeUniform,
    Layer,
    Real,
    checks,
    cites,
    register,
    uniform_integers,
)
from sionna_isac.receiver.nn._parts import convolution, dense
from sionna_isac.receiver.nn.focused_maps import NUM_FEATURES, NUM_PLACE, FocusedMaps, FocusedPatch
from sionna_isac.receiver.nn.localization_heads import Clipping, LocalizerOutput
from sionna_isac.receiver.search_grid import SearchGrid

__all__ = ["FocusedLocalizer", "LocalizerCandidates"]

# Errors that log-variances start with [m], in half turns
RANGE_ERROR, AZIMUTH_ERROR = 1.0, 0.05
# Score that a candidate of 1/e times the strength of the strongest one is behind at the start
BEHIND = 10.0


class LocalizerCandidates(NamedTuple):
    """Estimates from each candidate, for :func:`~sionna_isac.objective.candidate_loss`.

    Attributes
    ----------
    score : [batch_size, num_candidates], `tf.float`
        Logit of the candidate being the target
    angle : [batch_size, num_candidates], `tf.float`
        Azimuths of the middles of the patches [rad]
    range : [batch_size, num_candidates], `tf.float`
        Ranges of the middles of the patches [m]
    estimates : :class:`LocalizerOutput`
        Estimates, [batch_size, num_candidates, ...] each
    """

    score: Any
    angle: Any
    range: Any
    estimates: LocalizerOutput

    def best(self) -> LocalizerOutput:
        """Estimates, [batch_size, ...] each, from the candidate of the highest score."""
        index = tf.argmax(self.score, -1, tf.int32)
        return LocalizerOutput(
            *(v if v is None else tf.gather(v, index, batch_dims=1) for v in self.estimates)
        )


@register
@cites("Zhao26")
class FocusedLocalizer(Layer):
    r"""Class, range and azimuth of a target from the focused image of its channel.

    :class:`FocusedMaps` finds the strongest places :math:`(\rho_0, \theta_0)` of the matched filter
    and focuses again on a patch around each. The same small network looks at every patch.
    Convolutions, with pooling to half the resolution after the first one, leave features
    :math:`\mathbf{f}_c` of the cells :math:`c`, and the attention
    :math:`w_c = \mathrm{softmax}_c(\mathbf{a}^\mathsf{T} \mathbf{f}_c)` says where the target is.
    From :math:`\sum_c w_c \mathbf{f}_c`, the largest value of each feature, and the place and
    strength of the candidate, a hidden layer makes a score, logits of the classes, log-variances
    and a correction :math:`\mathbf{z}`. With the offsets :math:`(x_c, y_c)` of cells along and
    across the range,

    .. math::
        \hat r = \rho_0 + \sum_c w_c x_c + z_r, \qquad
        \hat\theta = \theta_0 + \frac{1}{\rho_0} \Bigl(\sum_c w_c y_c + z_\theta\Bigr) .

    The candidate of the highest score is the target: that of the strongest place before a training,
    which :func:`~sionna_isac.objective.candidate_loss` does.

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
    height, num_candidates, separation, cell
        Parameters of :class:`FocusedMaps`
    patch_size : `int`, (default 21)
        Number of cells along each side of the patch that the network sees, odd
    margin : `int`, (default 3)
        Number of cells around each patch, into which a training shifts it at random: the target is
        not always where the strongest place would have it
    filters : sequence of `int`, (default (16, 32, 32))
        Channels of the convolutions
    hidden_size : `int`, (default 64)
        Width of the hidden layer
    symmetric : `bool`, (default `False`)
        If `True`, estimates are means over each patch and its mirror image, which exactly turn with
        a mirrored scene. For a training with mirrored patches and arrays that are symmetric in y;
        twice the cost of the network
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
        As :class:`FocusedMaps`, or if ``symmetric`` is `True` and an array is not symmetric in y

    Example
    -------
    >>> receiver = isac.receiver.FocusedLocalizer(frequencies, tx, rx, grid)
    >>> patches = receiver.focus(h)  # once, for all epochs of a training
    >>> isac.objective.candidate_loss(receiver.candidates(*patches, training=True), labels)
    >>> receiver.estimate(*patches).range  # that of receiver(h)
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
        num_candidates: int = 4,
        separation: float = 4.0,
        patch_size: int = 21,
        cell: float = 0.5,
        margin: int = 3,
        filters: Sequence[int] = (16, 32, 32),
        hidden_size: int = 64,
        symmetric: bool = False,
        log_variance_interval: tuple[float, float] = (-16.0, 8.0),
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.patch_size = checks.integer("patch_size", patch_size, minimum=3)
        if self.patch_size % 2 == 0:
            raise ValueError(f"patch_size must be odd, to have a middle; got {patch_size}")
        self.margin = checks.integer("margin", margin, minimum=0)
        options: dict[str, Any] = {
            "height": height,
            "num_candidates": num_candidates,
            "separation": separation,
            "cell": cell,
        }
        side = self.patch_size + 2 * self.margin
        array = frequencies, tx_positions, rx_positions, grid
        self._maps = FocusedMaps(*array, **options, patch_size=side, precision=self.precision)
        for name in ("frequencies", "tx_positions", "rx_positions", "grid", *options):
            setattr(self, name, getattr(self._maps, name))
        self.num_classes = checks.integer("num_classes", num_classes, minimum=2)
        self.filters = checks.integers("filters", filters)
        self.hidden_size = checks.integer("hidden_size", hidden_size)
        self.symmetric = bool(symmetric)
        for name in ("tx_positions", "rx_positions") if self.symmetric else ():
            _check_symmetric(name, np.asarray(getattr(self, name)))
        start = [2 * math.log(RANGE_ERROR), 2 * math.log(AZIMUTH_ERROR)]
        self._clip = Clipping(log_variance_interval, start, "an error of 1 m")
        self.log_variance_interval = self._clip.interval
        kind = self.rdtype.name
        small = {"kernel_initializer": HeUniform(0.1)}
        channels = (FocusedMaps.out_channels, *self.filters)
        self.convolutions = [convolution(a, b, 3, kind) for a, b in itertools.pairwise(channels)]
        self.attention = dense(channels[-1], 1, kind, use_bias=False, **small)
        self.hidden = dense(2 * channels[-1] + NUM_PLACE, self.hidden_size, kind, activation="relu")
        self.heads = dense(self.hidden_size, self.num_classes + 5, kind, **small)
        self.heads.bias.assign(np.r_[np.zeros(3), self._clip.bias, np.zeros(self.num_classes)])

    def call(self, h: Complex) -> LocalizerOutput:
        return self._estimated(self._middle(self._maps(h))).best()

    def focus(self, h: Any) -> FocusedPatch:
        """Focused images around the candidates of a channel, with the margin around them."""
        return self._maps(h)

    def estimate(self, features: Real, angle: Real, range: Real, strength: Real) -> LocalizerOutput:
        """Estimates from patches that were focused before, ``candidates(...).best()``.

        Parameters
        ----------
        features, angle, range, strength
            Fields of :class:`FocusedPatch`

        Output
        ------
        : :class:`LocalizerOutput`
            Estimates from the candidate of the highest score
        """
        return self.candidates(features, angle, range, strength).best()

    def candidates(
        self,
        features: Real,
        angle: Real,
        range: Real,
        strength: Real,
        training: bool = False,
    ) -> LocalizerCandidates:
        """Scores and estimates of all candidates, from patches that were focused before.

        Parameters
        ----------
        features, angle, range, strength
            Fields of :class:`FocusedPatch`
        training : `bool`, (default `False`)
            If `True`, each patch is shifted at random, within the margin

        Output
        ------
        : :class:`LocalizerCandidates`
            Scores and estimates
        """
        patch = FocusedPatch(*(self.cast(v, Real) for v in (features, angle, range, strength)))
        number, side = self.num_candidates, self._maps.patch_size
        checks.shape("features", patch.features, [None, number, side, side, NUM_FEATURES])
        axes = "[batch_size, num_candidates]"
        for name, value in zip(patch._fields[1:], patch[1:], strict=True):
            checks.shape(name, value, [patch.features.shape[0], number], axes)
        if training:
            return self._candidates(self._shifted(patch))
        return self._estimated(self._middle(patch))

    def _middle(self, patch: FocusedPatch) -> FocusedPatch:
        """Patches without their margins."""
        inner = slice(self.margin, self.margin + self.patch_size)
        return patch._replace(features=patch.features[:, :, inner, inner])

    def _shifted(self, patch: FocusedPatch) -> FocusedPatch:
        """Patches somewhere within their margins."""
        shape = [tf.shape(patch.angle)[0], self.num_candidates, 2]
        first = uniform_integers(shape, 2 * self.margin + 1)
        features = patch.features
        for axis in (0, 1):
            cells = first[:, :, axis, tf.newaxis] + np.arange(self.patch_size, dtype=np.int32)
            features = tf.gather(features, cells, axis=2 + axis, batch_dims=2)
        offset = self.cell * tf.cast(first - self.margin, self.rdtype)
        return patch._replace(
            features=tf.ensure_shape(
                features, [None, None, self.patch_size, self.patch_size, NUM_FEATURES]
            ),
            angle=patch.angle + offset[..., 0] / patch.range,
            range=tf.maximum(patch.range + offset[..., 1], self.cell),
        )

    def _estimated(self, patch: FocusedPatch) -> LocalizerCandidates:
        """Scores and estimates, means over patches and their mirror images if that is wanted."""
        seen = self._candidates(patch)
        if not self.symmetric:
            return seen
        other = self._candidates(patch.mirrored())
        turned = other.estimates._replace(azimuth=-other.estimates.azimuth, direction=None)
        mean = LocalizerOutput(
            *(
                None if a is None or b is None else (a + b) / 2
                for a, b in zip(seen.estimates, turned, strict=True)
            )
        )
        return seen._replace(
            score=(seen.score + other.score) / 2,
            estimates=mean._replace(direction=_direction(mean.azimuth)),
        )

    def _candidates(self, patch: FocusedPatch) -> LocalizerCandidates:
        place, maps = patch.place(), patch.maps()
        finite = tf.reduce_all(tf.math.is_finite(maps), [2, 3, 4], keepdims=True)
        value = tf.where(finite, maps, tf.zeros_like(maps))
        value = tf.reshape(value, [-1, *value.shape[2:]])
        for index, layer in enumerate(self.convolutions):
            value = tf.nn.relu(layer(value))
            if index == 0:
                value = tf.nn.avg_pool2d(value, 3, 2, "VALID")
        _, rows, columns, channels = value.shape
        value = tf.reshape(value, [-1, self.num_candidates, rows * columns, channels])
        weight = tf.nn.softmax(self.attention(value)[..., 0])
        mean = tf.einsum("bnc,bncf->bnf", weight, value)
        hidden = tf.concat([tf.reduce_max(value, 2), mean, place], -1)
        z = self.heads(self.hidden(hidden))
        # pooled cells are two cells apart, the middle of the patch in between
        steps = (2 * self.cell * (np.arange(side) - (side - 1) / 2) for side in (rows, columns))
        cells = np.stack([v.ravel() for v in np.meshgrid(*steps, indexing="ij")], -1)
        centre = tf.einsum("bnc,cd->bnd", weight, tf.constant(cells, self.rdtype))
        z = tf.concat([centre[..., ::-1] + z[..., :2], z[..., 2:]], -1)
        z = tf.where(finite[:, :, 0, 0], z, float("nan"))
        along, across, score, variances, logits = tf.split(z, [1, 1, 1, 2, self.num_classes], -1)
        clipped = self._clip(variances)
        azimuth = patch.angle + across[..., 0] / patch.range
        estimates = LocalizerOutput(
            logits=logits,
            range=patch.range + along[..., 0],
            azimuth=azimuth,
            log_var_range=clipped[..., 0],
            log_var_azimuth=clipped[..., 1],
            direction=_direction(azimuth),
        )
        score = score[..., 0] + BEHIND * place[..., -1]
        return LocalizerCandidates(score, patch.angle, patch.range, estimates)


def _direction(azimuth: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.sin(azimuth), tf.cos(azimuth)], -1)


def _check_symmetric(name: str, positions: np.ndarray) -> None:
    mirrored = positions * [1, -1, 1]
    distance = np.linalg.norm(positions[:, np.newaxis] - mirrored, axis=-1).min(0)
    extent = max(float(np.ptp(positions, axis=0).max()), 1e-9)
    if distance.max() > 1e-5 * extent:
        raise ValueError(
            f"{name} must be symmetric in y for symmetric=True; got an antenna whose mirror image "
            f"is {distance.max():.3g} m from the next one"
        )
