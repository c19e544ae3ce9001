"""Detection of one target in the cells of range-Doppler maps, and false alarms without it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import receiver, scene
from sionna_isac.core import complex_normal, linalg, uniform
from sionna_isac.studies.range_doppler.scenario import Case, RangeDopplerScenario
from sionna_isac.studies.range_doppler.system import SharedGridSystem

__all__ = ["DetectionTrial", "places"]

EDGE = 6, 7  # cells before and behind the edge of the clutter in which false alarms are counted


def places(
    batch_size: int, scenario: RangeDopplerScenario, precision: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """Velocities and ranges, [batch_size] each; both directions of motion are equally likely."""
    targets = scenario.targets
    speed = uniform([batch_size], targets.min_speed, targets.max_speed, precision)
    away = uniform([batch_size], -1.0, 1.0, precision) > 0
    distance = uniform([batch_size], *targets.range_interval, precision)
    return tf.where(away, speed, -speed), distance


class DetectionTrial:
    """Decisions of all detectors at all SNRs on the same scenes.

    Filters and the removal of clutter are linear: the echo of the target is added, with its SNR,
    to that of everything else.

    Parameters
    ----------
    scenario
        Scenario of kind "range_doppler"
    system
        Station and echo
    """

    def __init__(self, scenario: RangeDopplerScenario, system: SharedGridSystem) -> None:
        self._scenario, self._system = scenario, system
        config, precision = scenario.detection, system.precision
        self._look = math.radians(scenario.look_deg)
        self._map = receiver.RangeDopplerMap(
            system.numerology, window=config.windows, padding=(1, 1), precision=precision
        )
        self._ranges, self._velocities = (
            np.asarray(v, np.float64) for v in (self._map.ranges, self._map.velocities)
        )
        self.detectors = {kind: self._detector(kind) for kind in config.kinds}
        self._draw = self._compiled(self._drawn)
        self._decide = self._compiled(self._decided)
        self._alarm = self._compiled(self._alarms)

    def _compiled(self, function: Any) -> Any:
        return tf.function(function, autograph=False, jit_compile=self._scenario.compile)

    def _detector(self, kind: str) -> receiver.CFAR:
        config = self._scenario.detection
        rank = config.rank if kind == "os" else None
        cells = (kind, config.num_reference, config.num_guard, config.p_fa, rank)
        detector = receiver.CFAR(*cells, precision=self._system.precision)
        if not config.calibrated:
            return detector
        grid = self._scenario.grid
        shape = (grid.num_ofdm_symbols, grid.fft_size)
        return detector.calibrated(
            self._map, shape, config.num_calibration, seed=self._scenario.seed
        )

    def __call__(self, case: Case) -> dict[str, np.ndarray]:
        """Decisions [kind, snr, batch], and numbers of false alarms [kind, batch]."""
        drawn = self._draw(
            tf.constant(case == "clutter_edge"), tf.constant(case == "masking_target")
        )
        base, target, row, column = drawn
        levels = self._system.levels(self._scenario.detection.snr_db)
        found = [self._decide(base, target, level, row, column) for level in levels]
        result = {"detected": np.stack([f.numpy() for f in found], 1)}
        if case != "masking_target":
            result["alarms"], result["edge_alarms"] = (
                v.numpy() for v in self._alarm(base, row, column)
            )
        return result

    def _drawn(self, edge: tf.Tensor, masking: tf.Tensor) -> tuple[tf.Tensor, ...]:
        scenario, system = self._scenario, self._system
        size = scenario.batch_size
        velocity, distance = places(size, scenario, system.precision)
        row, column = (
            self._nearest(velocity, self._velocities),
            self._nearest(distance, self._ranges),
        )
        x = system.symbols(size)
        unit = complex_normal([size, 1], precision=system.precision)
        target = self._targets(row[:, tf.newaxis], column[:, tf.newaxis], unit)
        base = system.background(x)
        base += tf.cond(
            edge, lambda: system.reflect(x, self._patch(row, column)), lambda: tf.zeros_like(base)
        )
        base += tf.cond(
            masking, lambda: system.reflect(x, self._mask(row, column)), lambda: tf.zeros_like(base)
        )
        echoes = (base, system.reflect(x, target))
        received = (system.receive(y, x, self._look)[:, 0] for y in echoes)
        return (*received, row, column)

    def _nearest(self, value: tf.Tensor, axis: np.ndarray) -> tf.Tensor:
        step = (axis[-1] - axis[0]) / (axis.size - 1)
        return tf.cast(tf.round((value - axis[0]) / step), tf.int32)

    def _targets(self, row: tf.Tensor, column: tf.Tensor, gain: tf.Tensor) -> scene.PointTargets:
        """Targets [batch_size, max_targets] in cells, with gains over that of an SNR of 0 dB."""
        dtype = self._system.array.rdtype
        angle = tf.fill(tf.shape(row), tf.constant(self._look, dtype))
        distance = tf.gather(tf.constant(self._ranges, dtype), column)
        velocity = tf.gather(tf.constant(self._velocities, dtype), row % self._velocities.size)
        unit = linalg.to_complex(self._system.amplitude(self._look))
        count = tf.fill(tf.shape(row)[:1], row.shape[1])
        return scene.PointTargets(angle, distance, unit * gain, count, velocity)

    def _patch(self, row: tf.Tensor, column: tf.Tensor) -> scene.PointTargets:
        patch = self._scenario.patch
        rows = np.arange(patch.num_velocities) - patch.num_velocities // 2
        columns = patch.gap + np.arange(patch.num_ranges)
        rows, columns = (v.ravel() for v in np.meshgrid(rows, columns, indexing="ij"))
        shape = [self._scenario.batch_size, rows.size]
        gain = complex_normal(shape, 10 ** (patch.cnr_db / 10), self._system.precision)
        return self._targets(row[:, tf.newaxis] + rows, column[:, tf.newaxis] + columns, gain)

    def _mask(self, row: tf.Tensor, column: tf.Tensor) -> scene.PointTargets:
        masking = self._scenario.masking
        phase = uniform([self._scenario.batch_size, 1], 0.0, 2 * math.pi, self._system.precision)
        gain = linalg.expj(phase) * 10 ** (masking.snr_db / 20)
        rows, columns = masking.offset
        return self._targets(row[:, tf.newaxis] + rows, column[:, tf.newaxis] + columns, gain)

    def _decided(
        self, base: tf.Tensor, target: tf.Tensor, level: Any, row: tf.Tensor, column: tf.Tensor
    ) -> tf.Tensor:
        """Decisions [kind, batch_size] on the cell of the target, from the cells around it."""
        power = self._map(base + linalg.to_complex(level) * target)
        rows, columns = self._scenario.detection.reach
        around = self._around(
            power, row, column, np.arange(-rows, rows + 1), np.arange(-columns, columns + 1)
        )
        return tf.stack([d.mask(around)[:, rows, columns] for d in self.detectors.values()])

    def _around(
        self,
        values: tf.Tensor,
        row: tf.Tensor,
        column: tf.Tensor,
        rows: np.ndarray,
        columns: np.ndarray,
    ) -> tf.Tensor:
        """Cells [batch_size, rows, columns] around one of each sample; velocities are circular."""
        lines = tf.gather(
            values, (row[:, tf.newaxis] + rows) % self._velocities.size, axis=1, batch_dims=1
        )
        return tf.gather(lines, column[:, tf.newaxis] + columns, axis=2, batch_dims=1)

    def _alarms(self, base: tf.Tensor, row: tf.Tensor, column: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """False alarms [kind, batch_size] where no clutter was removed, and at the edge."""
        power = self._map(base)
        line = np.zeros(1, int)
        whole, edge = [], []
        for detector in self.detectors.values():
            found = detector.mask(power)
            counted = tf.boolean_mask(found, self.clear_rows, axis=1)
            whole.append(tf.math.count_nonzero(counted, [1, 2]))
            near = self._around(found, row, column, line, self.edge_columns)
            edge.append(tf.math.count_nonzero(near, [1, 2]))
        return tf.stack(whole), tf.stack(edge)

    @property
    def clear_rows(self) -> np.ndarray:
        """[num_velocities], `bool` : Rows whose reference cells hold no removed velocity"""
        reach, number = self._scenario.detection.reach[0], self._velocities.size
        still = int(np.argmin(np.abs(self._velocities)))
        # the main lobe of a window is wider
        reach += 2 * (self._scenario.detection.windows[0] != "boxcar")
        away = np.abs((np.arange(number) - still + number // 2) % number - number // 2)
        return away > reach

    @property
    def num_cells(self) -> int:
        """`int` : Cells of a map in which false alarms are counted"""
        return int(self.clear_rows.sum()) * self._ranges.size

    @property
    def edge_columns(self) -> np.ndarray:
        """[num_cells] : Cells around the edge of the clutter, from the column of the target"""
        patch, reach = self._scenario.patch, self._scenario.detection.reach[1]
        before, behind = min(EDGE[0], patch.gap + reach), min(EDGE[1], patch.num_ranges)
        return patch.gap + np.arange(-before, behind)
