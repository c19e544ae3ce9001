"""The pursuit receivers against numbers of the released implementation of [MateosRamos25]."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.receiver import reference as ref

# the small case has ranges beyond the unambiguous one
pytestmark = pytest.mark.filterwarnings("ignore:range_grid is")

each_case = pytest.mark.parametrize("name", ref.CASES)
SUFFIXES = ("", "__scale1", "__scale2")


def loss_of(estimate) -> tf.Tensor:
    distance = estimate.range / ref.STRETCH
    return tf.reduce_mean(tf.reduce_sum(estimate.angle**2 + (distance / 100) ** 2, -1))


@pytest.fixture(scope="module", params=ref.CASES)
def differentiable(request):
    data = ref.load(request.param)
    receiver = ref.differentiable_omp(data)
    sector = ref.sector(data)

    results = {}
    for number, suffix in enumerate(SUFFIXES):
        y = tf.constant(ref.observation(data, data["rel_scales"][number]))
        with tf.GradientTape() as tape:
            tape.watch(y)
            estimate = receiver(y, sector)
            loss = loss_of(estimate)
        positions, observed = tape.gradient(loss, [receiver.array.positions.value, y])
        results[suffix] = (estimate, float(loss), positions.numpy(), observed.numpy())
    return data, results


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_differentiable_omp_estimates(differentiable, suffix):
    data, results = differentiable
    estimate, loss, _, _ = results[suffix]
    np.testing.assert_allclose(estimate.angle, data[f"diff_angle{suffix}"], rtol=0, atol=1e-9)
    distance = estimate.range / ref.STRETCH
    np.testing.assert_allclose(distance, data[f"diff_range{suffix}"], rtol=1e-9)
    # the reference weights its map by the number of antennas
    metric = estimate.metric * data["K"]
    np.testing.assert_allclose(metric, data[f"diff_metric{suffix}"], rtol=1e-9)
    assert loss == pytest.approx(float(data[f"diff_loss{suffix}"]), rel=1e-9)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_differentiable_omp_gradients(differentiable, suffix):
    data, results = differentiable
    _, _, positions, observed = results[suffix]
    expected = data[f"diff_grad_pos{suffix}"]
    actual = positions / data["wavelength"]  # the weight is in wavelengths
    tolerance = 1e-6 * np.linalg.norm(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)
    norm = float(data[f"diff_grad_Y_norm{suffix}"])
    assert np.linalg.norm(observed) == pytest.approx(norm, rel=1e-6)
    probe = data[f"diff_grad_Y_probe{suffix}"]
    corner = observed[:, :4, :4]
    np.testing.assert_allclose(corner, probe, rtol=0, atol=1e-6 * np.abs(probe).max())


@each_case
def test_least_squares_gains(name):
    data = ref.load(name)
    estimate = ref.omp(data, data["angle_grid"])(ref.observation(data), ref.sector(data))
    np.testing.assert_allclose(estimate.angle, data["fixed_angle"], rtol=0, atol=1e-9)
    gains = data["ls_coeffs"][:, -1]
    np.testing.assert_allclose(estimate.gain, gains, rtol=0, atol=1e-9 * np.abs(gains).max())


@each_case
@pytest.mark.parametrize("grid", ["omp", "fixed"])
def test_omp(name, grid):
    data = ref.load(name)
    angle_grid = int(data["n_theta"]) if grid == "omp" else data["angle_grid"]
    estimate = ref.omp(data, angle_grid)(ref.observation(data), ref.sector(data))
    np.testing.assert_allclose(estimate.angle, data[f"{grid}_angle"], rtol=0, atol=1e-9)
    distance = estimate.range / ref.STRETCH
    np.testing.assert_allclose(distance, data[f"{grid}_range"], rtol=1e-9)
    np.testing.assert_allclose(estimate.metric, data[f"{grid}_metric"], rtol=1e-9)


@each_case
def test_argmax_cells(name):
    """The grid estimates of OMP are the cells of the reference's differentiable pursuit."""
    data = ref.load(name)
    estimate = ref.omp(data, data["angle_grid"])(ref.observation(data), ref.sector(data))
    first = data["diff_argmax_angle_index"], data["diff_argmax_range_index"]
    np.testing.assert_allclose(estimate.angle, data["angle_grid"][first[0]], atol=1e-12)
    grid = data["range_grid"] * ref.STRETCH
    np.testing.assert_allclose(estimate.range, grid[first[1]], rtol=1e-12)


@each_case
def test_single_precision_is_close(name):
    data = ref.load(name)
    receiver = ref.differentiable_omp(data, "single")
    with tf.GradientTape() as tape:
        estimate = receiver(ref.observation(data), ref.sector(data))
        loss = loss_of(estimate)
    np.testing.assert_allclose(estimate.angle, data["diff_angle"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(estimate.range / ref.STRETCH, data["diff_range"], atol=1e-2)
    np.testing.assert_allclose(estimate.metric * data["K"], data["diff_metric"], rtol=1e-4)
    gradient = tape.gradient(loss, receiver.array.positions.value) / data["wavelength"]
    expected = data["diff_grad_pos"]
    assert np.linalg.norm(gradient - expected) < 1e-2 * np.linalg.norm(expected)


def test_compiled_training_step_in_single_precision():
    data = ref.load("case_text_k64")
    span = float(np.max(data["theta_max"] - data["theta_min"]))
    receiver = ref.differentiable_omp(data, "single", max_span=span)

    @tf.function(jit_compile=True)
    def step(y, sector):
        with tf.GradientTape() as tape:
            estimate = receiver(y, sector)
            loss = loss_of(estimate)
        return estimate, tape.gradient(loss, receiver.array.positions.value)

    inputs = receiver.cast(ref.observation(data)), receiver.cast(ref.sector(data))
    estimate, gradient = step(*inputs)
    np.testing.assert_allclose(estimate.angle, data["diff_angle"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(estimate.range / ref.STRETCH, data["diff_range"], atol=1e-2)
    expected = data["diff_grad_pos"] * data["wavelength"]
    assert np.linalg.norm(gradient - expected) < 1e-2 * np.linalg.norm(expected)
