"""Graph network of beams: symmetries, masks, power, SINR."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.beamforming import ISACBeamNetwork, NodeMasks, user_sinr
from sionna_isac.beamforming._served import (
    away_from_users,
    blended,
    frugal_beams,
    mmse_beams,
    rate_prices,
)

SHAPE, ANTENNAS = (4, 2), 8


def scene(users=3, scatterers=6, batch=4, strength=10.0, seed=1):
    rng = np.random.default_rng(seed)
    centre = rng.uniform([8, -1, -0.3, -3], [40, 1, 0.3, 3], (batch, 4))
    seen = centre[:, None, :3] + rng.normal(size=(batch, scatterers, 3)) * [1, 0.06, 0.03]
    weights = rng.uniform(0.1, 1, (batch, scatterers, 1))
    h = rng.normal(size=(2, batch, users, ANTENNAS))
    return np.concatenate([seen, weights], -1), centre, strength * (h[0] + 1j * h[1]) / 2**0.5


def network(head="subspace", **kwargs):
    isac.set_seed(3)
    return ISACBeamNetwork(SHAPE, head, width=10, precision="double", **kwargs)


HEADS = pytest.mark.parametrize(
    "net",
    [network(), network("direct"), network(min_sinr=None), network(num_updates=0, num_steps=0)],
    ids=["subspace", "direct", "free", "plain"],
)


@HEADS
def test_order_of_scatterers_has_no_effect_and_users_keep_their_beams(net):
    scatterers, centre, channels = scene()
    beams = net(scatterers, centre, channels)
    other = net(scatterers[:, [3, 5, 0, 1, 4, 2]], centre, channels[:, [2, 0, 1]])
    np.testing.assert_allclose(other, beams.numpy()[..., [2, 0, 1]], rtol=0, atol=1e-11)


@HEADS
def test_padding_changes_nothing(net):
    scatterers, centre, channels = scene()
    beams = net(scatterers, centre, channels).numpy()
    garbage, _, loud = scene(2, 5, seed=7)
    more = np.concatenate([garbage, scatterers], 1), np.concatenate([channels, loud], 1)
    lit, present = np.ones((4, 11), bool), np.ones((4, 5), bool)
    lit[:, :5], present[:, 3:] = False, False
    padded = net(more[0], centre, more[1], NodeMasks(lit, present)).numpy()
    np.testing.assert_allclose(padded[..., :3], beams, rtol=0, atol=1e-11)
    assert np.all(padded[..., 3:] == 0)
    more[0][:, :5, 3], more[1][:, 3:] = 0, 0  # without masks: no weight, no channel
    padded = net(more[0], centre, more[1]).numpy()
    np.testing.assert_allclose(padded[..., :3], beams, rtol=0, atol=1e-11)


@HEADS
@pytest.mark.parametrize(("users", "scatterers"), [(1, 1), (2, 20), (5, 3)])
def test_any_numbers_of_nodes_share_the_power(net, users, scatterers):
    beams = net(*scene(users, scatterers)).numpy()
    assert beams.shape == (4, ANTENNAS, users)
    np.testing.assert_allclose(np.sum(np.abs(beams) ** 2, (1, 2)), 1, rtol=1e-12)


@pytest.mark.parametrize("users", [1, 2, 4])
def test_every_user_has_the_sinr(users):
    channels = scene(users, batch=200)[2]
    net = network(power=0.5, user_noise=0.25, min_sinr=8.0)
    beams = net(*scene(users, batch=200)[:2], channels)
    least = user_sinr(channels, beams, 0.25).numpy().min(-1)
    assert np.all(least >= 8)
    np.testing.assert_allclose(np.sum(np.abs(beams) ** 2, (1, 2)), 0.5, rtol=1e-12)


def test_subspace_beams_do_not_depend_on_the_phases_of_channels():
    scatterers, centre, channels = scene()
    turned = channels * np.exp(2j * np.pi * np.random.default_rng(2).uniform(size=(4, 3, 1)))
    net = network()
    covariance = [
        w @ np.conj(w.swapaxes(-1, -2))
        for w in (net(scatterers, centre, h).numpy() for h in (channels, turned))
    ]
    np.testing.assert_allclose(covariance[0], covariance[1], rtol=0, atol=1e-11)


def test_more_power_or_less_noise_is_a_stronger_channel():
    scatterers, centre, channels = scene()
    expected = network()(scatterers, centre, channels)
    actual = network(power=4.0, user_noise=0.5)(scatterers, centre, channels / 8**0.5)
    np.testing.assert_allclose(actual, 2 * expected.numpy(), rtol=0, atol=1e-11)


def test_frugal_beams_meet_the_sinr_with_the_least_power():
    channels = tf.constant(scene(3, batch=20)[2])
    present = np.ones((20, 3))
    beams, price = frugal_beams(channels, present, 5.0)
    np.testing.assert_allclose(user_sinr(channels, beams), 5, rtol=1e-9)
    # by duality, the power is that of the uplink with the same SINR
    directions = beams.numpy() / np.linalg.norm(beams, axis=1, keepdims=True)
    gains = np.abs(channels.numpy().conj() @ directions) ** 2  # of k with the beam of j
    own = np.einsum("bkk->bk", gains)
    system = np.einsum("bk,kj->bkj", own * 1.2, np.eye(3)) - gains.swapaxes(-1, -2)
    uplink = np.linalg.solve(system, np.ones((20, 3, 1)))[..., 0]
    power = np.sum(np.abs(beams) ** 2, (1, 2))
    np.testing.assert_allclose(uplink.sum(-1), power, rtol=1e-9)
    np.testing.assert_allclose(price, uplink, rtol=0.03)
    alone, _ = frugal_beams(channels[:, :1], present[:, :1], 5.0)
    expected = 5 / np.sum(np.abs(channels[:, 0]) ** 2, -1)
    np.testing.assert_allclose(np.sum(np.abs(alone) ** 2, (1, 2)), expected, rtol=1e-12)


def test_mmse_beams_invert_the_covariance_of_users():
    channels = scene(3, batch=2, strength=1.0)[2]
    beams = mmse_beams(tf.constant(channels), np.ones((2, 3)))[0].numpy()
    for h, w in zip(channels, beams, strict=True):
        expected = np.linalg.solve(np.eye(ANTENNAS) + h.T @ h.conj() / 3, h.T)
        np.testing.assert_allclose(w, expected / np.linalg.norm(expected, axis=0), atol=1e-12)
        vectors = np.ones((ANTENNAS, 2), complex)
        apart = away_from_users(tf.constant(h[None]), tf.constant(vectors[None]))[0]
        expected = np.linalg.solve(np.eye(ANTENNAS) + h.T @ h.conj(), vectors)
        np.testing.assert_allclose(apart, expected, atol=1e-12)


def test_blended_beams_stop_where_the_sinr_is_met():
    channels = tf.constant(scene(2, batch=50)[2])
    present = np.ones((50, 2))
    safe = 2 * frugal_beams(channels, present, 5.0)[0]
    rng = np.random.default_rng(5)
    beams = tf.constant(rng.normal(size=(50, 8, 2)) + 1j * rng.normal(size=(50, 8, 2)))
    before = user_sinr(channels, beams).numpy().min(-1)
    after = user_sinr(channels, blended(channels, beams, safe, present, 5.0)).numpy().min(-1)
    wrong = before < 5
    assert wrong.sum() > 10
    np.testing.assert_allclose(after[wrong], 5, rtol=1e-9)
    np.testing.assert_allclose(after[~wrong], before[~wrong], rtol=1e-9)
    unserved = blended(channels, beams, 0.1 * safe, present, 5.0)
    np.testing.assert_allclose(np.abs(unserved)[wrong], np.abs(0.1 * safe)[wrong], rtol=1e-9)


def test_sinr_is_the_one_of_the_definition(rng):
    channels, beams = (rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)) for _ in range(2))
    heard = np.abs(channels.conj() @ beams.T) ** 2
    expected = [heard[0, 0] / (heard[0, 1] + 0.3), heard[1, 1] / (heard[1, 0] + 0.3)]
    np.testing.assert_allclose(user_sinr(channels, beams.T, 0.3), expected, rtol=1e-12)


def test_a_scene_out_of_reach_leaves_the_others_as_they_are():
    """Two users of the same channel, and more users than antennas."""
    isac.set_seed(1)
    network = isac.beamforming.ISACBeamNetwork((2, 3), width=8, num_steps=1)
    rng = np.random.default_rng(1)
    channels = 5 * (rng.normal(size=(3, 2, 6, 2)) @ [1, 1j]).astype(np.complex64)
    scatterers = np.tile(np.float32([[20, 0.3, -0.1, 0.5], [21, 0.4, -0.1, 0.5]]), (3, 1, 1))
    pose = np.tile(np.float32([20, 0.3, -0.1, 0.5]), (3, 1))
    alone = network(scatterers, pose, channels).numpy()
    channels[1, 1] = channels[1, 0]
    with tf.GradientTape() as tape:
        beams = network(scatterers, pose, channels)
        loss = tf.reduce_sum(tf.math.log(isac.beamforming.user_sinr(channels, beams)))
    np.testing.assert_allclose(beams.numpy()[[0, 2]], alone[[0, 2]], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.sum(np.abs(beams) ** 2, (1, 2)), 1, rtol=1e-5)
    gradients = tape.gradient(loss, network.trainable_weights)
    assert all(np.all(np.isfinite(g)) for g in gradients if g is not None)
    crowded = network(scatterers, pose, np.tile(channels, (1, 4, 1)))
    np.testing.assert_allclose(np.sum(np.abs(crowded) ** 2, (1, 2)), 1, rtol=1e-5)


@pytest.mark.slow
def test_xla_gives_the_same_beams():
    """Not in the default run: XLA compiles the factorisations for a minute."""
    isac.set_seed(1)
    network = isac.beamforming.ISACBeamNetwork(SHAPE, width=8, num_steps=1)
    given = scene()
    compiled = tf.function(network, jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(*given), network(*given), rtol=1e-3, atol=1e-5)


def test_multipliers_of_the_rate_give_its_gradient():
    _, _, channels = scene()
    channels = tf.constant(channels)
    rng = np.random.default_rng(2)
    beams = tf.Variable(rng.normal(size=(4, ANTENNAS, 3)) + 1j * rng.normal(size=(4, ANTENNAS, 3)))
    with tf.GradientTape() as tape:
        rate = tf.reduce_sum(tf.math.log1p(user_sinr(channels, beams)))
    gradient = tape.gradient(rate, beams) / 2
    others, own = (tf.cast(v, tf.complex128) for v in rate_prices(channels, beams))
    heard = tf.math.conj(channels) @ beams
    back = tf.linalg.diag(own) * heard - others[..., None] * heard
    np.testing.assert_allclose(gradient, tf.linalg.matrix_transpose(channels) @ back, rtol=1e-9)
