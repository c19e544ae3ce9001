"""Hardware impairments of arrays: how they are drawn, and the array that has (or learns) them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.array.layout import UniformLinearArray, uniform_positions
from sionna_isac.core import checks, cites, linalg, numpy_rng, register

__all__ = ["GainError", "ImpairedArray", "MutualCoupling", "PhaseError", "SpacingError", "impair"]

ORDERINGS = ("sorted", "literal", "cumulative")
LEARNABLE = ("positions", "gain", "phase", "coupling")


@cites("MateosRamos25")
class SpacingError:
    r"""Random errors of the inter-element spacing.

    Each element draws a spacing :math:`d_k \sim \mathcal{N}(\lambda/2, \sigma^2)` (Section II-D of
    [MateosRamos25]_), and ``ordering`` says what position follows from it:

    - "literal": :math:`p_k = (k-(K-1)/2)\,d_k`, as printed. Neighbouring elements may cross and
      come arbitrarily close, and least-squares beams of such an array can be useless.
    - "sorted" (default): the same positions in ascending order; crossings disappear.
    - "cumulative": :math:`p_k = \sum_{i \le k} d_i` from the first element, spacings clipped at 0.

    Parameters
    ----------
    std : `float`
        Standard deviation of the spacing [wavelengths]
    ordering : "sorted" (default) | "literal" | "cumulative"
        How spacings become positions
    """

    def __init__(self, std: float, ordering: str = "sorted") -> None:
        self.std = checks.real("std", std, minimum=0)
        self.ordering = checks.one_of("ordering", ordering, ORDERINGS)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw positions [wavelengths] for an array of ``num_antennas`` elements."""
        spacing = numpy_rng().normal(0.5, self.std, checks.integer("num_antennas", num_antennas))
        if self.ordering == "cumulative":
            steps = np.maximum(spacing[1:], 0.0)
            return {"positions": np.concatenate([[0.0], np.cumsum(steps)]), "anchor": "first"}
        positions = uniform_positions(num_antennas, 1.0) * spacing
        return {"positions": np.sort(positions) if self.ordering == "sorted" else positions}


class GainError:
    """Random gain of each element: the gain in dB is normal with standard deviation ``std_db``."""

    def __init__(self, std_db: float) -> None:
        self.std_db = checks.real("std_db", std_db, minimum=0)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw amplitude gains for an array of ``num_antennas`` elements."""
        return {"gain": 10 ** (numpy_rng().normal(0.0, self.std_db, num_antennas) / 20)}


class PhaseError:
    """Random phase of each element: normal with standard deviation ``std`` [rad]."""

    def __init__(self, std: float) -> None:
        self.std = checks.real("std", std, minimum=0)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw phases [rad] for an array of ``num_antennas`` elements."""
        return {"phase": numpy_rng().normal(0.0, self.std, num_antennas)}


class MutualCoupling:
    r"""Coupling between elements that depends on their index distance only.

    The coupling matrix is symmetric, Toeplitz and banded, :math:`[\mathbf{C}]_{ij} = c_{|i-j|}`
    with :math:`c_0 = 1`, magnitude :math:`|c_m| = 10^{(\text{strength} - (m-1)\,\text{decay})/20}`
    and uniform phase.

    Parameters
    ----------
    strength_db : `float`
        Coupling between direct neighbours [dB], below 0
    decay_db : `float`, (default 6)
        Further loss for each element of distance [dB]
    num_neighbours : `int`, (default 3)
        Largest distance in elements that couples
    """

    def __init__(self, strength_db: float, decay_db: float = 6.0, num_neighbours: int = 3) -> None:
        self.strength_db = checks.real("strength_db", strength_db, maximum=0)
        self.decay_db = checks.real("decay_db", decay_db, minimum=0)
        self.num_neighbours = checks.integer("num_neighbours", num_neighbours)

    def sample(self, num_antennas: int) -> dict[str, Any]:
        """Draw coupling coefficients [num_neighbours]."""
        if self.num_neighbours >= checks.integer("num_antennas", num_antennas):
            raise ValueError(
                f"num_neighbours must be < num_antennas = {num_antennas}; got {self.num_neighbours}"
            )
        level = self.strength_db - self.decay_db * np.arange(self.num_neighbours)
        phase = numpy_rng().uniform(0, 2 * np.pi, self.num_neighbours)
        return {"coupling": 10 ** (level / 20) * np.exp(1j * phase)}


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
    trainable : `bool` | sequence of "positions", "gain", "phase", "coupling", (default `False`)
        What is trained; `True` is positions, gain and phase (and coupling, if given)

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
        element_positions: Any = None,
        gain: Any = None,
        phase: Any = None,
        coupling: Any = None,
        anchor: str = "centre",
        trainable: bool | Sequence[str] = False,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(trainable, bool):
            learned = LEARNABLE if trainable else ()
        else:
            learned = tuple(checks.one_of("trainable", t, LEARNABLE) for t in trainable)
        super().__init__(
            num_antennas,
            wavelength,
            element_positions,
            anchor,
            "positions" in learned,
            precision=precision,
            **kwargs,
        )
        size = self.num_antennas
        gain = checks.vector("gain", np.ones(size) if gain is None else gain, size)
        if np.any(gain <= 0):
            raise ValueError(f"gain must be > 0; got a minimum of {gain.min():g}")
        phase = checks.vector("phase", np.zeros(size) if phase is None else phase, size)
        self._gain = self._parameter("gain", gain, "gain" in learned)
        self._phase = self._parameter("phase", phase, "phase" in learned)
        self._coupling = None
        if coupling is not None or (trainable and "coupling" in learned and trainable is not True):
            if coupling is None:
                raise ValueError(
                    "trainable 'coupling' needs coupling: the coefficients to start at"
                )
            values = checks.finite("coupling", np.asarray(coupling, dtype=np.complex128))
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

    def call(self, angle: tf.Tensor) -> tf.Tensor:
        ideal = super().call(angle)
        phase = tf.convert_to_tensor(self._phase)
        gain = tf.convert_to_tensor(self._gain)
        response = ideal * tf.complex(gain * tf.cos(phase), gain * tf.sin(phase))
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


def impair(
    num_antennas: int,
    wavelength: float,
    impairments: Sequence[Any],
    *,
    precision: str | None = None,
) -> ImpairedArray:
    """Array that suffers from one draw of the given impairments.

    Parameters
    ----------
    num_antennas : `int`
        Number of elements
    wavelength : `float`
        Carrier wavelength [m]
    impairments : sequence of :class:`SpacingError`, :class:`GainError`, :class:`PhaseError`,
        :class:`MutualCoupling`
        What is drawn, from Sionna's NumPy generator; at most one of each kind
    precision : `None` (default) | "single" | "double"
        Precision of the array

    Output
    ------
    : :class:`ImpairedArray`
        The array, not trainable
    """
    for impairment in impairments:
        if not isinstance(impairment, (SpacingError, GainError, PhaseError, MutualCoupling)):
            raise TypeError(
                "impairments must be of SpacingError, GainError, PhaseError, MutualCoupling; "
                f"got {impairment!r}"
            )
    kinds = [type(i).__name__ for i in impairments]
    if len(set(kinds)) != len(kinds):
        raise ValueError(f"impairments must hold at most one of each kind; got {kinds}")
    drawn: dict[str, Any] = {}
    for impairment in impairments:
        drawn.update(impairment.sample(num_antennas))
    positions = drawn.pop("positions", None)
    if positions is not None:
        drawn["element_positions"] = positions * checks.real(
            "wavelength", wavelength, minimum=0, exclusive=True
        )
    return ImpairedArray(num_antennas, wavelength, precision=precision, **drawn)
