"""Removal of static clutter from an observation over several OFDM symbols."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import Complex, Layer, checks, linalg, register
from sionna_isac.waveform import Numerology, element_mask

__all__ = ["ClutterFilter"]

KINDS = ("mean", "canceller", "eca", "background")
TOLERANCE = 1e-4  # amplitude of clutter that an ECA basis may miss: -80 dB
PULSES = {2: (1.0, -1.0), 3: (1.0, -2.0, 1.0)}
LARGEST_BASIS = 2**26  # entries of a basis over an irregular pattern of elements


@register
class ClutterFilter(Layer):
    r"""Removal of static clutter before the map, and what it does to slow targets.

    - ``"mean"`` subtracts the mean over symbols of each subcarrier and antenna: a notch at velocity
      0, about one velocity resolution wide to each side.
    - ``"canceller"`` takes differences of successive symbols, :math:`(z_m - z_{m-1})/\sqrt{2}`, or
      with three pulses :math:`(z_m - 2z_{m-1} + z_{m-2})/\sqrt{6}`. Its first one or two symbols
      are 0, ``remaining`` says which elements are left. White noise keeps its power in these, but
      is not white any more. The notch is wide: half the power remains at a quarter of
      the unambiguous span of velocities.
    - ``"eca"``, the extensive cancellation algorithm, projects off the subspace of all velocities
      up to ``max_velocity`` in magnitude, and of all delays of ``ranges``; targets at other
      ranges lose little, near the edges more. The notch is as wide as the velocities, and about
      one velocity resolution more to each side. Clutter inside is suppressed by about 80 dB.
    - ``"background"`` subtracts a reference observation without targets, which must have the same
      symbols removed; it has no notch. The noise of the reference is added.

    ``"mean"`` and ``"eca"`` are orthogonal projections, so that white noise stays white in what
    they leave.

    Parameters
    ----------
    kind : "mean" | "canceller" | "eca" | "background"
        Method
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    num_pulses : `int`, (default 2)
        Symbols of a difference of ``"canceller"``, 2 or 3
    max_velocity : `float`, (default 0)
        Largest magnitude of the velocities of clutter for ``"eca"`` [m/s]
    ranges : `None` (default) | (`float`, `float`)
        Smallest and largest range of clutter for ``"eca"`` [m]; `None` is all
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that are used; `None` is all of the active subcarriers

    Input
    -----
    z : [batch_size, ..., num_symbols, num_subcarriers], `tf.complex`
        Observation after a filter that removes the symbols,
        [batch_size, num_symbols, num_subcarriers] or
        [batch_size, num_rx, num_symbols, num_subcarriers]
    background : `None` (default) | as ``z``, `tf.complex`
        Reference observation, for ``"background"`` only

    Output
    ------
    : as ``z``, `tf.complex`
        Observation without clutter, 0 on elements that are not used

    Raises
    ------
    TypeError, ValueError
        If a value is out of its range, an argument is given that the kind does not have, nothing
        would remain of any observation, or shapes do not fit

    Example
    -------
    >>> clutter = isac.receiver.ClutterFilter("eca", numerology, max_velocity=1.0)
    >>> power = rd(clutter(z))
    >>> clutter.response([0.5, 2.0, 10.0])
    """

    def __init__(
        self,
        kind: str,
        numerology: Numerology,
        *,
        num_pulses: int = 2,
        max_velocity: float = 0.0,
        ranges: Any = None,
        elements: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.kind = checks.one_of("kind", kind, KINDS)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.num_pulses = checks.integer("num_pulses", num_pulses)
        checks.one_of("num_pulses", num_pulses, tuple(PULSES))
        self.max_velocity = checks.real(
            "max_velocity", max_velocity, minimum=0, maximum=numerology.max_velocity
        )
        self.ranges = None if ranges is None else checks.interval("ranges", ranges, minimum=0)
        mask = element_mask(numerology, elements)
        every = (numerology.num_symbols, numerology.num_subcarriers)
        self._used = np.ones(every, bool) if mask is None else mask
        self.elements = None if elements is None else self._used
        for name, value, owner in (
            ("num_pulses", num_pulses != 2, "canceller"),
            ("max_velocity", max_velocity != 0, "eca"),
            ("ranges", ranges is not None, "eca"),
        ):
            if value and kind != owner:
                given = getattr(self, name)
                raise ValueError(f"{name} is for kind {owner!r}; got {given!r} with kind {kind!r}")
        number = num_pulses if kind == "canceller" else 2 if kind in ("mean", "eca") else 1
        if numerology.num_symbols < number:
            raise ValueError(
                f"numerology must have at least {number} symbols for kind {kind!r}; got "
                f"{numerology.num_symbols}"
            )
        self._over_symbols: np.ndarray | None = None
        self._delay_basis: np.ndarray | None = None
        self._joint_basis: np.ndarray | None = None
        if kind == "canceller" and not self.remaining.any():
            raise ValueError(
                f"elements must hold {num_pulses} successive symbols of a subcarrier for "
                f"kind 'canceller' and num_pulses {num_pulses}; got none, and nothing would remain"
            )
        if kind in ("mean", "eca"):
            self._make_bases()

    @property
    def remaining(self) -> np.ndarray:
        """[num_symbols, num_subcarriers] : Elements that the output holds"""
        return self._left(self._used)

    @property
    def projection(self) -> np.ndarray:
        """[num_symbols, num_symbols] : Matrix over symbols that the filter multiplies by

        For ``"eca"`` with ranges it holds for targets within these. It exists if all subcarriers
        use the same symbols.
        """
        patterns, _ = self._patterns()
        if len(patterns) > 1:
            raise ValueError(
                "elements must be the same symbols for each used subcarrier for one matrix over "
                f"symbols; got {len(patterns)} patterns"
            )
        return self._matrix(patterns[0])

    def response(self, velocities: Any) -> np.ndarray:
        """Share of its energy that a target keeps, over its velocity: the notch.

        The energy of elements that the filter loses counts as lost. Differences of a canceller
        amplify fast targets, as they do noise.

        Parameters
        ----------
        velocities : [number], array_like
            Velocities [m/s]

        Output
        ------
        : [number], `np.float64`
            Energy after the filter over energy before
        """
        velocity = checks.finite("velocities", checks.floats("velocities", velocities))
        waves, kept = self._waves(np.ravel(velocity)), np.zeros(velocity.size)
        for pattern, count in zip(*self._patterns(), strict=True):
            left = self._matrix(pattern) @ (waves * pattern[:, np.newaxis])
            kept += count * np.sum(np.abs(left) ** 2, 0)
        return (kept / np.sum(self._used)).reshape(velocity.shape)

    def call(self, z: Complex, background: Complex | None = None) -> tf.Tensor:
        z = self._checked("z", z)
        if (background is None) == (self.kind == "background"):
            state = "None" if background is None else "a tensor"
            raise ValueError(
                f"background must be given for kind 'background' only; got {state} for kind "
                f"{self.kind!r}"
            )
        if background is not None:
            background = self._checked("background", background)
            checks.shape("background", background, z.shape)
            return z - background
        if self.kind == "canceller":
            return self._differences(z)
        return self._zeroed(z - self._clutter(z), self._used)

    # --- parts ------------------------------------------------------------------------------------

    def _clutter(self, z: tf.Tensor) -> tf.Tensor:
        """Part of an observation in the subspace of clutter."""
        if self._delay_basis is not None:
            clutter = self._over_symbols_of(z)
            parts = linalg.matmul(clutter, tf.constant(self._delay_basis.conj(), self.cdtype))
            return linalg.matmul(parts, tf.constant(self._delay_basis.T, self.cdtype))
        if self._over_symbols is not None:
            return self._over_symbols_of(z)
        *leading, rows, columns = linalg.sizes(z)
        basis = tf.constant(self._joint_basis, self.cdtype)
        flat = tf.reshape(z, [*leading, rows * columns])
        if len(leading) == 1:
            flat = flat[:, tf.newaxis]
        parts = linalg.matmul(flat, tf.math.conj(basis))
        clutter = linalg.matmul(parts, tf.transpose(basis))
        return tf.reshape(clutter, [*leading, rows, columns])

    @staticmethod
    def _zeroed(z: tf.Tensor, used: np.ndarray) -> tf.Tensor:
        return z if used.all() else tf.where(used, z, tf.zeros_like(z))

    def _left(self, used: np.ndarray) -> np.ndarray:
        """Elements [num_symbols, ...] of the output if some are used."""
        left = used.copy()
        if self.kind == "canceller":
            for shift in range(1, self.num_pulses):
                left[shift:] &= used[:-shift]
            left[: self.num_pulses - 1] = False
        return left

    def _patterns(self) -> tuple[np.ndarray, np.ndarray]:
        """Different patterns of used symbols, and the numbers of subcarriers that have them."""
        columns = self._used[:, self._used.any(0)]
        patterns, counts = np.unique(columns, axis=1, return_counts=True)
        return patterns.T, counts

    def _matrix(self, used: np.ndarray) -> np.ndarray:
        """Matrix over symbols for a subcarrier."""
        number = used.size
        if self.kind == "background":
            return np.diag(used.astype(float))
        if self.kind == "canceller":
            parts = [w * np.eye(number, k=-shift) for shift, w in enumerate(self._pulses)]
            return np.sum(parts, 0) * self._left(used)[:, np.newaxis]
        basis = _orthonormal(self._dopplers() * used[:, np.newaxis])
        return np.diag(used.astype(float)) - basis @ basis.conj().T

    @property
    def _pulses(self) -> np.ndarray:
        weights = np.array(PULSES[self.num_pulses])
        return weights / np.linalg.norm(weights)

    def _checked(self, name: str, z: tf.Tensor) -> tf.Tensor:
        """Observation, 0 on elements that are not used."""
        axes = "[batch_size, (num_rx,) num_symbols, num_subcarriers]"
        checks.rank(name, z, (3, 4), axes)
        shape = [self.numerology.num_symbols, self.numerology.num_subcarriers]
        checks.shape(name, z, [*[None] * (z.shape.rank - 2), *shape], axes)
        return self._zeroed(z, self._used)

    def _differences(self, z: tf.Tensor) -> tf.Tensor:
        number, total = self.numerology.num_symbols, tf.zeros([], self.cdtype)
        lost = self.num_pulses - 1
        for shift, weight in enumerate(self._pulses):
            part = z[..., lost - shift : number - shift, :]
            total += tf.constant(weight, self.cdtype) * part
        total = tf.pad(total, [*[[0, 0]] * (z.shape.rank - 2), [lost, 0], [0, 0]])
        return self._zeroed(total, self.remaining)

    def _over_symbols_of(self, z: tf.Tensor) -> tf.Tensor:
        """Projection on the Doppler vectors of clutter, of each subcarrier."""
        basis = tf.constant(self._over_symbols, self.cdtype)  # [1 or num_subcarriers, M, rank]
        turned = tf.linalg.matrix_transpose(z)
        if basis.shape[0] == 1:
            parts = linalg.matmul(turned, tf.math.conj(basis[0]))
            return tf.linalg.matrix_transpose(linalg.matmul(parts, tf.transpose(basis[0])))
        parts = tf.reduce_sum(turned[..., tf.newaxis] * tf.math.conj(basis), -2)
        return tf.linalg.matrix_transpose(tf.reduce_sum(parts[..., tf.newaxis, :] * basis, -1))

    def _waves(self, velocity: np.ndarray) -> np.ndarray:
        """Doppler vectors [num_symbols, number]."""
        time = np.arange(self.numerology.num_symbols) * self.numerology.symbol_duration
        return np.exp(-4j * math.pi / self.numerology.wavelength * np.outer(time, velocity))

    def _dopplers(self, top: float | None = None) -> np.ndarray:
        """Orthonormal basis [num_symbols, rank] of the velocities of clutter."""
        top = self.max_velocity if top is None else top
        step = self.numerology.velocity_resolution / 4
        number = 2 * math.ceil(top / step) + 1
        return _orthonormal(self._waves(np.linspace(-top, top, number)))

    def _delays(self, interval: tuple[float, float]) -> np.ndarray:
        """Orthonormal basis [num_subcarriers, rank] of the delays of clutter."""
        low, high = interval
        number = 4 * math.ceil((high - low) / self.numerology.range_resolution) + 1
        phase = 4 * math.pi * self.numerology.subcarrier_spacing / SPEED_OF_LIGHT
        index = np.arange(self.numerology.num_subcarriers)
        waves = np.exp(-1j * phase * np.outer(index, np.linspace(low, high, number)))
        used = np.any(self._used, axis=0, keepdims=True)
        return _orthonormal(waves * used.T)

    def _check_rest(self, patterns: np.ndarray) -> None:
        """Raise an error if velocities of clutter span all used symbols of each subcarrier."""

        def leaves(top: float) -> bool:
            basis = self._dopplers(top)
            return any(_orthonormal(basis[p]).shape[1] < np.sum(p) for p in patterns)

        if leaves(self.max_velocity):
            return
        if not leaves(0.0):
            raise ValueError(
                f"elements must hold 2 symbols of a subcarrier for kind {self.kind!r}; got at most "
                "1, and nothing would remain"
            )
        low, step = 0, self.numerology.velocity_resolution / 32
        high = math.ceil(self.max_velocity / step)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if leaves(middle * step) else (low, middle)
        raise ValueError(
            f"max_velocity must be about {low * step:.4g} or less for these symbols; got "
            f"{self.max_velocity:g}: these velocities span all used symbols, and nothing would "
            "remain"
        )

    def _make_bases(self) -> None:
        """Basis of the clutter on the used elements."""
        dopplers = self._dopplers()
        patterns, _ = self._patterns()
        delays = None if self.ranges is None else self._delays(self.ranges)
        if delays is None or delays.shape[1] == np.sum(self._used.any(0)):
            self._check_rest(patterns)
        if delays is None or len(patterns) == 1:
            bases = [_orthonormal(dopplers * p[:, np.newaxis]) for p in patterns]
            if len(bases) > 1:
                rank = max(b.shape[1] for b in bases)
                bases = [np.pad(b, [(0, 0), (0, rank - b.shape[1])]) for b in bases]
                near = [int(np.argmin(np.sum(patterns != p, 1))) for p in self._used.T]
                bases = [bases[n] for n in near]  # any basis where none is used
            self._over_symbols, self._delay_basis = np.stack(bases), delays
            return
        rank = dopplers.shape[1] * delays.shape[1]
        if self._used.size * rank > LARGEST_BASIS:
            raise ValueError(
                "ranges and max_velocity must span a smaller subspace for an irregular pattern of "
                f"elements; got {rank} dimensions for {self._used.size} elements"
            )
        joint = np.einsum("mi,sj->msij", dopplers, delays) * self._used[..., np.newaxis, np.newaxis]
        self._joint_basis = _orthonormal(joint.reshape(self._used.size, -1))
        if self._joint_basis.shape[1] == np.sum(self._used):
            raise ValueError(
                "ranges and max_velocity must leave some dimensions of the used elements; got "
                f"{self.ranges} and {self.max_velocity:g}, and nothing would remain"
            )


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the columns, up to a tolerance."""
    vectors, values, _ = np.linalg.svd(columns, full_matrices=False)
    rank = int(np.sum(values > TOLERANCE * values[0])) if values[0] > 0 else 0
    return vectors[:, :rank]
