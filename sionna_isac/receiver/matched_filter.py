"""Matched filter in the near field: focus the channel on each place of a horizontal plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import Complex, Layer, checks, cites, linalg, register
from sionna_isac.receiver._channel import checked, observe, root
from sionna_isac.receiver._focusing import Plane
from sionna_isac.receiver._peak import find_peak, interpolated
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.receiver.search_grid import SearchGrid

__all__ = ["NearFieldMatchedFilter"]

COMBINING = ("coherent", "non_coherent")


@register
@cites("Zhao26")
class NearFieldMatchedFilter(Layer):
    r"""Strongest place of a horizontal plane by matched filtering with spherical waves.

    For the channel :math:`H_{frt}` of frequency :math:`f`, receiver :math:`r` and transmitter
    :math:`t`, and a place :math:`\mathbf{p}` at range :math:`\rho`, azimuth :math:`\theta` and the
    given height,

    .. math::
        s_f(\mathbf{p}) = \sum_{r,t} H_{frt}\,
        e^{j k_f (\lVert\mathbf{p}-\mathbf{r}_t\rVert + \lVert\mathbf{p}-\mathbf{r}_r\rVert)}

    is coherently combined over the tones, or not:

    .. math::
        I = \frac{\left|\sum_f s_f\right|}{\sqrt{FRT}\,\lVert\mathbf{H}\rVert},\qquad
        I = \frac{\sqrt{\sum_f \left|s_f\right|^2}}{\sqrt{RT}\,\lVert\mathbf{H}\rVert}.

    Both are 1 where all of the channel is the echo of that place, apart from the loss over
    distance. The first one is that of :func:`back_projection`. It has the range resolution of the
    band and the ambiguities of the tones (:func:`~sionna_isac.waveform.place_tones`); the second
    one knows the range by the curvature of the waves only.

    The search has two stages. The strongest cell of the grid is found first. A patch around it, up
    to the neighbouring cells and ``refinement`` times finer, is focused next; the estimate is the
    vertex of a parabola through its largest value and the neighbours, and can be differentiated by
    the channel.

    If all receivers lie on the z axis, their distances to a place depend on the range alone, as
    with the cross of [Zhao26]_: receivers are then contracted once per range, and transmitters per
    cell, both as matrix products. Other layouts contract both per cell, which costs 6 to 18 times
    as much for 64 antennas on each side (batches of 1 and 16).

    Parameters
    ----------
    frequencies : [num_frequencies], array_like
        Frequencies of the tones [Hz]
    tx_positions, rx_positions : [num_tx, 3], [num_rx, 3], array_like
        Positions of transmit and receive antennas [m]
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Azimuths and ranges of the first stage, fine enough that no peak falls between its cells,
        such as half of the resolution
    height : `float`, (default 0)
        z of the plane that is searched [m]
    combining : "coherent" (default) | "non_coherent"
        Combination of the tones
    refinement : `int`, (default 4)
        Cells of the patch for one of the grid; 1 leaves out the second stage

    Input
    -----
    h : [batch_size, num_frequencies, num_rx, num_tx], `tf.complex`
        Channel

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Azimuth and range of one target per sample, both in the horizontal plane from the origin,
        with :math:`I` as metric; NaN (an error in eager mode) where ``h`` is not finite, or zero

    Raises
    ------
    TypeError, ValueError
        If the grid has no angles of its own, no ranges, or velocities, shapes do not fit, or (in
        eager mode) ``h`` is not finite or zero

    Note
    ----
    Whole turns of phases are taken away in double precision in any layer. Beyond the channel,
    what receivers leave of it, [batch_size, num_frequencies, num_ranges, num_tx], and the image,
    memory does not grow with the grid: transmitters are contracted for so many ranges at a time
    that there are about 4 million phasors (in the second stage for one range of all samples). The
    gradient of an estimate keeps nothing of the first stage; that of :meth:`image` keeps all
    phasors.

    Example
    -------
    >>> grid = isac.receiver.SearchGrid(np.radians(np.arange(-62, 63)), np.arange(3, 53, 0.5))
    >>> receiver = isac.receiver.NearFieldMatchedFilter(frequencies, tx, rx, grid)
    >>> receiver(h).position
    """

    def __init__(
        self,
        frequencies: Any,
        tx_positions: Any,
        rx_positions: Any,
        grid: SearchGrid,
        *,
        height: float = 0.0,
        combining: str = "coherent",
        refinement: int = 4,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.frequencies = checks.tones("frequencies", frequencies)
        self.tx_positions = checks.points("tx_positions", tx_positions)
        self.rx_positions = checks.points("rx_positions", rx_positions)
        self.grid = checks.instance("grid", grid, SearchGrid)
        checks.angle_grid("grid.angles", grid.angles)
        if grid.ranges is None or grid.velocities is not None:
            raise ValueError(f"grid must have ranges and no velocities; got {grid!r}")
        self.height = checks.real("height", height)
        self.combining = checks.one_of("combining", combining, COMBINING)
        self.refinement = checks.integer("refinement", refinement)

    def call(self, h: Complex) -> TargetEstimate:
        h, valid = observe(h, self._shape)
        coarse = find_peak(self._image(tf.stop_gradient(h), *self._axes()))
        axes = self._patch(self.grid.angles, coarse.row), self._patch(self._ranges, coarse.column)
        image = self._image(h, *axes)
        fine = find_peak(image)
        found = []
        offsets = interpolated(image, fine)
        for axis, index, offset in zip(axes, (fine.row, fine.column), offsets, strict=True):
            step = tf.cast(axis[:, 1] - axis[:, 0], self.rdtype) if self.refinement > 1 else 0.0
            start = tf.cast(tf.gather(axis, index, batch_dims=1), self.rdtype)
            found.append(start + step * offset)
        nan = tf.constant(np.nan, self.rdtype)
        values = (*found, fine.value)
        return TargetEstimate(*(tf.where(valid, v, nan)[:, tf.newaxis] for v in values))

    def image(self, h: Any) -> tf.Tensor:
        """Image :math:`I` on the grid, [batch_size, num_angles, num_ranges], of a channel."""
        h, valid = observe(self.cast(h, Complex, "h"), self._shape)
        image = self._image(h, *self._axes())
        return tf.where(valid[:, tf.newaxis, tf.newaxis], image, float("nan"))

    def focus(self, h: Any, angles: Any, ranges: Any) -> tf.Tensor:
        r"""Complex sums on any grid of each sample, for receivers that look at more than the peak.

        Parameters
        ----------
        h : [batch_size, num_frequencies, num_rx, num_tx], `tf.complex`
            Channel
        angles : [num_angles] or [batch_size, num_angles], `tf.float`
            Azimuths [rad]
        ranges : [num_ranges] or [batch_size, num_ranges], `tf.float`
            Ranges [m]

        Output
        ------
        : [batch_size, num_angles, num_ranges(, num_frequencies)], `tf.complex`
            :math:`\sum_f s_f`, or :math:`s_f` if tones are not combined coherently
        """
        h = checked(self.cast(h, Complex, "h"), self._shape)
        axes: list[tf.Tensor] = []
        for name, value in (("angles", angles), ("ranges", ranges)):
            # in double precision, as phases are: a wavelength is far smaller than a range
            axis = tf.cast(value if tf.is_tensor(value) else np.asarray(value), tf.float64)
            checks.rank(name, axis, (1, 2), f"[num_{name}] or [batch_size, num_{name}]")
            axes.append(axis[tf.newaxis] if axis.shape.rank == 1 else axis)
        checks.azimuth("angles", axes[0])
        if any(axis.shape[0] != 1 for axis in axes):
            size = linalg.sizes(h)[0]
            axes = [tf.broadcast_to(axis, [size, axis.shape[1]]) for axis in axes]
        coherent = self.combining == "coherent"
        sums = self._plane.sums(h, axes[0], axes[1], coherent, lambda sums: sums, self.cdtype)
        return sums[..., 0] if coherent else sums

    # --- parts of the search --------------------------------------------------------------------

    @property
    def _ranges(self) -> np.ndarray:
        return np.asarray(self.grid.ranges)

    def _axes(self) -> list[tf.Tensor]:
        """Angles [1, num_angles] and ranges [1, num_ranges] of the grid, for all samples."""
        return [tf.constant(a[np.newaxis], tf.float64) for a in (self.grid.angles, self._ranges)]

    def _patch(self, axis: np.ndarray, index: tf.Tensor) -> tf.Tensor:
        """Points [batch_size, num_points] from the lower to the upper neighbour of a point."""
        points = tf.constant(axis, tf.float64)
        if self.refinement == 1:
            return tf.gather(points, index)[:, tf.newaxis]
        low = tf.gather(points, tf.maximum(index - 1, 0))[:, tf.newaxis]
        high = tf.gather(points, tf.minimum(index + 1, axis.size - 1))[:, tf.newaxis]
        return low + (high - low) * np.linspace(0, 1, 2 * self.refinement + 1)

    @property
    def _shape(self) -> list[int | None]:
        return [None, self.frequencies.size, len(self.rx_positions), len(self.tx_positions)]

    @property
    def _plane(self) -> Plane:
        return Plane(self.frequencies, self.tx_positions, self.rx_positions, self.height)

    def _image(self, h: tf.Tensor, angles: tf.Tensor, ranges: tf.Tensor) -> tf.Tensor:
        """Image of a channel of unit norm, on angles and ranges [1 or batch_size, ...]."""
        coherent = self.combining == "coherent"
        tones = self.frequencies.size if coherent else 1
        number = tones * len(self.rx_positions) * len(self.tx_positions)

        def magnitude(sums: tf.Tensor) -> tf.Tensor:
            energy = tf.math.real(sums * tf.math.conj(sums))
            return root(tf.reduce_sum(energy, -3, keepdims=True) / number)

        return self._plane.sums(h, angles, ranges, coherent, magnitude, self.rdtype)[..., 0]
