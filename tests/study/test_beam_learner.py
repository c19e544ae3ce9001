"""Random scenes of beams, and training on them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.studies._beams.learner import BeamLearner, BeamQuality
from sionna_isac.studies._beams.scenes import BeamScenes
from sionna_isac.study import RunFolder, Stage, train
from sionna_isac.study.blocks import Optimization, Scenario, Validation
from sionna_isac.study.progress import Reporter


class Seen:
    def __init__(self, points, weights):
        self.points, self.weights = points, weights


class Bar:
    """A number of scatterers along a bar, of which one is not seen."""

    def __init__(self, number, length):
        self.number, self.length = number, length

    def scatterers(self, **pose):
        size = len(pose["range"])
        points = np.zeros((size, self.number, 3))
        points[..., 0] = np.linspace(-1, 1, self.number) * self.length / 2
        points[..., 1], points[..., 2] = 0.1 * points[..., 0] ** 2, 0.3 * points[..., 0]
        weights = np.full((size, self.number), 1 / (self.number - 1))
        weights[:, 0] = 0
        return Seen(points, weights)


def scenes(**changes):
    isac.set_seed(4)
    return BeamScenes([Bar(4, 3.0), Bar(6, 1.0)], (3, 2), **{"num_poses": 40, **changes})


def test_scenes_are_those_of_the_settings():
    draw = scenes(range_interval=(10, 12), num_users=(1, 3), snr_db=13.0)
    scene = draw(4000)
    assert scene.points.shape == (4000, 6, 3) and scene.channels.shape == (4000, 3, 6)
    assert set(np.sum(scene.masks.users, 1)) == {1, 3}
    assert set(np.sum(scene.masks.scatterers, 1)) == {3, 5}
    low, high = np.min(scene.pose, 0), np.max(scene.pose, 0)
    assert np.all(low >= [10, -np.pi / 3, -np.pi / 9, -np.pi])
    assert np.all(high <= [12, np.pi / 3, np.pi / 9, np.pi])
    power = np.mean(np.abs(scene.channels) ** 2, -1)[scene.masks.users.numpy()]
    np.testing.assert_allclose(np.mean(power), 10**1.3 * 1.3, rtol=0.03)
    line = scenes(num_paths=0, num_users=(2,), snr_db=0.0)(50).channels.numpy()
    np.testing.assert_allclose(np.abs(line), 1, rtol=1e-5)
    assert scene.with_users(2).channels.shape == (4000, 2, 6)


def test_one_seed_gives_the_same_scenes():
    first, again = (scenes()(5) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    other = scenes()
    isac.set_seed(5)
    assert np.any(other(5).channels.numpy() != first.channels.numpy())


@pytest.mark.parametrize("level", ["energy", "resolved"])
def test_quality_is_that_of_the_functions_for_one_target(level, rng):
    scene = scenes(num_users=(2,))(3)
    beams = rng.normal(size=(3, 6, 2)) + 1j * rng.normal(size=(3, 6, 2))
    quality = BeamQuality((3, 2), (2, 2), user_noise=0.7, weights=[1, 2, 3, 4], level=level)
    found = quality(scene, beams)
    covariance = beams @ beams.conj().swapaxes(-1, -2)
    pose = dict(
        zip(("range", "azimuth", "elevation", "orientation"), scene.pose.numpy().T, strict=True)
    )
    target = isac.bound.ExtendedTarget(scene.points, scene.weights, **pose)

    def trace(covariance):
        fim = isac.bound.extended_target_fim(
            target, (3, 2), (2, 2), covariance, 1.0, 1.0, 28.9e6, 1024, level
        )
        crb = isac.bound.cramer_rao_bound(isac.bound.effective_fim(fim, num_interest=4))
        return np.einsum("bii,i->b", crb, [1, 2, 3, 4])

    np.testing.assert_allclose(found["crb"], trace(covariance), rtol=1e-8)
    isotropic = trace(np.tile(np.eye(6) / 3, (3, 1, 1)))
    np.testing.assert_allclose(quality.isotropic(scene, 2.0), isotropic, rtol=1e-8)
    a = isac.array.planar_wave((3, 2), *map(tf.constant, (target.azimuths, target.elevations)))
    energy = np.einsum("bln,bnm,blm->bl", a, covariance, np.conj(a)).real
    np.testing.assert_allclose(found["energy"], energy, rtol=1e-8)
    heard = np.abs(np.einsum("bkn,bnj->bkj", scene.channels.numpy().conj(), beams)) ** 2
    own = np.einsum("bkk->bk", heard)
    np.testing.assert_allclose(found["sinr"], own / (heard.sum(-1) - own + 0.7), rtol=1e-6)


def test_a_tiny_training_lowers_the_loss(tmp_path):
    network = isac.beamforming.ISACBeamNetwork((3, 2), "direct", width=8, num_updates=1)
    learner = BeamLearner(network, scenes(), BeamQuality((3, 2), (3, 2)))
    training = Optimization(iterations=30, batch_size=32, checkpoint_interval=30)
    before = learner.validate(Validation(num_samples=100))
    folder = RunFolder(tmp_path, Scenario(name="toy", title="toy"), True)
    stage = Stage("beams", training)
    history = train(learner, [stage], folder, Reporter(quiet=True), "toy", 1, False)
    assert history["beams_loss"].shape == (30,)
    after = learner.validate(Validation(num_samples=100))
    assert after["score"] < before["score"] - 1
    assert after["crb"] < 1


def test_one_step_of_the_subspace_head_lowers_the_bound_and_keeps_the_sinr():
    scene = scenes(num_users=(1, 2))(64)
    network = isac.beamforming.ISACBeamNetwork((3, 2), width=8, num_updates=1, num_steps=1)
    learner = BeamLearner(network, None, BeamQuality((3, 2), (3, 2)))
    quality = learner._quality
    with tf.GradientTape() as tape:
        found = quality(scene, network(*scene.inputs))
        loss = learner._loss(scene, found)
    gradients = tape.gradient(loss, network.trainable_weights)
    size = float(tf.linalg.global_norm(gradients))
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        weight.assign_sub(0.01 / size * gradient)
    better = quality(scene, network(*scene.inputs))
    assert learner._loss(scene, better) < loss - 0.005 * size
    for each in (found, better):
        assert np.all((each["sinr"] >= 10) | ~scene.masks.users)


def test_weighted_loss_raises_the_rate_with_its_weight():
    draw = scenes(num_users=(2,))
    network = isac.beamforming.ISACBeamNetwork((3, 2), min_sinr=None, width=4, num_updates=0)
    quality = BeamQuality((3, 2), (3, 2))
    scene = draw(8)
    found = quality(scene, network(*scene.inputs))
    losses = [
        BeamLearner(network, draw, quality, rate={"weight": w, "balance": 1.0})._loss(scene, found)
        for w in (0.0, 1.0)
    ]
    rate = np.mean(np.sum(np.log2(1 + found["sinr"].numpy()), -1))
    penalty = losses[0] - np.mean(found["crb"])
    np.testing.assert_allclose(losses[1] - penalty, -rate, rtol=1e-6)
