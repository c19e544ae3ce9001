"""Types and units at the edge: complex permittivities keep their meaning, nothing is cut."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import epsilon_0

from sionna_isac.scattering import (
    VolumeIntegralScattering,
    contrast,
    dipole_field,
    effective_conductivity,
    green_kernel,
    sphere_response,
    sphere_scattering_amplitudes,
    volume_response,
)
from tests.scattering.voxel_bodies import (
    FREQUENCY,
    WAVELENGTH,
    antennas,
    blob,
    relative_error,
    sphere,
)

SIZE = WAVELENGTH / 12
OMEGA = 2 * np.pi * FREQUENCY * epsilon_0
BODY = blob(SIZE)
LOSSY = BODY["permittivity"] - 1j * BODY["conductivity"] / OMEGA
TIGHT = {"tolerance": 1e-10, "precision": "double"}


@pytest.fixture(autouse=True)
def nothing_is_cut():
    """NumPy only warns when it drops an imaginary part."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        yield


def response(**changes):
    return volume_response(**{**BODY, **antennas(), "frequencies": [FREQUENCY], **TIGHT, **changes})


class TestComplexPermittivity:
    def test_is_loss_in_addition_to_the_conductivity(self):
        h = response(permittivity=LOSSY, conductivity=0 * BODY["conductivity"])
        assert relative_error(h, response()) < 1e-9
        half = response(
            permittivity=BODY["permittivity"] + 0.5j * LOSSY.imag,
            conductivity=BODY["conductivity"] / 2,
        )
        assert relative_error(half, response()) < 1e-9

    def test_agrees_with_the_mie_series(self):
        """Loss as it is known from outside: the sphere takes complex permittivities, too."""
        radius = 0.1 * WAVELENGTH
        positions, size, fill = sphere(radius, 10)
        around = antennas()
        number = len(positions)
        h = volume_response(
            positions, size, [4 - 1j] * number, [0] * number, [FREQUENCY], **around, fill=fill
        )
        truth = sphere_response(radius, [0, 0, 0], 4 - 1j, 0, [FREQUENCY], **around)
        assert relative_error(h, truth) < 0.01
        lossless = sphere_response(radius, [0, 0, 0], 4, 0, [FREQUENCY], **around)
        assert relative_error(h, lossless) > 0.05

    def test_effective_metal_caps_all_losses(self):
        metal = {"metal": "effective", "permittivity": np.ones(len(LOSSY))}
        given = response(**metal, conductivity=np.full(len(LOSSY), 1e7))
        metal["permittivity"] = metal["permittivity"] - 1e7j / OMEGA
        assert relative_error(response(**metal, conductivity=np.zeros(len(LOSSY))), given) < 1e-9

    @pytest.mark.parametrize("metal", ["exact", "effective"])
    @pytest.mark.parametrize("backend", ["scipy", "tf"])
    def test_of_the_layer(self, backend, metal):
        layer = VolumeIntegralScattering(
            BODY["positions"], SIZE, [FREQUENCY], backend=backend, metal=metal, **TIGHT
        )
        around = antennas().values()
        sigma = tf.Variable(BODY["conductivity"])
        permittivity = tf.Variable(LOSSY)
        with tf.GradientTape(persistent=True) as tape:
            truth = layer(BODY["permittivity"], sigma, *around)
            h = layer(permittivity, 0 * sigma, *around)
            both = [tf.reduce_sum(tf.abs(v) ** 2) for v in (truth, h)]
        assert relative_error(h.numpy(), truth.numpy()) < 1e-8
        gradient = tape.gradient(both[0], sigma).numpy()
        slope = tape.gradient(both[1], permittivity).numpy()
        np.testing.assert_allclose(-slope.imag / OMEGA, gradient, rtol=1e-5, atol=1e-30)

    def test_gain_is_refused(self):
        with pytest.raises(TypeError, match=r"imaginary part <= 0, which is loss .*; got 1j"):
            response(permittivity=LOSSY.real + 1j)
        layer = VolumeIntegralScattering(BODY["positions"], SIZE, [FREQUENCY], **TIGHT)
        values = (LOSSY.real + 1j, BODY["conductivity"], *antennas().values())
        with pytest.raises(ValueError, match=r"imaginary part <= 0, which is loss .*; got 1 j"):
            layer(*values)

        @tf.function(jit_compile=True)
        def compiled(permittivity):
            layer = VolumeIntegralScattering(
                BODY["positions"], SIZE, [FREQUENCY], backend="tf", approximation="born", **TIGHT
            )
            return layer(permittivity, *values[1:])

        assert np.all(np.isnan(compiled(values[0]).numpy()))
        assert np.all(np.isfinite(compiled(LOSSY).numpy()))


COMPLEX = {
    "positions": BODY["positions"] + 1j,
    "conductivity": BODY["conductivity"] * 1j,
    "frequencies": [FREQUENCY * 1j],
    "tx_positions": antennas()["tx_positions"] + 1j,
    "rx_positions": antennas()["rx_positions"] + 1j,
    "fill": np.full(len(LOSSY), 0.5 + 0.1j),
    "voxel_size": SIZE + 1j,
    "tolerance": np.complex128(1e-5 + 1j),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_where_real_is_meant_is_refused(name):
    with pytest.raises(TypeError, match=f"{name} must (hold real|be a) number"):
        response(**{name: COMPLEX[name]})
    if name in ("conductivity", "tx_positions", "rx_positions"):
        layer = VolumeIntegralScattering(BODY["positions"], SIZE, [FREQUENCY])
        values = {**BODY, **antennas(), name: COMPLEX[name]}
        del values["positions"], values["voxel_size"]
        with pytest.raises(TypeError, match=f"{name} must hold real numbers; got complex128"):
            layer(*values.values())


def test_complex_normals_are_refused():
    with pytest.raises(TypeError, match="normals must hold real numbers"):
        response(fill=np.full(len(LOSSY), 0.5), normals=np.full([len(LOSSY), 3], 1j))


def test_real_vectors_and_integers_are_promoted():
    real = {
        "tx_positions": [[1, 0, 0], [0, 1, 0]],
        "tx_moments": [[0, 0, 1], [0, 1, 0]],
        "rx_positions": [[0, -1, 1]],
        "rx_polarizations": [[1, 0, 0]],
    }
    body = {**BODY, "permittivity": [4] * len(LOSSY), "conductivity": [0] * len(LOSSY)}
    h = response(**body, **real)
    exact = {k: np.asarray(v, complex if k[3] in "mp" and "pos" not in k else float)
             for k, v in real.items()}  # fmt: skip
    truth = response(**{k: np.asarray(v, float) for k, v in body.items()}, **exact)
    np.testing.assert_array_equal(h, truth)
    for backend in ("scipy", "tf"):
        layer = VolumeIntegralScattering(BODY["positions"], SIZE, [FREQUENCY], backend=backend)
        values = [tf.constant(v) for v in (body["permittivity"], body["conductivity"])]
        given = layer(*values, *(tf.constant(v) for v in real.values()))
        assert relative_error(given.numpy(), truth) < 1e-4


@pytest.mark.parametrize(
    "call",
    [
        lambda f: response(frequencies=[f]),
        lambda f: VolumeIntegralScattering(BODY["positions"], SIZE, [f]),
        lambda f: green_kernel((2, 2, 2), SIZE, f),
        lambda f: dipole_field([[1, 0, 0]], [[0, 0, 0]], [[0, 0, 1]], f),
        lambda f: contrast(2.0, 0.1, f),
        lambda f: effective_conductivity(1e7, SIZE, f),
        lambda f: sphere_scattering_amplitudes(0.1, 2.0, 0.0, [f], [0.0]),
    ],
)
def test_gigahertz_are_not_hertz(call):
    with pytest.raises(
        ValueError, match=r"frequenc.* must be in Hz, within \[1000, 1e\+16\]; got 28"
    ):
        call(28)


def test_degrees_are_not_radians():
    with pytest.raises(ValueError, match=r"scattering_angles must .* rad; got 180"):
        sphere_scattering_amplitudes(0.1, 2.0, 0.0, [FREQUENCY], [0.0, 180.0])
