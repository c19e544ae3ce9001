"""Laws and power of clutter."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

import sionna_isac as isac
from sionna_isac.scene import ClutterScene

BATCH, SCATTERERS = 40, 500


def draw(sector=(-0.3, 0.5), no=1.0, **kwargs):
    options = {"cnr_db": 20.0, "precision": "double", **kwargs}
    scene = ClutterScene(SCATTERERS, (30.0, 60.0), **options)
    return scene(np.tile([sector], (BATCH, 1)), no)


def k_law(shape):
    """Distribution of the amplitude of K clutter of power 1 (E. Jakeman, P. N. Pusey, 1976)."""

    def cdf(a):
        z = 2 * np.sqrt(shape) * a
        return 1 - 2 / special.gamma(shape) * (z / 2) ** shape * special.kv(shape, z)

    return cdf


LAWS = {
    "rayleigh": ({}, stats.rayleigh(scale=np.sqrt(0.5)).cdf, 1.0),
    "weibull": (
        {"amplitude": "weibull", "shape_parameter": 1.3},
        stats.weibull_min(1.3, scale=special.gamma(1 + 2 / 1.3) ** -0.5).cdf,
        special.gamma(1 + 4 / 1.3) / special.gamma(1 + 2 / 1.3) ** 2 - 1,
    ),
    "k-heavy": ({"amplitude": "k", "shape_parameter": 0.6}, k_law(0.6), 2 * (1 + 1 / 0.6) - 1),
    "k": ({"amplitude": "k", "shape_parameter": 4.0}, k_law(4.0), 2 * (1 + 1 / 4) - 1),
}


@pytest.mark.parametrize("law", LAWS)
def test_amplitudes_follow_their_law(law):
    """Of mean power 1, with the variance of the power that is given."""
    options, cdf, variance = LAWS[law]
    gain = draw(cnr_db=10 * np.log10(SCATTERERS), **options).gain.numpy().ravel()
    assert stats.kstest(np.abs(gain), cdf).pvalue > 1e-3
    assert stats.kstest(np.angle(gain), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    error = 5 * np.sqrt(variance / gain.size)
    assert np.mean(np.abs(gain) ** 2) == pytest.approx(1, abs=error)


def test_places_and_velocities():
    clutter = draw(velocity_std=0.3)
    for value, law in (
        (clutter.angle, stats.uniform(-0.3, 0.8)),
        (clutter.range, stats.uniform(30, 30)),  # an edge on either side
        (clutter.velocity, stats.norm(0, 0.3)),
    ):
        assert stats.kstest(np.ravel(value), law.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(clutter.num_targets, [SCATTERERS] * BATCH)
    assert draw().velocity is None


def test_clutter_to_noise_ratio_is_that_of_an_element(rng):
    """One antenna with beam 1: the power of the echo of clutter over that of the noise."""
    no = np.where(np.arange(BATCH) < BATCH // 2, 0.1, 3.0)
    numerology = isac.waveform.Numerology(32, 10e6, 60e9)
    array = isac.array.UniformLinearArray(1, numerology.wavelength, precision="double")
    echo = isac.channel.MonostaticEcho(array, numerology, precision="double")
    x, beam = np.ones((BATCH, 32)), np.ones((BATCH, 1))
    power = np.mean(np.abs(echo(x, draw(no=no, cnr_db=13.0), beam)) ** 2, (1, 2)) / no
    for half in np.split(power, 2):  # 32 * 10 MHz over 30 m: all elements are independent
        assert np.mean(half) == pytest.approx(10**1.3, rel=5 / np.sqrt(20 * 32))


def test_noise_that_is_no_power_gives_nan_in_a_graph():
    scene = ClutterScene(5, (30.0, 60.0), cnr_db=10.0)
    function = tf.function(lambda no: scene(np.array([[0.0, 0.1]] * 2), no).gain)
    gain = function(tf.constant([0.0, 1.0])).numpy()
    assert np.all(np.isnan(gain[0])) and np.all(np.isfinite(gain[1]))
