"""Ambiguity function of resource elements: a direct sum, closed forms, aliases of patterns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c

import sionna_isac as isac

NUMEROLOGY = isac.waveform.Numerology(
    32, 120e3, 60e9, num_symbols=12, cyclic_prefix_length=3, active=np.arange(32) % 16 != 15
)


def test_it_is_the_sum_over_the_used_elements():
    rng = np.random.default_rng(2)
    elements = rng.random((12, 32)) < 0.3
    ranges, velocities = rng.uniform(-200, 200, 3), rng.uniform(-90, 90, 4)
    found = isac.waveform.element_ambiguity(NUMEROLOGY, ranges, velocities, elements=elements)
    assert found.shape == (4, 3)
    used = np.argwhere(elements & NUMEROLOGY.active)
    for i, j in np.ndindex(4, 3):
        turn = 2 * ranges[j] / c * 120e3 * used[:, 1]
        turn = (
            turn
            + 2 * velocities[i] * NUMEROLOGY.symbol_duration / NUMEROLOGY.wavelength * used[:, 0]
        )
        direct = abs(np.exp(-2j * np.pi * turn).sum()) / len(used)
        assert found[i, j] == pytest.approx(direct, abs=1e-12)


def test_a_full_grid_is_two_dirichlet_kernels():
    numerology = isac.waveform.Numerology(16, 120e3, 60e9, num_symbols=8)
    steps = np.array([0.3, 1.0, 1.5])
    ranges = steps * numerology.range_resolution
    velocities = steps * numerology.velocity_resolution

    def kernel(size):
        return np.abs(np.sin(np.pi * steps) / (size * np.sin(np.pi * steps / size)))

    found = isac.waveform.element_ambiguity(numerology, ranges, velocities)
    np.testing.assert_allclose(found, np.outer(kernel(8), kernel(16)), atol=1e-12)


def test_regular_patterns_have_aliases_where_they_must():
    numerology = isac.waveform.Numerology(64, 120e3, 60e9, num_symbols=20)
    elements = np.zeros((20, 64), bool)
    elements[::5, ::8] = True
    at = [0.0, numerology.max_range / 8, numerology.max_range / 16]
    speeds = [0.0, 2 * numerology.max_velocity / 5]
    found = isac.waveform.element_ambiguity(numerology, at, speeds, elements=elements)
    np.testing.assert_allclose(found, [[1, 1, 0], [1, 1, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: isac.waveform.element_ambiguity(NUMEROLOGY, 1.0, [0]), "ranges must be a vector"),
        (
            lambda: isac.waveform.element_ambiguity(NUMEROLOGY, [0], [np.nan]),
            "velocities must be finite",
        ),
        (
            lambda: isac.waveform.element_ambiguity(
                NUMEROLOGY, [0], [0], elements=np.ones((2, 32), bool)
            ),
            "elements must have shape",
        ),
    ],
)
def test_wrong_calls_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
