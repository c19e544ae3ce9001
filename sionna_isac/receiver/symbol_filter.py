"""Filters that remove known symbols from an echo."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import Complex, Layer, Real, checks, cites, linalg, register
from sionna_isac.waveform import Numerology, element_mask

__all__ = ["ReciprocalFilter", "SymbolFilter", "SymbolMatchedFilter", "WienerFilter"]


class SymbolFilter(Layer):
    r"""Base of filters that turn an echo into one of symbols of value 1.

    A subclass defines ``_weight``. Filtered noise differs between elements if the magnitudes of
    symbols differ, and :meth:`noise_power` is its mean; for symbols of equal magnitude, such as
    QPSK, all filters are equal.

    Parameters
    ----------
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Elements that are used, with ``num_symbols`` of the numerology; `None` is all. The output
        is 0 on the others and on inactive subcarriers, and symbols do not matter there.

    Input
    -----
    y : [batch_size, ..., num_subcarriers], `tf.complex`
        Echo [batch_size, num_antennas, num_subcarriers],
        [batch_size, num_antennas, num_ofdm_symbols, num_subcarriers], or in Sionna's form
        [batch_size, 1, num_antennas, num_ofdm_symbols, num_subcarriers]
    x : [batch_size, ..., num_subcarriers], `tf.complex`
        Transmitted symbols [batch_size, num_subcarriers] or
        [batch_size, num_ofdm_symbols, num_subcarriers], before the beam. A symbol of value 0 on an
        element that is used is an error in eager mode, and gives NaN there in a graph.
    no : `None` (default) | [...], `tf.float`
        Noise power :math:`N_0` [W], a number or [batch_size]; a negative one gives NaN in a graph.
        :class:`WienerFilter` needs it, the others ignore it.

    Output
    ------
    : [batch_size, num_antennas, ..., num_subcarriers], `tf.complex`
        Filtered echo, with the dimension of OFDM symbols if ``y`` has it

    Raises
    ------
    ValueError
        If a shape does not fit, a mask is empty or (in eager mode) a used symbol is 0
    """

    def __init__(
        self,
        numerology: Numerology,
        *,
        elements: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self._used = element_mask(numerology, elements)
        self.elements = None if elements is None else np.array(elements)

    def call(self, y: Complex, x: Complex, no: Real | None = None) -> tf.Tensor:
        y = self._checked(y, x)
        no = None if no is None else self._noise(no, x)
        y, used = self._masked("y", y, 2)
        if used is not None:
            y = tf.where(used, y, tf.zeros_like(y))
        x, silent = self._without_silence(x, used)
        z = self._apply(y, x, used, no)
        if used is not None:
            z = tf.where(used, z, tf.zeros_like(z))
        return tf.where(silent[:, tf.newaxis], tf.constant(complex(np.nan, np.nan), self.cdtype), z)

    def noise_power(self, x: Any, no: Any) -> tf.Tensor:
        r"""Mean power of the noise in the filtered echo, for receivers that take ``no``.

        .. math::
            \frac{N_0}{N}\sum_{m,s} |g_{m,s}|^2

        with the weights :math:`g_{m,s}` of the filter, :math:`z_{k,m,s} = y_{k,m,s}\, g_{m,s}`,
        and the mean over the :math:`N` elements of a sample that are used. Power differs between
        elements if the magnitudes of symbols differ.

        Parameters
        ----------
        x : [batch_size, ..., num_subcarriers], `tf.complex`
            Transmitted symbols, as for the call
        no : [...], `tf.float`
            Noise power :math:`N_0` of the echo [W], a number or [batch_size]; a negative one gives
            NaN in a graph

        Output
        ------
        : [batch_size], `tf.float`
            Noise power [W]

        Example
        -------
        >>> reciprocal = isac.receiver.ReciprocalFilter(numerology)
        >>> z = reciprocal(y, x)
        >>> omp(z, sector, reciprocal.noise_power(x, no))
        """
        if no is None:
            raise TypeError("no must be given: the noise power [W] of the echo; got None")
        x = self.cast(x, Complex, "x")
        checks.rank("x", x, (2, 3), "[batch_size, (num_ofdm_symbols,) num_subcarriers]")
        checks.last_dim("x", x, self.numerology.num_subcarriers, "(num_subcarriers)")
        no = self._noise(self.cast(no, Real, "no"), x)
        x, used = self._masked("x", x, 1)
        x, silent = self._without_silence(x, used)
        axes = list(range(1, x.shape.rank))
        power = _power(x)
        gain = self._scaled_weight(power, used, no) ** 2 * power
        gain, number = self._within(used, gain, tf.ones_like(power))
        mean = tf.reduce_sum(gain, axes) / tf.reduce_sum(number, axes)
        mean = tf.where(tf.reduce_any(silent, axes), tf.constant(np.nan, mean.dtype), mean)
        return tf.reshape(no, [-1]) * mean

    def _without_silence(
        self, x: tf.Tensor, used: np.ndarray | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Symbols, 1 where unused or 0, and where they are 0 on elements that are used."""
        if used is not None:
            x = tf.where(used, x, tf.ones_like(x))
        silent = tf.equal(x, 0)
        if tf.executing_eagerly() and bool(tf.reduce_any(silent)):
            raise ValueError(
                "x must not hold symbols of value 0 on elements that are used: they cannot be "
                f"divided by; got {int(tf.math.count_nonzero(silent))}"
            )
        return tf.where(silent, tf.ones_like(x), x), silent

    def _apply(
        self, y: tf.Tensor, x: tf.Tensor, used: np.ndarray | None, no: tf.Tensor | None
    ) -> tf.Tensor:
        weight = linalg.to_complex(self._scaled_weight(_power(x), used, no))
        return y * (weight * tf.math.conj(x))[:, tf.newaxis]

    def _scaled_weight(
        self, power: tf.Tensor, used: np.ndarray | None, no: tf.Tensor | None
    ) -> tf.Tensor:
        """Weight of the echo times the conjugate of symbols, which makes 1 of an echo of symbols.

        That is a mean over the elements in use.
        """
        weight = self._weight(power, no)
        passed, number = self._within(used, weight * power, tf.ones_like(power))
        axes = list(range(1, power.shape.rank))
        scale = tf.reduce_sum(number, axes, keepdims=True)
        scale /= tf.reduce_sum(passed, axes, keepdims=True)
        return scale * weight

    def _weight(self, power: tf.Tensor, no: Any) -> tf.Tensor:
        """Weight, up to a factor for each sample, of an element with symbols of this power."""
        raise NotImplementedError

    @staticmethod
    def _within(used: np.ndarray | None, *values: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Values, 0 on elements that are not used."""
        return values if used is None else tuple(tf.where(used, v, 0.0) for v in values)

    def _noise(self, no: Any, x: tf.Tensor) -> tf.Tensor:
        no = checks.noise_power(no, tf.math.real(x), "x", per_sample=True)
        return tf.where(no >= 0, no, float("nan"))

    def _checked(self, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Echo without Sionna's second dimension."""
        if y.shape.rank not in (4, 5):
            checks.rank(
                "y",
                y,
                3,
                "[batch_size, num_antennas, num_subcarriers] (4 or 5 with OFDM symbols)",
            )
        checks.last_dim("y", y, self.numerology.num_subcarriers, "(num_subcarriers)")
        if y.shape.rank == 5:
            checks.shape("y", y, [None, 1, None, None, None])
            y = tf.squeeze(y, 1)
        axes = ["batch_size", *["num_ofdm_symbols"] * (y.shape.rank - 3), "num_subcarriers"]
        checks.shape("x", x, [y.shape[0], *y.shape[2:]], f"[{', '.join(axes)}]")
        return y

    def _masked(
        self, name: str, value: tf.Tensor, num_leading: int
    ) -> tuple[tf.Tensor, np.ndarray | None]:
        """Value with its number of OFDM symbols, and the mask in its dimensions after the first."""
        if self._used is None:
            return value, None
        if self.elements is None:  # the same subcarriers of any number of symbols
            return value, self.numerology.active
        number, symbols = self.numerology.num_symbols, value.shape[num_leading:-1]
        if (symbols[0] if symbols.rank else 1) not in (None, number):
            raise ValueError(
                f"{name} must have as many OFDM symbols as elements, {number}; got shape "
                f"{list(value.shape)}"
            )
        if not symbols.rank:
            return value, self._used[0]
        return tf.ensure_shape(value, [None] * num_leading + [number, None]), self._used


def _power(x: tf.Tensor) -> tf.Tensor:
    return tf.math.real(x) ** 2 + tf.math.imag(x) ** 2


@register
@cites("MateosRamos25")
class ReciprocalFilter(SymbolFilter):
    r"""Echo divided by the known symbols, Eq. (3) of [MateosRamos25]_.

    .. math::
        z_{k,m,s} = y_{k,m,s} / x_{m,s}

    It has no side lobes that depend on data, but raises the noise to
    :math:`N_0 E\lbrace|x|^{-2}\rbrace`, for 16-QAM by 17/9 (2.8 dB).

    Parameters, input and output are those of :class:`SymbolFilter`.
    """

    def _apply(
        self, y: tf.Tensor, x: tf.Tensor, used: np.ndarray | None, no: tf.Tensor | None
    ) -> tf.Tensor:
        return y / x[:, tf.newaxis]

    def _weight(self, power: tf.Tensor, no: Any) -> tf.Tensor:
        return 1 / power


@register
class SymbolMatchedFilter(SymbolFilter):
    r"""Echo times the conjugate of the known symbols.

    .. math::
        z_{k,m,s} = \frac{y_{k,m,s}\, x_{m,s}^*}{P},\quad P = \frac{1}{N}\sum_{m,s} |x_{m,s}|^2

    with the mean over the :math:`N` elements of a sample that are used. It maximises the ratio of
    the peak of a target to the noise. The magnitudes of symbols weight the elements, which gives a
    strong target side lobes that depend on data.

    Parameters, input and output are those of :class:`SymbolFilter`.
    """

    def _weight(self, power: tf.Tensor, no: Any) -> tf.Tensor:
        return tf.ones_like(power)


@register
class WienerFilter(SymbolFilter):
    r"""Filter between the reciprocal and the matched one, by the noise.

    .. math::
        z_{k,m,s} = \frac{1}{c}\, \frac{y_{k,m,s}\, x_{m,s}^*}{|x_{m,s}|^2 + N_0/\sigma^2},\quad
        c = \frac{1}{N}\sum_{m,s} \frac{|x_{m,s}|^2}{|x_{m,s}|^2 + N_0/\sigma^2}

    The estimate of least mean squared error of an element whose channel is
    :math:`\mathcal{CN}(0, \sigma^2)`, up to the factor :math:`1/c` for each sample (a mean over
    the :math:`N` elements that are used), which makes peaks unbiased. Without noise it is the
    :class:`ReciprocalFilter`, with much noise the :class:`SymbolMatchedFilter`.

    Input and output are those of :class:`SymbolFilter`, with ``no``.

    Parameters
    ----------
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Elements that are used; `None` is all
    variance : `float`, (default 1)
        Mean power :math:`\sigma^2` of the echo on an antenna for symbols of power 1

    Raises
    ------
    TypeError, ValueError
        As :class:`SymbolFilter`, and if ``no`` is not given
    """

    def __init__(
        self,
        numerology: Numerology,
        *,
        elements: Any = None,
        variance: float = 1.0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(numerology, elements=elements, precision=precision, **kwargs)
        self.variance = checks.real("variance", variance, minimum=0, exclusive=True)

    def call(self, y: Complex, x: Complex, no: Real | None = None) -> tf.Tensor:
        if no is None:
            raise TypeError("no must be given: the noise power [W] of the echo; got None")
        return super().call(y, x, no)

    def _weight(self, power: tf.Tensor, no: Any) -> tf.Tensor:
        return 1 / (power + no / self.variance)
