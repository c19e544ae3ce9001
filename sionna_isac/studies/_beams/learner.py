"""Training of networks of beams."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sionna_isac import objective
from sionna_isac.beamforming import ISACBeamNetwork, user_sinr
from sionna_isac.bound import information_terms
from sionna_isac.core import linalg, reset_stream
from sionna_isac.studies._beams.scenes import BeamScene, BeamScenes
from sionna_isac.study.learner import Learner

__all__ = ["BeamLearner", "BeamQuality"]


class BeamQuality:
    """Bound, SINR and energies of beams in the scenes of a batch.

    Parameters
    ----------
    tx_shape, rx_shape : (`int`, `int`)
        Numbers of elements of the arrays along y and z
    user_noise : `float`, (default 1)
        Noise power of users [W]
    path_gain : `float`, (default 1)
        Gain of the echo, a factor of all bounds
    noise_power : `float`, (default 1)
        Noise power of a sample of the echo [W]
    rms_bandwidth : `float`, (default 28.9e6)
        Root mean square of the frequencies about their mean [Hz]
    num_samples : `int`, (default 1024)
        Number of samples
    weights : `None` (default) | [4], array_like
        Weights of the bounds of range, azimuth, elevation and orientation; `None` is 1 each
    level : "energy" (default) | "resolved"
        Level of the information
    """

    def __init__(
        self,
        tx_shape: Any,
        rx_shape: Any,
        *,
        user_noise: float = 1.0,
        path_gain: float = 1.0,
        noise_power: float = 1.0,
        rms_bandwidth: float = 28.9e6,
        num_samples: int = 1024,
        weights: Any = None,
        level: str = "energy",
    ) -> None:
        self._shapes: tuple[Any, Any] = tuple(tx_shape), tuple(rx_shape)
        self._noise, self._weights = user_noise, weights
        self._echo: tuple[Any, ...] = path_gain, noise_power, rms_bandwidth, num_samples, level

    def __call__(self, scene: BeamScene, beams: tf.Tensor) -> dict[str, tf.Tensor]:
        """Trace of the bound "crb" [B], "sinr" [B, K] and "energy" [B, L]."""
        terms = self._terms(scene)
        beams = tf.cast(beams, tf.complex128)
        lit = linalg.matmul(terms.steering[..., 0, :], beams)
        return {
            "crb": objective.crb_trace(terms.of_beams(beams), 4, self._weights),
            "sinr": user_sinr(tf.cast(scene.channels, tf.complex128), beams, self._noise),
            "energy": tf.reduce_sum(tf.math.real(lit) ** 2 + tf.math.imag(lit) ** 2, -1),
        }

    def isotropic(self, scene: BeamScene, power: float = 1.0) -> tf.Tensor:
        """Trace of the bound [B] for the same power in all directions."""
        terms = self._terms(scene)
        number = terms.steering.shape[-1]
        covariance = tf.eye(number, dtype=tf.complex128) * (power / number)
        return objective.crb_trace(terms.of_covariance(covariance), 4, self._weights)

    def _terms(self, scene: BeamScene) -> Any:
        points, weights, pose = (tf.cast(v, tf.float64) for v in scene[:3])
        return information_terms(points, weights, pose, *self._shapes, *self._echo)


class BeamLearner(Learner):
    """A network of beams and the scenes on which it learns, without labels.

    Parameters
    ----------
    network : :class:`~sionna_isac.beamforming.ISACBeamNetwork`
        Network, with the wanted SINR
    scenes : :class:`BeamScenes`
        Scenes, new ones in each iteration
    quality : :class:`BeamQuality`
        Quality of beams
    coverage : `float`, (default 4)
        Largest ratio of energies at the scatterers
    rate : `None` (default) | `dict`
        Arguments ``weight`` and ``balance`` of
        :func:`~sionna_isac.objective.weighted_isac_loss`; `None` takes
        :func:`~sionna_isac.objective.crb_min_loss`. Without ``balance``, bounds are in units of
        those of the same power in all directions, as in
        :func:`~sionna_isac.beamforming.weighted_isac`.
    penalties : `None` (default) | `dict`
        Further arguments of the loss: its form and the weights of penalties
    seed : `int`, (default 1)
        Seed of the scenes of the validation
    """

    def __init__(
        self,
        network: ISACBeamNetwork,
        scenes: BeamScenes,
        quality: BeamQuality,
        *,
        coverage: float = 4.0,
        rate: dict[str, float] | None = None,
        penalties: dict[str, Any] | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__()
        self.network = network
        self._scenes, self._quality, self._seed = scenes, quality, seed
        self._coverage = coverage
        self._rate, self._penalties = dict(rate or {}), dict(penalties or {})

    def batch_loss(self, batch_size: int, progress: tf.Tensor) -> tf.Tensor:
        """Loss in new scenes."""
        scene = self._scenes(batch_size)
        return self._loss(scene, self._quality(scene, self.network(*scene.inputs)))

    def _loss(self, scene: BeamScene, found: dict[str, tf.Tensor]) -> tf.Tensor:
        masks = scene.masks
        wanted: dict[str, Any] = {
            **found,
            **self._penalties,
            **self._rate,
            "coverage": self._coverage,
            "users": masks.users,
            "scatterers": masks.scatterers,
        }
        if self._rate:
            if "balance" not in self._rate:
                power = self.network.power
                wanted["crb"] = found["crb"] / self._quality.isotropic(scene, power)
                wanted["balance"] = 1.0
            return objective.weighted_isac_loss(**wanted)
        return objective.crb_min_loss(**wanted, min_sinr=self.network.min_sinr or 0)

    def validate(self, validation: Any) -> dict[str, float]:
        """Loss ("score"), share of samples with all SINRs, and bound against isotropic power."""
        if self._compiled is None:
            self._compiled = tf.function(self._validated, autograph=False)
        reset_stream(self._seed, "validation")
        return {k: float(v) for k, v in self._compiled(validation.num_samples).items()}

    _compiled: Any = None

    def _validated(self, number: int) -> dict[str, tf.Tensor]:
        scene = self._scenes(number)
        found = self._quality(scene, self.network(*scene.inputs))
        met = (found["sinr"] >= (self.network.min_sinr or 0)) | ~scene.masks.users
        ratio = found["crb"] / self._quality.isotropic(scene, self.network.power)
        return {
            "score": self._loss(scene, found),
            "met": tf.reduce_mean(tf.cast(tf.reduce_all(met, -1), tf.float64)),
            "crb": tf.exp(tf.reduce_mean(tf.math.log(ratio))),
        }
