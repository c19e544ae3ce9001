"""The multi-target chain of [MateosRamos25] as its text reads, in plain TensorFlow.

This is the reference that the library is timed against and checked with: batched complex
operations on the full dictionaries, nothing of the library in it. Equation numbers are those of
the paper. Two things depart from the text, for the comparison to make sense: the precoder (7) may
be regularised, and the softmax has an inverse temperature.

Arrays of steering and delay vectors hold them as rows: A^H Y D* is ``conj(a) @ y @ adjoint(d)``.
Which of the two products comes first is an argument, because it decides the cost.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

__all__ = [
    "Draws",
    "Estimate",
    "Setting",
    "differentiable_omp",
    "draw",
    "gospa_loss",
    "least_squares_beam",
    "letter",
    "observation",
    "omp",
    "training_loss",
]


class Setting(NamedTuple):
    """Parameters of Section V-A; positions are in wavelengths and angles in rad."""

    num_antennas: int
    num_subcarriers: int
    subcarrier_spacing: float
    angle_grid: np.ndarray
    range_grid: np.ndarray
    max_targets: int
    window: tuple[int, int]
    noise_power: float
    inverse_temperature: float
    centre: tuple[float, float]
    span: tuple[float, float]
    user_sector: tuple[float, float]
    num_taps: int
    link_power: float
    eta: float
    regularization: float
    cutoff: float


def letter(
    num_antennas: int = 64,
    num_subcarriers: int = 256,
    num_angles: int = 720,
    num_ranges: int = 200,
    max_targets: int = 5,
    subcarrier_spacing: float = 120e3,
    ranges: tuple[float, float] = (10.0, 190.0),
    window: tuple[int, int] = (7, 5),
) -> Setting:
    """The paper's setting: sensing SNR 15 dB with unit gains, communication SNR 20 dB."""
    noise_power = num_antennas / 10**1.5
    return Setting(
        num_antennas,
        num_subcarriers,
        subcarrier_spacing,
        np.linspace(-np.pi / 2, np.pi / 2, num_angles),
        np.linspace(*ranges, num_ranges),
        max_targets,
        window,
        noise_power,
        1 / math.sqrt(num_antennas * num_subcarriers * noise_power),
        (-np.pi / 3, np.pi / 3),
        (np.pi / 18, np.pi / 9),
        (np.pi / 6, 5 * np.pi / 18),
        5,
        100 * noise_power,
        0.5,
        1e-2,
        (ranges[1] - ranges[0]) / 2,
    )


class Estimate(NamedTuple):
    """[batch_size, max_targets] each: angle [rad], range [m], maximum of the map."""

    angle: tf.Tensor
    range: tf.Tensor
    metric: tf.Tensor


# --- model ---------------------------------------------------------------------------------------


def steering(positions: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Steering vectors [..., num_antennas] of angles [...]."""
    phase = -2 * math.pi * tf.sin(angle)[..., tf.newaxis] * positions
    return tf.exp(tf.complex(tf.zeros_like(phase), phase))


def delay(distance: tf.Tensor, setting: Setting) -> tf.Tensor:
    """Delay vectors [..., num_subcarriers] of distances [...]."""
    index = tf.range(setting.num_subcarriers, dtype=distance.dtype)
    step = 4 * math.pi * setting.subcarrier_spacing / SPEED_OF_LIGHT
    phase = -step * distance[..., tf.newaxis] * index
    return tf.exp(tf.complex(tf.zeros_like(phase), phase))


class Draws(NamedTuple):
    """Everything random of one batch; noise is that of the unfiltered echo."""

    sector: tf.Tensor
    angle: tf.Tensor
    range: tf.Tensor
    gain: tf.Tensor
    num_targets: tf.Tensor
    message: tf.Tensor
    noise: tf.Tensor
    user_angle: tf.Tensor
    taps: tf.Tensor
    link_noise: tf.Tensor


def draw(batch_size: int, setting: Setting, dtype: tf.DType = tf.float32) -> Draws:
    """Draw sectors, targets, messages, channel taps and noise."""

    def uniform(shape, low, high):
        return tf.random.uniform(shape, low, high, dtype)

    def normal(shape, variance):
        scale = tf.sqrt(tf.cast(variance, dtype) / 2)
        re, im = (scale * tf.random.normal(shape, dtype=dtype) for _ in range(2))
        return tf.complex(re, im)

    number, size = setting.max_targets, setting.num_subcarriers
    centre = uniform([batch_size], *setting.centre)
    half = uniform([batch_size], *setting.span) / 2
    sector = tf.stack([centre - half, centre + half], -1)
    angle = uniform([batch_size, number], 0.0, 1.0)
    angle = sector[:, :1] + (sector[:, 1:] - sector[:, :1]) * angle
    distance = uniform([batch_size, number], setting.range_grid[0], setting.range_grid[-1])
    count = tf.random.uniform([batch_size], 0, number + 1, tf.int32)
    gain = normal([batch_size, number], 1.0)
    gain *= tf.cast(tf.range(number) < count[:, tf.newaxis], gain.dtype)
    profile = np.exp(-np.arange(setting.num_taps))
    return Draws(
        sector,
        angle,
        distance,
        gain,
        count,
        tf.random.uniform([batch_size, size], 0, 4, tf.int32),
        normal([batch_size, setting.num_antennas, size], setting.noise_power),
        uniform([batch_size], *setting.user_sector),
        normal([batch_size, setting.num_taps], setting.link_power * profile / profile.sum()),
        normal([batch_size, size], setting.noise_power),
    )


def constellation(dtype: tf.DType) -> tf.Tensor:
    """The four QPSK points; messages 0...3 are two bits, first the one of the real part."""
    points = np.array([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j]) / np.sqrt(2)
    return tf.constant(points, dtype)


def least_squares_beam(
    positions: tf.Tensor, sector: tf.Tensor, angle_grid: np.ndarray, regularization: float
) -> tf.Tensor:
    """Beams [batch_size, num_antennas] of unit norm by (6) and (7), one solve per sample."""
    grid = tf.constant(angle_grid, positions.dtype)
    a = steering(positions, grid)  # [N, K], the paper's A transposed
    inside = (grid >= sector[:, :1]) & (grid <= sector[:, 1:])
    pattern = tf.cast(inside, a.dtype)
    normal = tf.matmul(a, a, adjoint_a=True)
    level = tf.linalg.trace(normal) / a.shape[1]
    normal += regularization * level * tf.eye(a.shape[1], dtype=a.dtype)
    normal = tf.repeat(normal[tf.newaxis], sector.shape[0], 0)
    beam = tf.linalg.solve(normal, tf.matmul(pattern, tf.math.conj(a))[..., tf.newaxis])[..., 0]
    return beam / tf.cast(tf.norm(beam, axis=-1, keepdims=True), beam.dtype)


def joint_beam(first: tf.Tensor, second: tf.Tensor, eta: float) -> tf.Tensor:
    """Joint beam (5) with unit power and phase 0."""
    beam = math.sqrt(eta) * first + math.sqrt(1 - eta) * second
    return beam / tf.cast(tf.norm(beam, axis=-1, keepdims=True), beam.dtype)


def observation(
    positions: tf.Tensor, beam: tf.Tensor, draws: Draws, setting: Setting
) -> tuple[tf.Tensor, tf.Tensor]:
    """Echo (1) after reciprocal filtering (3), [batch_size, K, S], and the symbols."""
    a = steering(positions, draws.angle)
    x = tf.gather(constellation(a.dtype), draws.message)
    rho = delay(draws.range, setting)
    amplitude = draws.gain * tf.linalg.matvec(a, beam) / math.sqrt(setting.num_subcarriers)
    lit = amplitude[..., tf.newaxis] * (x[:, tf.newaxis] * rho)
    y = tf.matmul(a, lit, transpose_a=True) + draws.noise
    return y / x[:, tf.newaxis], x


def symbol_errors(
    positions: tf.Tensor, beam: tf.Tensor, draws: Draws, setting: Setting
) -> tf.Tensor:
    """Link (4) with maximum-likelihood decisions (15): share of wrong messages."""
    points = constellation(beam.dtype)
    size = setting.num_subcarriers
    padded = tf.pad(draws.taps, [[0, 0], [0, size - setting.num_taps]])
    gain = tf.reduce_sum(beam * steering(positions, draws.user_angle), -1, keepdims=True)
    kappa = tf.signal.fftshift(tf.signal.fft(padded), -1) * gain
    y = kappa * tf.gather(points, draws.message) + draws.link_noise
    distance = tf.abs(y[..., tf.newaxis] - kappa[..., tf.newaxis] * points)
    decided = tf.argmin(distance, -1, tf.int32)
    return tf.reduce_mean(tf.cast(decided != draws.message, tf.float32))


# --- receivers -----------------------------------------------------------------------------------


def angle_delay_map(a: tf.Tensor, y: tf.Tensor, d: tf.Tensor, delay_first: bool) -> tf.Tensor:
    """Magnitudes |A^H Y D*|, [batch_size, num_angles, num_ranges]."""
    if delay_first:
        return tf.abs(tf.matmul(tf.math.conj(a), tf.matmul(y, d, adjoint_b=True)))
    return tf.abs(tf.matmul(tf.matmul(tf.math.conj(a), y), d, adjoint_b=True))


def fit(y: tf.Tensor, atoms: list[tuple[tf.Tensor, tf.Tensor]]) -> tf.Tensor:
    """Residual (14) after the gains of all atoms were fitted by least squares (13)."""
    columns = [
        tf.reshape(a[:, :, tf.newaxis] * rho[:, tf.newaxis], [y.shape[0], -1]) for a, rho in atoms
    ]
    matrix = tf.stack(columns, -1)
    target = tf.reshape(y, [y.shape[0], -1, 1])
    # by the normal equations: tf.linalg.lstsq is the same here, but XLA does not have it
    factor = tf.linalg.cholesky(tf.matmul(matrix, matrix, adjoint_a=True))
    gains = tf.linalg.cholesky_solve(factor, tf.matmul(matrix, target, adjoint_a=True))
    return tf.reshape(target - tf.matmul(matrix, gains), y.shape)


def peak(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Row and column [batch_size] of the largest entry of each map."""
    index = tf.argmax(tf.reshape(values, [values.shape[0], -1]), -1, tf.int32)
    return index // values.shape[2], index % values.shape[2]


def omp(
    y: tf.Tensor,
    sector: tf.Tensor,
    positions: tf.Tensor,
    setting: Setting,
    num_angles: int = 720,
    delay_first: bool = True,
) -> Estimate:
    """Algorithm 1 on a grid of angles over the sector of each sample, always T_max iterations."""
    unit = tf.linspace(tf.zeros([], positions.dtype), 1.0, num_angles)
    angles = sector[:, :1] + (sector[:, 1:] - sector[:, :1]) * unit
    ranges = tf.constant(setting.range_grid, positions.dtype)
    a, d = steering(positions, angles), delay(ranges, setting)
    found, atoms, residual = [], [], y
    for _ in range(setting.max_targets):
        values = angle_delay_map(a, residual, d, delay_first)
        row, column = peak(values)
        angle = tf.gather(angles, row, batch_dims=1)
        found.append((angle, tf.gather(ranges, column), tf.reduce_max(values, [1, 2])))
        atoms.append((tf.gather(a, row, batch_dims=1), tf.gather(d, column)))
        residual = fit(y, atoms)
    return Estimate(*(tf.stack(parts, -1) for parts in zip(*found, strict=True)))


def differentiable_omp(
    y: tf.Tensor,
    sector: tf.Tensor,
    positions: tf.Tensor,
    setting: Setting,
    delay_first: bool = True,
) -> Estimate:
    """Differentiable OMP of Section IV-B; atoms are those of the grid."""
    grid = tf.constant(setting.angle_grid, positions.dtype)
    ranges = tf.constant(setting.range_grid, positions.dtype)
    a, d = steering(positions, grid), delay(ranges, setting)
    inside = (grid >= sector[:, :1]) & (grid <= sector[:, 1:])
    mask = tf.cast(inside, positions.dtype)[:, :, tf.newaxis]
    # an earlier atom leaves an exact 0 in the map; its rounding error has no direction
    eps = np.finfo(positions.dtype.as_numpy_dtype).eps
    norm = tf.norm(tf.reshape(y, [y.shape[0], -1]), axis=-1)
    size = setting.num_antennas * setting.num_subcarriers
    floor = tf.stop_gradient(64 * eps * math.sqrt(size) * tf.math.real(norm))
    found, atoms, residual = [], [], y
    for _ in range(setting.max_targets):
        values = angle_delay_map(a, residual, d, delay_first) * mask
        values = tf.where(values > floor[:, tf.newaxis, tf.newaxis], values, 0.0)
        row, column = peak(tf.stop_gradient(values))
        near_row = tf.abs(tf.range(grid.shape[0]) - row[:, tf.newaxis]) <= setting.window[0]
        near_column = tf.abs(tf.range(ranges.shape[0]) - column[:, tf.newaxis]) <= setting.window[1]
        window = near_row[:, :, tf.newaxis] & near_column[:, tf.newaxis]
        logits = tf.where(window, setting.inverse_temperature * values, -float("inf"))
        weight = tf.nn.softmax(tf.reshape(logits, [y.shape[0], -1]))
        weight = tf.reshape(weight, logits.shape)
        angle = tf.reduce_sum(weight * grid[:, tf.newaxis], [1, 2])
        distance = tf.reduce_sum(weight * ranges, [1, 2])
        found.append((angle, distance, tf.reduce_max(values, [1, 2])))
        atoms.append((tf.stop_gradient(tf.gather(a, row)), tf.gather(d, column)))
        residual = tf.stop_gradient(fit(tf.stop_gradient(y), atoms))
    return Estimate(*(tf.stack(parts, -1) for parts in zip(*found, strict=True)))


# --- training ------------------------------------------------------------------------------------


def gospa_loss(estimate: Estimate, draws: Draws, cutoff: float) -> tf.Tensor:
    """Mean of (18) with p = 2, over all permutations."""

    def position(angle, distance):
        return tf.stack([distance * tf.cos(angle), distance * tf.sin(angle)], -1)

    truth, guess = position(draws.angle, draws.range), position(estimate.angle, estimate.range)
    size = truth.shape[1]
    difference = truth[:, :, tf.newaxis] - guess[:, tf.newaxis]
    cost = tf.minimum(tf.reduce_sum(difference**2, -1), cutoff**2)
    real = tf.range(size) < draws.num_targets[:, tf.newaxis]
    row, column = real[:, :, tf.newaxis], real[:, tf.newaxis]
    # padding goes with padding: a true target with a padded estimate costs the cut-off
    lonely = tf.cast(row | column, cost.dtype) * cutoff**2
    cost = tf.where(row & column, cost, lonely)
    matrices = np.eye(size)[list(itertools.permutations(range(size)))]
    total = tf.reduce_min(tf.einsum("bij,pij->bp", cost, tf.constant(matrices, cost.dtype)), -1)
    positive = total > 0
    return tf.reduce_mean(
        tf.where(positive, tf.sqrt(tf.where(positive, total, tf.ones_like(total))), 0.0)
    )


def training_loss(
    positions: tf.Tensor,
    true_positions: tf.Tensor,
    draws: Draws,
    setting: Setting,
    receiver=differentiable_omp,
) -> tuple[tf.Tensor, tf.Tensor, Estimate]:
    """GOSPA, symbol error rate, estimates of a batch; both ends of the chain share positions."""
    options = (setting.angle_grid, setting.regularization)
    user = tf.constant([setting.user_sector], positions.dtype)
    sensing = least_squares_beam(positions, draws.sector, *options)
    beam = joint_beam(sensing, least_squares_beam(positions, user, *options), setting.eta)
    y, _ = observation(true_positions, beam, draws, setting)
    estimate = receiver(y, draws.sector, positions, setting)
    errors = symbol_errors(true_positions, tf.stop_gradient(beam), draws, setting)
    return gospa_loss(estimate, draws, setting.cutoff), errors, estimate
