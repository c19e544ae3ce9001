"""Monostatic echo of point targets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.channel.signals import check_signal, warn_of_targets
from sionna_isac.core import (
    Array,
    Complex,
    Echo,
    Real,
    add_noise,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
)
from sionna_isac.scene import PointTargets
from sionna_isac.waveform import DelayBasis, DopplerBasis, Numerology

__all__ = ["MonostaticEcho"]


@register
@cites("MateosRamos25")
class MonostaticEcho(Echo):
    r"""Echo of point targets at the array that transmitted, Eq. (1) of [MateosRamos25]_.

    .. math::
        \mathbf{Y} = \nu \sum_{t=1}^{T} \psi_t\, \mathbf{a}(\theta_t)
        \left(\mathbf{a}^\top(\theta_t)\, \mathbf{x}\right) \odot
        \boldsymbol{\rho}^\top(\tau_t) + \mathbf{W},\quad
        [\boldsymbol{\rho}(\tau)]_s = e^{-j2\pi s \Delta_f \tau},\ \tau_t = 2R_t/c

    The channel matrix of a target is never formed: the cost is that of one rank-one term per
    target. Over several OFDM symbols a target that moves with radial velocity :math:`v`
    (positive: receding) turns by :math:`e^{-j4\pi v m T_\mathrm{sym}/\lambda}` at symbol m. Two
    options are closer to a moving target:

    - ``migration`` takes each subcarrier's own frequency in place of the carrier's,
      :math:`e^{-j4\pi v m T_\mathrm{sym}(f_c + s\Delta_f)/c}`, with the carrier :math:`f_c` at
      subcarrier 0, the lower edge of the band. Peaks of later symbols thus lie at
      :math:`R + v m T_\mathrm{sym}`.
    - ``intercarrier`` adds the motion within an OFDM symbol. With the Doppler shift
      :math:`\epsilon = -2v/(\lambda\Delta_f)` in subcarriers, the output is that of the DFT of a
      symbol that turns meanwhile,
      :math:`\sum_{s'} C_{s-s'} X_{s'}` with
      :math:`C_q = \frac{1}{S} \sum_n e^{j2\pi n(\epsilon - q)/S}`, for all :math:`S` subcarriers
      of the numerology. The ratio of signal to interference is about :math:`3/(\pi\epsilon)^2`.

    Transmitter and receiver share the array unless ``receive_array`` is given; then the steering
    vector on the left is that of the receive array (footnote 2 of [MateosRamos25]_) at the same
    place, for instance with its own impairments.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        The true array, whose wavelength is that of the numerology
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology; the echo is 0 on inactive subcarriers
    normalize : `bool`, (default `False`)
        If `True`, :math:`\nu = 1/\sqrt{S}` with the number :math:`S` of active subcarriers (the
        text of [MateosRamos25]_), else 1
    receive_array : `None` (default) | :class:`~sionna_isac.array.UniformLinearArray`
        The true array of the receiver, of the same wavelength, with :math:`K'` elements; `None`
        is ``array``
    migration : `bool`, (default `False`)
        If `True`, the Doppler shift of a subcarrier is that of its own frequency
    intercarrier : `bool`, (default `False`)
        If `True`, targets also move within an OFDM symbol, which mixes subcarriers

    Input
    -----
    x : [batch_size, ..., num_subcarriers], `tf.complex`
        Symbols [batch_size, num_subcarriers] or [batch_size, num_symbols, num_subcarriers]
        (which the beam distributes over the antennas), or the signals of all antennas
        [batch_size, 1, num_antennas, num_symbols, num_subcarriers]
    targets : :class:`~sionna_isac.scene.PointTargets`
        Targets
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
        [batch_size, 1, num_antennas, num_symbols, num_subcarriers], with the number of
        receive antennas

    Raises
    ------
    ValueError
        If shapes do not fit, the arrays have different wavelengths, or a value is out of its range

    Warns
    -----
    UserWarning
        In eager mode, of a target whose echo arrives after the cyclic prefix (if the numerology has
        one), or whose velocity is beyond the unambiguous one (if there are several OFDM symbols)
    """

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        *,
        normalize: bool = False,
        receive_array: Array | None = None,
        migration: bool = False,
        intercarrier: bool = False,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = self._checked("array", array)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.numerology.check_array("array", array)
        self.normalize = bool(normalize)
        self.migration = bool(migration)
        self.intercarrier = bool(intercarrier)
        self.receive_array = (
            None if receive_array is None else self._checked("receive_array", receive_array)
        )
        if receive_array is not None and not math.isclose(
            receive_array.wavelength, array.wavelength, rel_tol=1e-9
        ):
            raise ValueError(
                f"receive_array must have the wavelength of array, {array.wavelength:g} m; got "
                f"{receive_array.wavelength:g} m"
            )

    def _checked(self, name: str, array: Any) -> Any:
        return plane_wave_array(name, array)

    def call(
        self,
        x: Complex,
        targets: PointTargets,
        beam: Complex | None = None,
        no: Real | None = None,
    ) -> tf.Tensor:
        return self._received(x, targets, beam, no)

    def _received(
        self, x: tf.Tensor, targets: Any, beam: tf.Tensor | None, no: tf.Tensor | None
    ) -> tf.Tensor:
        check_signal(x, beam, self.array.num_antennas, self.numerology.num_subcarriers)
        self._check(targets, beam, x.shape[0])
        warn_of_targets(self.numerology, targets, x.shape[-2] if x.shape.rank > 2 else 1)
        if beam is not None and targets.velocity is None and x.shape.rank == 3:
            # targets at rest answer all OFDM symbols alike
            one = self._superposed(tf.ones_like(x[:, 0]), targets, beam)
            return add_noise(one[:, :, tf.newaxis] * x[:, tf.newaxis], no)
        return add_noise(self._superposed(x, targets, beam), no)

    def _superposed(self, x: tf.Tensor, targets: Any, beam: tf.Tensor | None) -> tf.Tensor:
        """Echoes of all targets, without noise."""
        steering, receiving = self._steering(targets)
        size = linalg.sizes(x)
        num_symbols = size[-2] if x.shape.rank > 2 else 1
        num_subcarriers = self.numerology.num_subcarriers
        # illumination of each target, [B, T, M, S]
        if beam is None:
            shape = [size[0], size[2], num_symbols * num_subcarriers]
            lit = linalg.matmul(steering, tf.reshape(x, shape))
            lit = tf.reshape(lit, [size[0], -1, num_symbols, num_subcarriers])
            lit *= targets.gain[..., tf.newaxis, tf.newaxis]
        else:
            amplitude = self.amplitude(targets, steering, beam)[..., tf.newaxis, tf.newaxis]
            symbols = tf.reshape(x, [size[0], 1, num_symbols, num_subcarriers])
            lit = amplitude * symbols
        lit *= self.delay(targets.range)[:, :, tf.newaxis]
        if targets.velocity is not None:
            lit *= self._doppler(targets.velocity, num_symbols)
            if self.intercarrier:
                lit = self._mixed(lit, targets.velocity)
        if self.normalize:
            lit *= self._unit_energy
        flat = tf.reshape(lit, [size[0], -1, num_symbols * num_subcarriers])
        y = linalg.matmul(tf.linalg.matrix_transpose(receiving), flat)  # [B, K', M S]
        if x.shape.rank == 5:
            y = tf.reshape(y, [size[0], 1, -1, num_symbols, num_subcarriers])
        elif x.shape.rank == 3:
            y = tf.reshape(y, [size[0], -1, num_symbols, num_subcarriers])
        return y

    @property
    def _unit_energy(self) -> tf.Tensor:
        number = self.numerology.num_active
        return linalg.to_complex(tf.math.rsqrt(tf.cast(number, self.rdtype)))

    def _check(self, targets: PointTargets, beam: Any, batch_size: int | None) -> None:
        if beam is not None:
            checks.shape("beam", beam, [batch_size, self.array.num_antennas])
        checks.shape("targets.angle", targets.angle, [batch_size, None])
        names = ("range", "gain") if targets.velocity is None else ("range", "gain", "velocity")
        for name in names:
            checks.shape(f"targets.{name}", getattr(targets, name), targets.angle.shape)

    def _steering(self, targets: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Steering vectors [batch_size, max_targets, ...] of the transmitter and the receiver."""
        transmit = self.cast(self.array.steering(self._place(targets, self.array)))
        if self.receive_array is None:
            return transmit, transmit
        place = self._place(targets, self.receive_array)
        return transmit, self.cast(self.receive_array.steering(place))

    def _place(self, targets: Any, array: Array) -> tf.Tensor:
        """Places of the targets in the form that an array takes."""
        return targets.angle

    def _given(self, targets: Any) -> Any:
        """Targets of a method other than the call, in the precision of the echo."""
        return self.cast(targets, PointTargets, "targets")

    def amplitude(self, targets: PointTargets, steering: tf.Tensor, beam: tf.Tensor) -> tf.Tensor:
        """Gain times beam pattern of each target, [batch_size, max_targets].

        ``steering`` [batch_size, max_targets, num_antennas] is that of the transmitter.
        """
        return targets.gain * tf.linalg.matvec(steering, beam)

    def delay(self, distance: tf.Tensor) -> tf.Tensor:
        """Delay vectors [..., num_subcarriers] of targets at distances [...] in m.

        They are 0 on inactive subcarriers.
        """
        step = 4 * math.pi * self.numerology.subcarrier_spacing / SPEED_OF_LIGHT
        index = tf.range(self.numerology.num_subcarriers, dtype=self.rdtype)
        phase = -step * distance[..., tf.newaxis] * index
        wave = linalg.expj(phase)
        active = self.numerology.active
        return wave if active is None else wave * tf.constant(active, self.cdtype)

    def _doppler(self, velocity: tf.Tensor, num_symbols: int) -> tf.Tensor:
        """Factors of moving targets, [..., num_symbols, 1], or for each subcarrier."""
        step = 4 * math.pi * self.numerology.symbol_duration / self.array.wavelength
        phase = -step * velocity[..., tf.newaxis] * tf.range(num_symbols, dtype=self.rdtype)
        phase = phase[..., tf.newaxis]
        if self.migration:
            index = np.arange(self.numerology.num_subcarriers)
            offset = index * self.numerology.subcarrier_spacing / self.numerology.carrier_frequency
            phase *= tf.constant(1 + offset, self.rdtype)
        return linalg.expj(phase)

    def _mixed(self, lit: tf.Tensor, velocity: tf.Tensor) -> tf.Tensor:
        """Echoes [batch_size, max_targets, num_symbols, num_subcarriers] of moving targets with the
        turn within each OFDM symbol, by its samples in time.
        """
        number = self.numerology.num_subcarriers
        step = 4 * math.pi / (number * self.numerology.subcarrier_spacing * self.array.wavelength)
        phase = -step * velocity[..., tf.newaxis] * tf.range(number, dtype=self.rdtype)
        mixed = tf.signal.fft(tf.signal.ifft(lit) * linalg.expj(phase)[:, :, tf.newaxis])
        active = self.numerology.active
        return mixed if active is None else mixed * tf.constant(active, self.cdtype)

    def filtered(
        self,
        targets: PointTargets,
        beam: tf.Tensor,
        basis: DelayBasis,
        no: Any = None,
        *,
        doppler: DopplerBasis | None = None,
    ) -> tf.Tensor:
        r"""Observation after the reciprocal filter, projected on bases of delays and Dopplers.

        For symbols of unit magnitude the filtered noise is again white, and so is its
        projection on orthonormal columns: this has exactly the distribution of the echo that is
        filtered, Eq. (3), and then projected, at a fraction of the noise draws and products.

        Parameters
        ----------
        targets : :class:`~sionna_isac.scene.PointTargets`
            Targets, without velocity if ``doppler`` is `None`
        beam : [batch_size, num_antennas], `tf.complex`
            Beam
        basis : :class:`~sionna_isac.waveform.DelayBasis`
            Basis :math:`\mathbf{Q}` of the receiver, of the same numerology
        no : `None` (default) | [...], `tf.float`
            Noise power [W], a number or [batch_size]
        doppler : `None` (default) | :class:`~sionna_isac.waveform.DopplerBasis`
            Basis of the receiver for several OFDM symbols, of the same numerology; `None` is one
            OFDM symbol

        Output
        ------
        : [batch_size, num_antennas, rank], `tf.complex`
            :math:`\tilde{\mathbf{Y}} \mathbf{Q}^*`, with the number of receive antennas; with
            ``doppler`` [batch_size, num_antennas, doppler_rank, rank]
        """
        if checks.instance("basis", basis, DelayBasis).numerology != self.numerology:
            raise ValueError(
                f"basis must have the numerology of the echo; got one of {basis.numerology!r}"
            )
        targets = self._given(targets)
        turn = self._projected_doppler(targets, doppler)
        beam, no = self.cast(beam, Complex, "beam"), self.cast(no, Real, "no")
        self._check(targets, beam, beam.shape[0])
        steering, receiving = self._steering(targets)
        amplitude = self.amplitude(targets, steering, beam)
        if self.normalize:
            amplitude *= self._unit_energy
        delay = self.delay(targets.range)
        flat = tf.reshape(delay, [-1, self.numerology.num_subcarriers])
        projected = linalg.matmul(flat, tf.math.conj(basis.columns(self.cdtype)))
        projected = tf.reshape(projected, [*linalg.sizes(delay)[:-1], basis.rank])
        lit = amplitude[..., tf.newaxis] * projected
        if turn is not None:
            size = linalg.sizes(lit)
            lit = tf.reshape(turn[..., tf.newaxis] * lit[:, :, tf.newaxis], [*size[:2], -1])
        y = linalg.matmul(tf.linalg.matrix_transpose(receiving), lit)
        if turn is not None:
            y = tf.reshape(y, [size[0], -1, turn.shape[-1], size[2]])
        return add_noise(y, no)

    def _projected_doppler(
        self, targets: PointTargets, doppler: DopplerBasis | None
    ) -> tf.Tensor | None:
        """Doppler vectors [batch_size, max_targets, doppler_rank] in a basis; `None` without it."""
        if doppler is None:
            if targets.velocity is not None:
                raise ValueError(
                    "targets must have no velocity for filtered() without doppler, which is for "
                    "one OFDM symbol"
                )
            return None
        if checks.instance("doppler", doppler, DopplerBasis).numerology != self.numerology:
            raise ValueError(
                f"doppler must have the numerology of the echo; got one of {doppler.numerology!r}"
            )
        if self.migration or self.intercarrier:
            raise ValueError(
                "doppler must be None for an echo with migration or intercarrier: there delay and "
                "Doppler are no product of two vectors"
            )
        velocity = targets.velocity
        return doppler.atom(tf.zeros_like(targets.range) if velocity is None else velocity)

    def paths(self, targets: PointTargets) -> tuple[tf.Tensor, tf.Tensor]:
        r"""Path coefficients and delays of the same channel in Sionna's form.

        Sionna counts subcarriers from the centre of the band, this library from its lower
        edge; the phase between both is part of the coefficients, so that
        ``cir_to_ofdm_channel(subcarrier_frequencies(...), a, tau)`` and ``ApplyOFDMChannel``
        give the output of this layer.

        Output
        ------
        a : [batch_size, 1, num_antennas, 1, num_antennas, num_paths, num_time_steps], `tf.complex`
            Path coefficients, receive antennas first; a path for each target, a time step for
            each OFDM symbol of the numerology
        tau : [batch_size, 1, 1, max_targets], `tf.float`
            Path delays [s]
        """
        num_symbols = self.numerology.num_symbols
        targets = self._given(targets)
        if targets.velocity is not None and (self.migration or self.intercarrier):
            raise ValueError(
                "targets must have no velocity for paths() of an echo with migration or "
                "intercarrier: one delay and coefficient per path and OFDM symbol has neither"
            )
        steering, receiving = self._steering(targets)
        tau = 2 * targets.range / SPEED_OF_LIGHT
        spacing = self.numerology.subcarrier_spacing
        edge = -2 * math.pi * (self.numerology.num_subcarriers // 2) * spacing * tau
        gain = targets.gain * linalg.expj(edge)
        if self.normalize:
            gain *= self._unit_energy
        a = tf.einsum("bt,btk,btl->bklt", gain, receiving, steering)[..., tf.newaxis]
        if targets.velocity is None:
            a = tf.repeat(a, num_symbols, -1)
        else:
            doppler = self._doppler(targets.velocity, num_symbols)[..., 0]
            a = a * doppler[:, tf.newaxis, tf.newaxis]
        return a[:, tf.newaxis, :, tf.newaxis], tau[:, tf.newaxis, tf.newaxis]
