"""Array with hardware impairments, which may be trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.array.layout import UniformLinearArray
from sionna_isac.core import Real, checks, cites, linalg, register

__all__ = ["LEARNABLE", "ImpairedArray", "PositiveGains"]

LEARNABLE = ("positions", "spacings", "gain", "phase", "coupling")


@register
class PositiveGains(keras.constraints.Constraint):
    """Constraint on trained gains: none falls below ``minimum``.

    Parameters
    ----------
    minimum : `float`, (default 1e-3)
        Smallest gain
    """

    def __init__(self, minimum: float = 1e-3) -> None:
        self.minimum = checks.real("minimum", minimum, minimum=0, exclusive=True)

    def __call__(self, value: Any) -> tf.Tensor:
        gains = tf.convert_to_tensor(value)
        return tf.maximum(gains, tf.cast(self.minimum, gains.dtype))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"minimum": self.minimum}


@register
@cites("MateosRamos25")
class ImpairedArray(UniformLinearArray):
    r"""Linear array with errors of position, gain and phase and with mutual coupling.

    .. math::
        \tilde{\mathbf{a}}(\theta) = \mathbf{C}\,\mathrm{diag}(g_k e^{j\varphi_k})\,
        \mathbf{a}(\theta)

    As the truth of a simulation, or with trainable parameters as the model that learns them.

    Parameters
    ----------
    num_antennas : `int`
        Number of elements
    wavelength : `float`
        Carrier wavelength [m]
    element_positions : `None` (default) | [num_antennas], array_like
        Element positions along y [m]; `None` is uniform, wavelength/2
    gain : `None` (default) | [num_antennas], array_like
        Amplitude gains; `None` is 1
    phase : `None` (default) | [num_antennas], array_like
        Phases [rad]; `None` is 0
    coupling : `None` (default) | [num_neighbours], array_like of complex
        Coupling coefficients of index distance 1, 2, ...; `None` is no coupling
    anchor : "centre" (default) | "first"
        Origin of the array, kept during training
    trainable : `bool` | sequence of `str`, (default `False`)
        Trained parameters: "positions" or "spacings" (as in
        :class:`~sionna_isac.array.UniformLinearArray`), "gain", "phase", "coupling"; `True` is
        positions, gain and phase (and coupling, if given). Elements are kept in order unless gains
        or phases are trained with them

    Input
    -----
    angle : [...], `tf.float`
        Azimuth from broadside [rad]

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Steering vectors

    Raises
    ------
    ValueError
        If an argument has the wrong shape, is not finite, or a gain is not positive
    """

    def __init__(
        self,
        num_antennas: int,
        wavelength: float,
        *,
        element_positions: Any = None,
        gain: Any = None,
        phase: Any = None,
        coupling: Any = None,
        anchor: str = "centre",
        trainable: bool | Sequence[str] = False,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(trainable, bool):
            every = ("positions", "gain", "phase", *(["coupling"] if coupling is not None else []))
            learned = every if trainable else ()
        else:
            names = [trainable] if isinstance(trainable, str) else trainable
            learned = tuple(checks.one_of("trainable", t, LEARNABLE) for t in names)
        if {"positions", "spacings"} <= set(learned):
            raise ValueError("trainable must name 'positions' or 'spacings', not both")
        if "coupling" in learned and coupling is None:
            raise ValueError("trainable 'coupling' needs coupling: the coefficients to start at")
        # gains and phases belong to elements: positions that are sorted would leave them behind
        self._ordered = not {"gain", "phase"} & set(learned)
        super().__init__(
            num_antennas,
            wavelength,
            element_positions=element_positions,
            anchor=anchor,
            trainable="spacings" if "spacings" in learned else "positions" in learned,
            precision=precision,
            **kwargs,
        )
        size = self.num_antennas
        gain = checks.vector("gain", np.ones(size) if gain is None else gain, size)
        if np.any(gain <= 0):
            raise ValueError(f"gain must be > 0; got a minimum of {gain.min():g}")
        phase = checks.vector("phase", np.zeros(size) if phase is None else phase, size)
        self._gain = self._parameter("gain", gain, "gain" in learned, PositiveGains())
        self._phase = self._parameter("phase", phase, "phase" in learned)
        self._coupling = None
        if coupling is not None:
            values = checks.complexes("coupling", coupling)
            if values.ndim != 1 or not 1 <= values.size < size:
                raise ValueError(
                    f"coupling must be a vector of 1 to {size - 1} coefficients; "
                    f"got shape {list(values.shape)}"
                )
            parts = np.stack([values.real, values.imag])
            self._coupling = self._parameter("coupling", parts, "coupling" in learned)
        self._learned = trainable if isinstance(trainable, bool) else list(learned)

    @property
    def gain(self) -> np.ndarray:
        """[num_antennas], `np.float64` : Present amplitude gains"""
        return self._gain.numpy().astype(np.float64)

    @property
    def phase(self) -> np.ndarray:
        """[num_antennas], `np.float64` : Present phases [rad]"""
        return self._phase.numpy().astype(np.float64)

    @property
    def coupling(self) -> np.ndarray | None:
        """[num_neighbours], `np.complex128` : Present coupling coefficients, or `None`"""
        if self._coupling is None:
            return None
        re, im = self._coupling.numpy().astype(np.float64)
        return re + 1j * im

    def assign_from(self, other: ImpairedArray) -> None:
        """Take over all parameters of another array of the same form."""
        if (self.coupling is None) != (other.coupling is None):
            raise ValueError("other must have coupling exactly if this array has; it differs")
        if self._by_spacing != other._by_spacing:
            raise ValueError("other must train spacings exactly if this array does; it differs")
        for name in ("_places", "_gain", "_phase", "_coupling"):
            own = getattr(self, name)
            if own is not None:
                own.assign(getattr(other, name))

    def call(self, angle: Real) -> tf.Tensor:
        ideal = super().call(angle)
        phase = tf.convert_to_tensor(self._phase)
        gain = tf.convert_to_tensor(self._gain)
        response = ideal * linalg.to_complex(gain) * linalg.expj(phase)
        if self._coupling is None:
            return response
        # symmetric matrix: acting on rows from the right is the same as on columns from the left
        return tf.reshape(
            linalg.matmul(tf.reshape(response, [-1, self.num_antennas]), self._coupling_matrix()),
            tf.shape(response),
        )

    def _coupling_matrix(self) -> tf.Tensor:
        band = tf.convert_to_tensor(self._coupling)
        index = np.abs(np.subtract.outer(range(self.num_antennas), range(self.num_antennas)))
        size = self.num_antennas
        parts = [
            tf.concat([[head], part, tf.zeros([size - 1 - band.shape[1]], self.rdtype)], 0)
            for head, part in (
                (tf.ones([], self.rdtype), band[0]),
                (tf.zeros([], self.rdtype), band[1]),
            )
        ]
        return tf.complex(tf.gather(parts[0], index), tf.gather(parts[1], index))
