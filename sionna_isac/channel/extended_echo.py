"""Monostatic echo of an extended target, by full-wave scattering."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.linalg
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.constants import epsilon_0

from sionna_isac.array import ImpairedArray, SphericalWaveArray, UniformLinearArray
from sionna_isac.channel.signals import check_signal
from sionna_isac.core import Array, Complex, Echo, Real, add_noise, checks, cites, linalg, register
from sionna_isac.scattering import VolumeIntegralScattering
from sionna_isac.scene import ExtendedTargets, VoxelTarget
from sionna_isac.waveform import DelayBasis, Numerology

__all__ = ["ExtendedEcho"]


@register
@cites("Zhao26")
class ExtendedEcho(Echo):
    r"""Echo of an extended target at the array that transmitted, Eq. (1) of [Zhao26]_.

    .. math::
        \mathbf{Y}_{:,s} = \nu\, \mathbf{H}_s \mathbf{x}_s + \mathbf{w}_s,\quad
        [\mathbf{H}_s]_{kl} = h_{kl}(f_s)

    The full-wave counterpart of :class:`MonostaticEcho`: the same inputs and outputs, for a target
    of voxels in place of points, so that receivers, bounds and studies accept both. It includes
    spherical waves, the path to each voxel, multiple scattering among voxels, and beam squint.

    Elements are dipoles along ``polarization`` with moment :math:`\varepsilon_0\lambda_s/k_s^2`:
    the echo of a target of radar cross section :math:`\sigma` at distance r follows the radar
    equation between antennas of unit gain (broadside to the dipole),

    .. math::
        |h_{kl}| = \frac{\lambda_s \sqrt{\sigma}}{(4\pi)^{3/2}\, r^2},

    which is also the magnitude of a point target's gain :math:`\psi`
    (:class:`~sionna_isac.scene.RadarEquationGain`). Its phase :math:`e^{-j 2 k r}` is that
    of the two-way path: a delay :math:`2r/c` on the subcarriers, as for points.

    A :class:`~sionna_isac.array.UniformLinearArray` has the steering vector
    :math:`e^{-j2\pi p\sin\theta}` of [MateosRamos25]_. With :math:`e^{+j\omega t}` this is the
    steering vector of elements at :math:`y = -p`, so the echo puts them there. The elements of a
    :class:`~sionna_isac.array.SphericalWaveArray` have its positions. Gains, phases and coupling of
    an :class:`~sionna_isac.array.ImpairedArray` act on transmission and reception; the echo copies
    them when it is made, and gradients do not reach them.

    Parameters
    ----------
    array : :class:`~sionna_isac.core.Array`
        The true array: a :class:`~sionna_isac.array.UniformLinearArray` (or impaired) or a
        :class:`~sionna_isac.array.SphericalWaveArray`
    scattering : :class:`~sionna_isac.scattering.VolumeIntegralScattering`
        The target; its frequencies are those of the subcarriers, evenly spaced.
        :meth:`from_target` makes it.
    normalize : `bool`, (default `False`)
        If `True`, :math:`\nu = 1/\sqrt{S}` over S subcarriers, else 1
    polarization : [3], array_like, (default (0, 0, 1))
        Direction of all dipoles in the world

    Input
    -----
    x : [batch_size, ..., num_subcarriers], `tf.complex`
        Symbols [batch_size, num_subcarriers] or [batch_size, num_symbols, num_subcarriers]
        (which the beam distributes over the antennas), or the signals of all antennas
        [batch_size, 1, num_antennas, num_symbols, num_subcarriers]
    targets : :class:`~sionna_isac.scene.ExtendedTargets`
        Pose and material of the target, see :meth:`targets`
    beam : `None` (default) | [batch_size, num_antennas], `tf.complex`
        Beam; `None` if ``x`` holds the antenna signals
    no : `None` (default) | [...], `tf.float`
        Noise power :math:`N_0` [W], a number or [batch_size] (the leading dimensions of the
        output); `None` adds no noise

    Output
    ------
    : [batch_size, ..., num_subcarriers], `tf.complex`
        Received signal, for the three forms of ``x``
        [batch_size, num_antennas, num_subcarriers],
        [batch_size, num_antennas, num_symbols, num_subcarriers] or
        [batch_size, 1, num_antennas, num_symbols, num_subcarriers]

    Raises
    ------
    ValueError
        If shapes do not fit, the targets are known to be of other voxels than the echo's, or (in
        eager mode) an antenna is inside the target or a value is out of its range
    NotConvergedError
        See :class:`~sionna_isac.scattering.VolumeIntegralScattering`, also on gradients: they reach
        the material, ``x`` and ``beam``, and the pose in the Born approximation alone

    Example
    -------
    >>> echo = isac.channel.ExtendedEcho.from_target(array, car, numerology)
    >>> y = echo(x, echo.targets(car.placed_at(12.0, 0.3)), beam)
    """

    def __init__(
        self,
        array: Array,
        scattering: VolumeIntegralScattering,
        *,
        normalize: bool = False,
        polarization: Any = (0.0, 0.0, 1.0),
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        if not isinstance(array, (UniformLinearArray, SphericalWaveArray)):
            raise TypeError(
                f"array must be a UniformLinearArray or a SphericalWaveArray; got {array!r}"
            )
        self.array = array
        self.scattering = checks.instance("scattering", scattering, VolumeIntegralScattering)
        if self.scattering.precision != self.precision:
            raise ValueError(
                f"scattering must have the precision of the echo, {self.precision!r}; got "
                f"{self.scattering.precision!r}"
            )
        self.normalize = bool(normalize)
        self.polarization = checks.vector("polarization", polarization, 3)
        length = float(np.linalg.norm(self.polarization))
        if length == 0:
            raise ValueError("polarization must not be 0; got [0, 0, 0]")
        frequencies = self.scattering.frequencies
        steps = np.diff(frequencies)
        if (len(steps) and np.ptp(steps) > 1e-6 * abs(steps[0])) or np.any(steps <= 0):
            raise ValueError(
                "scattering must have frequencies that rise in equal steps, the subcarriers; got "
                f"steps from {steps.min():g} to {steps.max():g} Hz"
            )
        self._direction = self.polarization / length
        self._elements = _world_positions(array)
        self._hardware = _hardware(array)
        # Moments are made for the first tone, where numbers are of a size for single precision
        self._moment = epsilon_0 * SPEED_OF_LIGHT**3 / (4 * math.pi**2 * frequencies[0] ** 3)
        self._tone_gain = (frequencies[0] / frequencies) ** 3

    @classmethod
    def from_target(
        cls,
        array: Array,
        target: VoxelTarget,
        numerology: Numerology,
        *,
        normalize: bool = False,
        polarization: Any = (0.0, 0.0, 1.0),
        precision: str | None = None,
        **kwargs: Any,
    ) -> ExtendedEcho:
        """Echo of a voxelised target on OFDM subcarriers around the carrier of the array.

        Parameters
        ----------
        array : :class:`~sionna_isac.core.Array`
            The true array, whose wavelength is that of the numerology
        target : :class:`~sionna_isac.scene.VoxelTarget`
            Target; its placement and material are inputs of the call, see :meth:`targets`
        numerology : :class:`~sionna_isac.waveform.Numerology`
            Numerology: subcarrier ``num_subcarriers // 2`` is at the carrier frequency. Each
            subcarrier needs a full-wave solution, and all must be active
        normalize, polarization, precision
            See above
        kwargs
            Arguments of :class:`~sionna_isac.scattering.VolumeIntegralScattering`

        Output
        ------
        : :class:`ExtendedEcho`
        """
        checks.instance("target", target, VoxelTarget)
        carrier = SPEED_OF_LIGHT / checks.instance("array", array, Array).wavelength
        checks.instance("numerology", numerology, Numerology).check_array("array", array)
        if numerology.active is not None:
            raise ValueError(
                "numerology must have active subcarriers only: frequencies are evenly spaced; got "
                f"{numerology.num_active} active ones of {numerology.num_subcarriers}"
            )
        offset = np.arange(numerology.num_subcarriers) - numerology.num_subcarriers // 2
        frequencies = carrier + numerology.subcarrier_spacing * offset
        if frequencies[0] <= 0:
            raise ValueError(
                f"the band must lie above 0 Hz; got a lowest subcarrier at {frequencies[0]:g} Hz"
            )
        scattering = VolumeIntegralScattering.from_target(
            target, frequencies, precision=precision, **kwargs
        )
        form = {"normalize": normalize, "polarization": polarization, "precision": precision}
        return cls(array, scattering, **form)

    @property
    def num_subcarriers(self) -> int:
        """`int` : Number of subcarriers"""
        return len(self.scattering.frequencies)

    @property
    def subcarrier_spacing(self) -> float:
        """`float` : Subcarrier spacing [Hz], NaN for a single tone"""
        frequencies = self.scattering.frequencies
        return float(frequencies[1] - frequencies[0]) if len(frequencies) > 1 else math.nan

    def targets(self, targets: VoxelTarget | Sequence[VoxelTarget]) -> ExtendedTargets:
        """Pose and material of targets with the voxels of this echo.

        Parameters
        ----------
        targets : :class:`~sionna_isac.scene.VoxelTarget` | sequence of them
            The target of the echo, anywhere and of any material, a sample for each

        Output
        ------
        : :class:`~sionna_isac.scene.ExtendedTargets`
            In double precision

        Raises
        ------
        ValueError
            If positions, voxel size, fill or normals are not those of the echo
        """
        return self._known(ExtendedTargets.of(targets))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Keras makes a new tuple of the targets, which knows nothing of the voxels
        for value in (*args, *kwargs.values()):
            if isinstance(value, ExtendedTargets):
                self._known(value)
        return super().__call__(*args, **kwargs)

    def call(
        self,
        x: Complex,
        targets: ExtendedTargets,
        beam: Complex | None = None,
        no: Real | None = None,
    ) -> tf.Tensor:
        check_signal(x, beam, self.array.num_antennas, self.num_subcarriers)
        h = self._channel(targets, x.shape[0])  # [B, S, K, K]
        if beam is None:
            y = linalg.matmul(h, tf.transpose(x[:, 0], [0, 3, 1, 2]))  # [B, S, K, M]
            y = tf.transpose(y, [0, 2, 3, 1])[:, tf.newaxis]
        else:
            lit = self._beamformed(h, beam)  # [B, K, S]
            symbols = x[:, tf.newaxis]
            y = (lit if x.shape.rank == 2 else lit[:, :, tf.newaxis]) * symbols
        return add_noise(y, no)

    def channel(self, targets: ExtendedTargets) -> tf.Tensor:
        r"""Channel matrices between all antennas, with the factor :math:`\nu`.

        Parameters
        ----------
        targets : :class:`~sionna_isac.scene.ExtendedTargets`
            Pose and material of the target

        Output
        ------
        : [batch_size, num_subcarriers, num_antennas, num_antennas], `tf.complex`
            :math:`\nu\,\mathbf{H}_s`, receive antennas first
        """
        return self._channel(self._given(targets), None)

    def filtered(
        self, targets: ExtendedTargets, beam: tf.Tensor, basis: DelayBasis, no: Any = None
    ) -> tf.Tensor:
        r"""Observation after the reciprocal filter, projected on a basis of delay vectors.

        As :meth:`MonostaticEcho.filtered`: for symbols of unit magnitude exactly the distribution
        of the echo that is filtered and then projected.

        Parameters
        ----------
        targets : :class:`~sionna_isac.scene.ExtendedTargets`
            Pose and material of the target
        beam : [batch_size, num_antennas], `tf.complex`
            Beam
        basis : :class:`~sionna_isac.waveform.DelayBasis`
            Basis :math:`\mathbf{Q}` of the receiver, on as many subcarriers
        no : `None` (default) | [...], `tf.float`
            Noise power [W], a number or [batch_size]

        Output
        ------
        : [batch_size, num_antennas, rank], `tf.complex`
            :math:`\tilde{\mathbf{Y}} \mathbf{Q}^*`
        """
        number = checks.instance("basis", basis, DelayBasis).numerology.num_subcarriers
        if number != self.num_subcarriers:
            raise ValueError(
                f"basis must have the {self.num_subcarriers} subcarriers of the echo; got {number}"
            )
        targets, beam = self._given(targets), self.cast(beam, Complex, "beam")
        no = self.cast(no, Real, "no")
        y = self._beamformed(self._channel(targets, beam.shape[0]), beam)
        y = linalg.matmul(y, tf.math.conj(basis.columns(self.cdtype)))
        return add_noise(y, no)

    def _beamformed(self, h: tf.Tensor, beam: tf.Tensor) -> tf.Tensor:
        """Channel behind the beam, [B, K, S]."""
        checks.shape("beam", beam, [h.shape[0], self.array.num_antennas])
        y = linalg.matmul(h, beam[:, tf.newaxis, :, tf.newaxis])[..., 0]
        return tf.linalg.matrix_transpose(y)

    def _given(self, targets: ExtendedTargets) -> ExtendedTargets:
        """Targets in the precision of the echo."""
        return self.cast(self._known(targets), ExtendedTargets, "targets")

    def _known(self, targets: ExtendedTargets) -> ExtendedTargets:
        """The targets; an error if they are known to be of other voxels."""
        voxels = getattr(targets, "voxels", None)
        what = None if voxels is None else _difference(voxels, self.scattering)
        if what is not None:
            raise ValueError(f"targets must be made of the voxels of the echo; got {what}")
        return targets

    def _channel(self, targets: ExtendedTargets, batch_size: int | None) -> tf.Tensor:
        number = self.scattering.num_voxels
        checks.shape("targets.position", targets.position, [batch_size, 3])
        batch_size = targets.position.shape[0]
        checks.shape("targets.heading", targets.heading, [batch_size])
        checks.shape("targets.permittivity", targets.permittivity, [batch_size, number])
        checks.shape("targets.conductivity", targets.conductivity, [batch_size, number])
        if tf.executing_eagerly():
            checks.headings("targets.heading", targets.heading)
        # The world turned into the body frame: rows times the rotation of the body
        cos, sin = tf.cos(targets.heading), tf.sin(targets.heading)
        zero, one = tf.zeros_like(cos), tf.ones_like(cos)
        rows = [[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]]
        rotation = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
        elements = tf.constant(self._elements, self.rdtype) - targets.position[:, tf.newaxis]
        elements = elements @ rotation
        dipole = tf.constant(self._direction, self.rdtype)[tf.newaxis, tf.newaxis] @ rotation
        dipoles = linalg.to_complex(tf.broadcast_to(dipole, tf.shape(elements)))
        moments = dipoles * tf.constant(self._moment, self.cdtype)
        h = self.scattering(
            targets.permittivity, targets.conductivity, elements, moments, elements, dipoles
        )
        gain = self._tone_gain / (math.sqrt(self.num_subcarriers) if self.normalize else 1.0)
        h *= tf.constant(gain[:, np.newaxis, np.newaxis], self.cdtype)
        if self._hardware is not None:
            hardware = tf.constant(self._hardware, self.cdtype)
            h = linalg.matmul(linalg.matmul(hardware, h), tf.transpose(hardware))
        return h


def _difference(target: VoxelTarget, scattering: VolumeIntegralScattering) -> str | None:
    """First difference between the voxels of a target and those of the layer; `None` if none."""
    size, number = scattering.voxel_size, scattering.num_voxels
    if target.num_voxels != number:
        return f"{target.num_voxels} voxels in place of {number}"
    if not math.isclose(target.voxel_size, size, rel_tol=1e-6):
        return f"a voxel_size of {target.voxel_size:g} in place of {size:g} m"
    off = np.abs(target.positions - scattering.positions).max(-1)
    if np.any(off > 1e-3 * size):
        return f"other positions, by up to {off.max():g} m"
    fill = np.ones(number) if scattering.fill is None else scattering.fill
    off = np.abs(target.fill - fill)
    if np.any(off > 1e-6):
        return f"another fill, by up to {off.max():g}"
    if scattering.normals is not None:
        # of full voxels they do not matter, and those that are not given come from the fill
        given = (fill < 1) & np.any(target.normals != 0, axis=-1)
        off = np.abs(target.normals - scattering.normals).max(-1)[given]
        if np.any(off > 1e-6):
            return f"other normals, by up to {off.max():g}"
    return None


def _world_positions(array: Array) -> np.ndarray:
    """Positions [K, 3] of the elements [m] for which physics gives the array's own steering."""
    elements = array.element_positions
    if isinstance(array, UniformLinearArray):
        elements = -elements
    if elements.ndim == 1:
        zero = np.zeros_like(elements)
        return np.stack([zero, elements, zero], axis=-1)
    return np.pad(elements, [(0, 0), (0, 3 - elements.shape[1])])


def _hardware(array: Array) -> np.ndarray | None:
    """Matrix [K, K] from ideal to actual element responses; `None` if they are ideal."""
    if not isinstance(array, ImpairedArray):
        return None
    response = np.diag(array.gain * np.exp(1j * array.phase))
    if array.coupling is None:
        return response
    band = np.zeros(array.num_antennas, np.complex128)
    band[: len(array.coupling) + 1] = [1, *array.coupling]
    return scipy.linalg.toeplitz(band, band) @ response
