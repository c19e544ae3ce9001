"""Position errors of MUSIC on echoes of designed beams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.channel import NearFieldEcho
from sionna_isac.core import reset_stream
from sionna_isac.core.units import watt
from sionna_isac.receiver import MUSIC
from sionna_isac.studies.near_field.draws import make_array, reflection
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["music_errors", "orthogonal_symbols"]

BLOCK = 20  # draws of a batch


def orthogonal_symbols(num_streams: int, num_snapshots: int) -> np.ndarray:
    """Symbols S [streams, snapshots] of unit modulus with S S^H = T I, as the bound assumes."""
    phase = np.outer(np.arange(num_streams), np.arange(num_snapshots)) / num_snapshots
    return np.exp(2j * math.pi * phase)


def music_errors(
    scenario: Any, beams: list[np.ndarray], folder: RunFolder, reporter: Reporter
) -> np.ndarray:
    """Position errors [designs, values, draws, trials] in m; NaN where there are no beams.

    ``beams`` is a list over the values of [designs, draws, antennas, streams]. The noise is the
    same for all designs and values.
    """
    music = scenario.music
    values, draws = scenario.sweep.values, scenario.num_channels
    errors = np.full((len(scenario.designs), len(values), draws, music.num_trials), np.nan)
    total = sum(scenario.channels_of(d) for d in scenario.designs) * len(values)
    with reporter.task("estimating by MUSIC", total) as advance:
        for v, value in enumerate(values):
            simulator = _Simulator(scenario, scenario.antennas(value))
            for d, design in enumerate(scenario.designs):
                number = scenario.channels_of(design)
                for start in range(0, number, BLOCK):
                    stop = min(start + BLOCK, number)
                    name = f"music_value{v:02d}_design{d:02d}_draw{start:05d}"
                    part = folder.load(name)
                    if part is None:
                        part = {"error": simulator(beams[v][d, start:stop], start)}
                        folder.save(name, **part)
                    errors[d, v, start:stop] = part["error"]
                    advance(stop - start, f"{scenario.sweep.parameter} {value:g}")
    return errors


class _Simulator:
    """Echo and estimate, for one array."""

    def __init__(self, scenario: Any, num_antennas: int) -> None:
        self.scenario = scenario
        music = scenario.music
        array = make_array(scenario, num_antennas)
        self.echo = NearFieldEcho(array, precision="double")
        self.estimate = MUSIC(
            array,
            music.range_interval,
            num_angles=music.num_angles,
            num_ranges=music.num_ranges,
            num_zooms=music.num_zooms,
            num_refinements=music.num_refinements,
            precision="double",
        )
        self.symbols = orthogonal_symbols(scenario.users.number, scenario.num_snapshots)

    def __call__(self, beams: np.ndarray, start: int) -> np.ndarray:
        """Errors [draws, trials] of beams [draws, antennas, streams]."""
        config, trials = self.scenario, self.scenario.music.num_trials
        usable = np.all(np.isfinite(beams), axis=(1, 2))
        # always a full batch: what a draw sees does not depend on how many there are
        signal = np.zeros((BLOCK, beams.shape[1], config.num_snapshots), np.complex128)
        signal[: len(beams)][usable] = beams[usable] @ self.symbols
        size = BLOCK * trials
        target = np.array(config.target.position)
        reset_stream(config.seed, "near_field_music", start)
        y = self.echo(
            tf.constant(np.repeat(signal, trials, axis=0)),
            tf.constant(np.tile(target, (size, 1, 1))),
            tf.fill([size, 1], tf.constant(reflection(config), tf.complex128)),
            watt(config.noise_power_dbm),
        )
        sector = np.radians(np.tile(config.music.sector_deg, (size, 1)))
        position = self.estimate(y, tf.constant(sector)).position.numpy()[:, 0]
        error = np.linalg.norm(position - target, axis=-1).reshape(BLOCK, trials)[: len(beams)]
        error[~usable] = np.nan
        return error
