"""Fisher information of the OFDM echo of point targets, from inner products of its factors.

The derivative of the echo by a parameter of a target is an antenna vector times a signal over
symbols and subcarriers. The information is made of the products of their inner products, so that no
derivative of the observation [num_antennas, num_symbols, num_subcarriers] is ever formed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.waveform import Numerology

__all__ = ["Motion", "SentSignal", "echo_information", "signal_products"]

_SAME = 1e-14  # of the largest weight: rounding of symbols of equal magnitude
_NOTHING = 1e-12  # of the energy: what is left of a signal by rounding


class SentSignal(NamedTuple):
    """Elements of the resource grid that the receiver uses.

    Attributes
    ----------
    weights : [batch_size or 1, num_symbols, num_active], `np.float64`
        Energy of each element, 0 where it is not used
    removed : `None` | [num_symbols, n], `np.complex128`
        Orthonormal sequences over the symbols that a clutter filter removes from each subcarrier
    migration : `bool`
        If `True`, each subcarrier has the Doppler shift of its own frequency
    """

    weights: np.ndarray
    removed: np.ndarray | None
    migration: bool


class Motion(NamedTuple):
    """Distances and velocities of the targets.

    Attributes
    ----------
    distance : [batch_size, T], `np.float64`
        Distances [m]
    velocity : `None` | [batch_size, T], `np.float64`
        Radial velocities [m/s]; `None` is 0, and known
    """

    distance: np.ndarray
    velocity: np.ndarray | None


class _Phases(NamedTuple):
    """Phase of the echo per metre and subcarrier, and per m/s and symbol."""

    range: float
    velocity: float
    migration: float  # per m/s, symbol and subcarrier


def echo_information(
    antennas: np.ndarray, gain: np.ndarray, products: np.ndarray, no: np.ndarray
) -> np.ndarray:
    """Information [batch_size, n, n] on angles, ranges (, velocities) and complex gains.

    Parameters
    ----------
    antennas : [batch_size, 2, T, K], `np.complex128`
        Steering vectors times beam pattern, and their derivatives by the angle
    gain : [batch_size, T], `np.complex128`
        Gains
    products : [batch_size, J * T, J * T], `np.complex128`
        Output of :func:`signal_products`, J = 2 or 3
    no : [batch_size], `np.float64`
        Noise power [W]
    """
    batch_size, max_targets = gain.shape
    rows = antennas.reshape(batch_size, 2 * max_targets, -1)
    across = rows.conj() @ rows.swapaxes(-1, -2)
    target = np.arange(max_targets)
    moving = products.shape[-1] // max_targets - 1  # parameters of the signal
    antenna = np.concatenate([target + max_targets, np.tile(target, moving + 2)])
    signal = [target, *(target + (i + 1) * max_targets for i in range(moving)), target, target]
    along = np.concatenate(signal)
    one = np.ones_like(gain)
    factor = np.concatenate([np.tile(gain, moving + 1), one, 1j * one], axis=-1)
    product = across[:, antenna][:, :, antenna] * products[:, along][:, :, along]
    product *= factor.conj()[:, :, np.newaxis] * factor[:, np.newaxis]
    return 2 / no[:, np.newaxis, np.newaxis] * product.real


def signal_products(
    motion: Motion, sent: SentSignal, numerology: Numerology, chunk: int
) -> tuple[np.ndarray, np.ndarray]:
    """Inner products of the signals of the targets and of their derivatives.

    Parameters
    ----------
    motion
        Distances and velocities
    sent
        Elements of the resource grid
    numerology
        Numerology
    chunk : `int`
        Number of values that are held at once

    Output
    ------
    products : [batch_size, J * T, J * T], `np.complex128`
        Of the signals, their derivatives by the range and (J = 3) by the velocity
    left : [batch_size, T], `np.float64`
        Share of the energy of each signal that the clutter filter leaves
    """
    step = 4 * math.pi / SPEED_OF_LIGHT
    duration = step * numerology.symbol_duration
    phases = _Phases(
        step * numerology.subcarrier_spacing,
        duration * numerology.carrier_frequency,
        duration * numerology.subcarrier_spacing if sent.migration else 0.0,
    )
    moves = sent.migration and motion.velocity is not None
    if sent.removed is None and not moves:
        factors = _rank_one(sent.weights)
        if factors is not None:
            delay, doppler = _delays(motion, phases, numerology), _dopplers(motion, phases, sent)
            products = _gram(doppler, factors[0]) * _gram(delay, factors[1])
            return products, np.ones_like(motion.distance)
    return _summed(motion, sent, numerology, phases, chunk)


def _rank_one(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Factors [..., num_symbols] and [..., num_active] of the weights, if their product is."""
    flat = weights.reshape(len(weights), -1)
    symbol, tone = np.divmod(np.argmax(flat, axis=-1), weights.shape[-1])
    sample = np.arange(len(weights))
    largest = flat.max(axis=-1)[:, np.newaxis]
    over_symbols, over_tones = weights[sample, :, tone] / largest, weights[sample, symbol]
    outer = over_symbols[:, :, np.newaxis] * over_tones[:, np.newaxis]
    same = np.abs(outer - weights) <= _SAME * largest[:, np.newaxis]
    return (over_symbols, over_tones) if np.all(same) else None


def _gram(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (rows.conj() * weights[:, np.newaxis]) @ rows.swapaxes(-1, -2)


def _delays(motion: Motion, phases: _Phases, numerology: Numerology) -> np.ndarray:
    """Factors [batch_size, J * T, num_active] over subcarriers of signals and derivatives."""
    index = numerology.subcarriers
    wave = np.exp(-1j * phases.range * motion.distance[..., np.newaxis] * index)
    slope = -1j * phases.range * index * wave
    return np.concatenate([wave, slope, *([] if motion.velocity is None else [wave])], axis=1)


def _dopplers(motion: Motion, phases: _Phases, sent: SentSignal) -> np.ndarray:
    """Factors [batch_size, J * T, num_symbols] over symbols of signals and derivatives."""
    index = np.arange(sent.weights.shape[1])
    if motion.velocity is None:
        batch_size, max_targets = motion.distance.shape
        return np.ones((batch_size, 2 * max_targets, index.size), complex)
    wave = np.exp(-1j * phases.velocity * motion.velocity[..., np.newaxis] * index)
    return np.concatenate([wave, wave, -1j * phases.velocity * index * wave], axis=1)


def _summed(
    motion: Motion, sent: SentSignal, numerology: Numerology, phases: _Phases, chunk: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same by a sum over elements, for weights of any kind, migration and clutter filters."""
    batch_size, max_targets = motion.distance.shape
    delays, dopplers = _delays(motion, phases, numerology), _dopplers(motion, phases, sent)
    num_rows, num_symbols = dopplers.shape[1:]
    tones = numerology.subcarriers
    products = np.zeros((batch_size, num_rows, num_rows), complex)
    lost = np.zeros_like(products)
    width = min(tones.size, max(1, chunk // (num_rows * num_symbols)))
    step = max(1, chunk // (num_rows * num_symbols * width))
    symbols = np.arange(num_symbols)[:, np.newaxis]
    for begin in range(0, batch_size, step):
        some = slice(begin, begin + step)
        weights = sent.weights if len(sent.weights) == 1 else sent.weights[some]
        for first in range(0, tones.size, width):
            block = slice(first, first + width)
            rows = dopplers[some, :, :, np.newaxis] * delays[some, :, np.newaxis, block]
            if phases.migration and motion.velocity is not None:
                grid = phases.migration * symbols * tones[block]
                turn = np.exp(-1j * grid * motion.velocity[some, :, np.newaxis, np.newaxis])
                rows *= np.tile(turn, (1, 3, 1, 1))
                rows[:, 2 * max_targets :] -= 1j * grid * rows[:, :max_targets]
            seen = rows.conj() * weights[:, np.newaxis, :, block]
            flat = rows.reshape(*rows.shape[:2], -1)
            products[some] += seen.reshape(flat.shape) @ flat.swapaxes(-1, -2)
            if sent.removed is not None:
                lost[some] += _clutter(seen, weights[:, :, block], sent.removed)
    energy = np.diagonal(products, axis1=-2, axis2=-1).real[:, :max_targets]
    gone = np.diagonal(lost, axis1=-2, axis2=-1).real[:, :max_targets]
    left = 1 - gone / np.where(energy > 0, energy, 1)
    return products - lost, left


def _clutter(seen: np.ndarray, weights: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """The part of the inner products that the unknown amplitudes of removed sequences take."""
    along = np.einsum("bjms,mn->bsjn", seen, removed, optimize=True)
    own = np.einsum("ml,bms,mn->bsln", removed.conj(), weights, removed, optimize=True)
    # a subcarrier may use fewer symbols than there are sequences
    inverse = np.linalg.pinv(own, rcond=_NOTHING, hermitian=True)
    return np.sum(along @ inverse @ along.conj().swapaxes(-1, -2), axis=1)
