"""One scene with several targets in the range-Doppler map, before and after clutter is removed."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from sionna_isac import receiver, scene
from sionna_isac.core import complex_normal, linalg
from sionna_isac.studies.range_doppler.scenario import RangeDopplerScenario
from sionna_isac.studies.range_doppler.system import SharedGridSystem

__all__ = ["range_doppler_picture"]

WINDOW = ("hann", "hann")  # side lobes of strong targets and clutter would hide the others
SPREAD = 40  # random scatterers in each row of the patch


def range_doppler_picture(
    scenario: RangeDopplerScenario, system: SharedGridSystem
) -> dict[str, np.ndarray]:
    """Power maps over the noise, the true targets, and detections with the first kind of CFAR.

    The targets lie in the look direction: two alone, one beside a strong one, and one before the
    edge of a patch of moving clutter.

    Output
    ------
    : `dict`
        ``received`` and ``cleaned`` [num_velocities, num_ranges], ``velocities`` and ``ranges``;
        ``true_velocity``, ``true_range`` [num_targets]; ``velocity``, ``range`` [num_detections],
        NaN where there is none
    """
    config, precision = scenario.detection, system.precision
    rd = receiver.RangeDopplerMap(
        system.numerology, window=WINDOW, padding=(1, 1), precision=precision
    )
    shape = (scenario.grid.num_ofdm_symbols, scenario.grid.fft_size)
    kind = "os" if "os" in config.kinds else config.kinds[0]
    cells = (kind, config.num_reference, config.num_guard, config.p_fa)
    rank = config.rank if kind == "os" else None
    plain = receiver.CFAR(*cells, rank, precision=precision)
    draws = math.ceil(200 / (config.p_fa * np.prod(shape)))
    detect = plain.calibrated(rd, shape, draws, seed=scenario.seed)

    velocity, distance, level = _targets(scenario, system)
    truth = _scene(system, scenario.look_deg, velocity, distance, level)
    x = system.symbols(1)
    y = system.background(x)
    y += system.reflect(x, truth) + system.reflect(x, _rain(scenario, system, velocity, distance))
    look = math.radians(scenario.look_deg)
    noise = system.array.num_antennas * float(system.filter.noise_power(x, 1.0)[0])
    noise *= float(tf.reduce_mean(rd(_white(shape, precision))))
    stages = {
        "received": rd(system.receive(y, x, look, still=True)[:, 0]),
        "cleaned": rd(system.receive(y, x, look)[:, 0]),
    }
    found = detect(stages["cleaned"])
    place = rd.estimate(stages["cleaned"], found)
    seen = found.mask.numpy()[0]
    assert place.velocity is not None and place.range is not None
    return {
        **{name: power.numpy()[0] / noise for name, power in stages.items()},
        "velocities": np.asarray(rd.velocities),
        "ranges": np.asarray(rd.ranges),
        "true_velocity": velocity,
        "true_range": distance,
        "velocity": np.where(seen, place.velocity.numpy()[0], np.nan),
        "range": np.where(seen, place.range.numpy()[0], np.nan),
    }


def _targets(
    scenario: RangeDopplerScenario, system: SharedGridSystem
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Velocities, ranges and SNRs [dB]: alone (two), strong and masked, before the patch."""
    targets, cell = scenario.targets, system.numerology.range_resolution
    near, far = targets.range_interval
    slow, fast = targets.min_speed, targets.max_speed
    share = np.array([0.1, 0.75, 0.3, 0.3, 0.4])
    distance = near + share * (far - near)
    distance[3] += scenario.masking.offset[1] * cell
    velocity = np.array([0.4, -0.3, -0.75, -0.75, 0.7])
    velocity = np.sign(velocity) * (slow + np.abs(velocity) * (fast - slow))
    velocity[3] += scenario.masking.offset[0] * system.numerology.velocity_resolution
    return velocity, distance, np.array([22.0, 18.0, scenario.masking.snr_db, 20.0, 22.0])


def _scene(
    system: SharedGridSystem,
    look_deg: float,
    velocity: np.ndarray,
    distance: np.ndarray,
    level: np.ndarray,
) -> scene.PointTargets:
    dtype = system.array.rdtype
    angle = tf.fill([1, len(level)], tf.constant(math.radians(look_deg), dtype))
    gain = linalg.to_complex(tf.constant(10 ** (level / 20), dtype) * system.amplitude(angle))
    far, speed = (tf.constant(v[np.newaxis], dtype) for v in (distance, velocity))
    return scene.PointTargets(angle, far, gain, tf.constant([len(level)]), speed)


def _rain(
    scenario: RangeDopplerScenario,
    system: SharedGridSystem,
    velocity: np.ndarray,
    distance: np.ndarray,
) -> scene.PointTargets:
    """Patch of moving clutter behind the last target, with scatterers anywhere in it."""
    patch, numerology = scenario.patch, system.numerology
    number = SPREAD * patch.num_velocities
    rng = np.random.default_rng(scenario.seed)
    first = distance[-1] + (patch.gap - 0.5) * numerology.range_resolution
    far = rng.uniform(first, first + patch.num_ranges * numerology.range_resolution, number)
    half = patch.num_velocities / 2 * numerology.velocity_resolution
    speed = velocity[-1] + rng.uniform(-half, half, number)
    level = patch.cnr_db + 10 * np.log10(patch.num_ranges * patch.num_velocities / number)
    rain = _scene(system, scenario.look_deg, speed, far, np.full(number, level))
    return rain._replace(gain=rain.gain * complex_normal([1, number], precision=system.precision))


def _white(shape: tuple[int, int], precision: str) -> tf.Tensor:
    return complex_normal([16, *shape], precision=precision)
