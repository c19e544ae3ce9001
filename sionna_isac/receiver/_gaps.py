"""Filling of narrow gaps between used subcarriers."""

from __future__ import annotations

import numpy as np

__all__ = ["filled_noise", "filling"]

RIDGE = 1e-4  # noise over power that the least squares assume


def filling(used: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Subcarriers that can be filled, and the weights of all subcarriers for each of them.

    Echoes are evenly spread over the delays from 0 to a share of the unambiguous one.
    """
    gaps = np.flatnonzero(~used)
    fill = np.zeros((gaps.size, used.size), complex)
    if gaps.size == 0:
        return gaps, fill
    lag = np.subtract.outer(np.arange(used.size), np.arange(used.size))
    shared = np.sinc(share * lag) * np.exp(-1j * np.pi * share * lag)
    among, across = shared[np.ix_(used, used)], shared[np.ix_(used, gaps)]
    noise = RIDGE * np.eye(len(among))
    fill[:, used] = np.linalg.solve(among + noise, across).conj().T
    gain = np.sum(np.abs(fill) ** 2, 1)
    # error with the noise that is assumed, less that noise
    error = 1 - np.real(np.sum(fill[:, used] * across.T, 1)) - RIDGE * gain
    good = (error < 1e-3) & (gain < 10**1.2)
    return gaps[good], fill[good]


def filled_noise(
    taper: np.ndarray, filled: np.ndarray, gaps: np.ndarray, fill: np.ndarray, size: int
) -> np.ndarray:
    """Noise of each range with filled gaps over that without: fills repeat the noise of others."""
    turns = filled[:, np.newaxis] * np.exp(2j * np.pi * np.outer(gaps, np.arange(size)) / size)
    other = 2 * np.fft.fft(fill * taper, size) + (fill @ fill.conj().T) @ turns.conj()
    return 1 + np.sum(np.real(turns * other), 0) / np.sum(taper**2)
