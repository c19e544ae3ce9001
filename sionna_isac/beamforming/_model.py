"""The design problem in dimensionless form, and gradients of its parts.

With beams W of unit power, the unit vectors [a, q_1, q_2] (steering vector and its whitened,
centred derivatives) and channels in units of the noise, everything is a function of the inner
products Z = [a, q_1, q_2, h_1, ..., h_K]^H W. The EFIM in units of the largest one is

    J_ij = |u|^2 delta_ij + Re<v_i, v_j> - Re(<v_i, u><u, v_j>) / |u|^2,   u = a^H W, v_i = q_i^H W

and SPEB / (smallest reachable SPEB) = tr(weight J^-1) with a weight of unit trace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sionna_isac.beamforming.scene import NearFieldScene

__all__ = ["Model", "log_sensing", "log_sinr", "log_snr", "log_sum_rate"]


@dataclass(frozen=True)
class Model:
    """A scene at a given transmit power, dimensionless."""

    power: float
    sensing: np.ndarray  # [N, 3]: a, q_1, q_2, orthonormal
    users: np.ndarray  # [N, K]: h_k sqrt(P / noise)
    weight: np.ndarray  # [2, 2]: SPEB / smallest_speb = tr(weight J^-1)
    smallest_speb: float  # [m^2]
    axes: np.ndarray  # [2, 2]: EFIM = efim_scale * axes J axes^T
    efim_scale: float

    @classmethod
    def of(cls, scene: NearFieldScene, power: float) -> Model:
        """The dimensionless form of a scene."""
        offset = scene.target[1] - scene.element_positions
        distance = np.hypot(scene.target[0], offset)
        wavenumber = 2 * math.pi / scene.wavelength
        steering = np.exp(-1j * wavenumber * distance) / math.sqrt(scene.num_antennas)
        cosines = np.stack([scene.target[0] / distance, offset / distance], axis=1)
        centred = wavenumber * (cosines - cosines.mean(0))  # [N, 2], times sqrt(N): real G
        left, singular, right = np.linalg.svd(centred, full_matrices=False)
        directions = -1j * steering[:, None] * math.sqrt(scene.num_antennas) * left
        # EFIM <= kappa N P G with G = right^T diag(singular^2) right
        kappa = 2 * scene.num_snapshots * abs(scene.reflection) ** 2 / scene.no
        scale = kappa * scene.num_antennas * power
        inverse = singular**-2.0
        return cls(
            power=power,
            sensing=np.concatenate([steering[:, None], directions], axis=1),
            users=scene.channels.T * math.sqrt(power / scene.no),
            weight=np.diag(inverse / inverse.sum()),
            smallest_speb=inverse.sum() / scale,
            axes=right.T * singular,
            efim_scale=scale,
        )

    @property
    def vectors(self) -> np.ndarray:
        """[N, 3 + K]: all vectors that beams have inner products with."""
        return np.concatenate([self.sensing, self.users], axis=1)


def log_sensing(z: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """log tr(weight J^-1) of the products z [3, streams], and its gradient (d = Re<g, dz>)."""
    u, v = z[0], z[1:]
    power = np.vdot(u, u).real
    if not power > 0:
        return math.inf, np.zeros_like(z)
    c = v @ u.conj()
    rest = v - np.outer(c / power, u)
    efim = (rest.conj() @ rest.T).real
    efim[0, 0] += power
    efim[1, 1] += power
    determinant = efim[0, 0] * efim[1, 1] - efim[0, 1] ** 2
    inverse = np.array([[efim[1, 1], -efim[0, 1]], [-efim[0, 1], efim[0, 0]]]) / determinant
    sensitivity = inverse @ weight @ inverse
    value = float(np.sum(weight * inverse))
    gradient = np.empty_like(z)
    gradient[1:] = sensitivity @ rest
    gradient[0] = (sensitivity[0, 0] + sensitivity[1, 1]) * u
    gradient[0] -= (c.conj() / power) @ gradient[1:]
    return math.log(value), (-2 / value) * gradient


def log_snr(z: np.ndarray) -> tuple[float, np.ndarray]:
    """-log |u|^2 of the products z [3, streams], and its gradient: the sensing SNR alone."""
    power = np.vdot(z[0], z[0]).real
    gradient = np.zeros_like(z)
    gradient[0] = (-2 / power) * z[0]
    return -math.log(power), gradient


def log_sinr(z: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log SINR_k of the products z [K, K], gradients [K, K] and d/dnoise [K].

    Row k of the gradient belongs to log SINR_k, which depends on row k of z only.
    """
    energy = z.real**2 + z.imag**2
    own = np.diagonal(energy)
    other = energy.sum(1) - own + noise
    gradient = (-2 / other)[:, None] * z
    index = np.arange(len(z))
    gradient[index, index] = 2 * z[index, index] / own
    return np.log(own / other), gradient, -1 / other


def log_sum_rate(z: np.ndarray, noise: float) -> tuple[float, np.ndarray, float]:
    """Sum of log(1 + SINR_k) in nat of the products z [K, K], gradient [K, K] and d/dnoise."""
    energy = z.real**2 + z.imag**2
    total = energy.sum(1) + noise
    other = total - np.diagonal(energy)
    gradient = (2 / total - 2 / other)[:, None] * z
    index = np.arange(len(z))
    gradient[index, index] = (2 / total) * z[index, index]
    value = float(np.sum(np.log(total / other)))
    return value, gradient, float(np.sum(1 / total - 1 / other))
