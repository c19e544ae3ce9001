"""First guesses at a tone from the solutions at the tones before it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["ToneHistory"]

ORDER = 3  # tones that a guess is extrapolated from: quadratic


class _Tone(NamedTuple):
    wavenumber: float
    mixing: np.ndarray
    solutions: np.ndarray


class ToneHistory:
    r"""Extrapolates solutions over frequency, free of the phase of the way to the antennas.

    The solutions at a tone are :math:`e^{-jk\ell_n}` times something that varies slowly over
    frequency, with the distance :math:`\ell_n` of a voxel from the centre of the antennas. Each
    belongs to a combination of the antennas that differs from tone to tone: they are remixed.

    Parameters
    ----------
    voxels : [N, 3], `float`
        Voxel centres [m]
    antennas : [T, 3], `float`
        Antennas on the side that is solved for [m]
    """

    def __init__(self, voxels: np.ndarray, antennas: np.ndarray) -> None:
        self._distance = np.linalg.norm(voxels - antennas.mean(0), axis=1)
        self._tones: list[_Tone] = []

    def guess(self, wavenumber: float, mixing: np.ndarray) -> np.ndarray | None:
        """Solutions [K, 3, N] to expect for the combinations ``mixing`` [T, K] of the antennas."""
        if not self._tones:
            return None
        nodes = np.array([tone.wavenumber for tone in self._tones])
        total: np.ndarray | None = None
        for n, tone in enumerate(self._tones):
            others = np.delete(nodes, n)
            weight = np.prod((wavenumber - others) / (nodes[n] - others))
            remix = (weight * mixing.conj().T @ tone.mixing).astype(tone.solutions.dtype)
            part = remix @ tone.solutions.reshape(len(tone.solutions), -1)
            total = part if total is None else total + part
        assert total is not None
        guess = total.reshape(len(total), 3, -1)
        guess *= self._phase(-wavenumber, guess.dtype)
        return guess

    def add(self, wavenumber: float, mixing: np.ndarray, solutions: np.ndarray) -> None:
        """Keep the solutions at a tone, and those of the two before it."""
        solutions = solutions * self._phase(wavenumber, solutions.dtype)
        self._tones = [*self._tones[1 - ORDER :], _Tone(wavenumber, mixing, solutions)]

    def _phase(self, wavenumber: float, dtype: np.dtype) -> np.ndarray:
        return np.exp(1j * wavenumber * self._distance).astype(dtype)
