# ruff: noqa: E501
"""Small defects that a test should notice; :mod:`tests.tools.mutate` puts them in one at a time."""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """One change of one file."""

    file: str
    """Path within the package"""
    old: str
    """Text that the file holds exactly once"""
    new: str
    """What takes its place"""
    tests: str
    """Test files next to it, relative to ``tests`` and without suffix"""

    @property
    def label(self) -> str:
        """Name in the results."""
        return f"{self.file}: {' '.join(self.old.split())} -> {' '.join(self.new.split())}"


ECHO = "truth/test_conventions truth/test_echo channel/test_channel"
MOVING = "truth/test_moving_echo receiver/test_moving_pursuit bound/test_moving_targets"
LINK = "truth/test_conventions truth/test_link channel/test_channel"
NEAR = "truth/test_near_field truth/test_conventions"
GOSPA = "objective/test_gospa_cutoff property/test_gospa_metric objective/test_gospa"
POINTS = "scene/test_limits scene/test_scene"
CLUTTER = "scene/test_clutter"
OMP = "receiver/test_limits receiver/test_pursuit receiver/test_reference"
SINGLE = "receiver/test_limits receiver/test_detector receiver/test_softmax_angle"
DETECTION = "metrics/test_detection_metrics"
LOCAL = "metrics/test_localization_metrics"
ARRAY = "array/test_array"
DICTIONARY = "array/test_steering_dictionary"
PRECODER = "waveform/test_precoder waveform/test_precoder_network"
BOUND = "bound/test_fisher bound/test_point_target"
EXTENDED = "bound/test_extended_target"
POSITION = "bound/test_position bound/test_near_field_target"
BEAMS = "beamforming/test_closed_form beamforming/test_checks"
BODY_BEAMS = "beamforming/test_extended"
GRAPH = "beamforming/test_beam_network"
BEAM_LOSS = "objective/test_beams"
POSES = "study/test_extended_target_estimation"
TONES = "waveform/test_placement"
FOCUS = "receiver/test_matched_filter"
FILTER = "receiver/test_symbol_filter"
REFINED = "receiver/test_likelihood_refinement"
TASKS = "objective/test_multitask"
CROSS = "receiver/test_cross_task"
CORE = "core/test_core core/test_perceptron"

# fmt: off
MUTATIONS = [
    Mutation(file, old, new, tests)
    for file, tests, old, new in (
        # numerology
        ("waveform/numerology.py", "waveform/test_numerology", "(1 + prefix / number) / spacing", "(1 + prefix) / spacing"),
        ("waveform/numerology.py", "waveform/test_numerology", "self.wavelength / (4 * self.symbol_duration)", "self.wavelength / (2 * self.symbol_duration)"),
        ("channel/echo.py", "waveform/test_numerology", "number = self.numerology.num_active", "number = self.numerology.num_subcarriers"),
        ("channel/echo.py", "waveform/test_numerology", "wave if active is None else wave * tf.constant(active, self.cdtype)", "wave"),
        # filters and their elements
        ("receiver/symbol_filter.py", FILTER, "return 1 / (power + no / self.variance)", "return 1 / (power + no)"),
        ("receiver/symbol_filter.py", FILTER, "weight * power, tf.ones_like(power))", "weight * power, weight * power)"),
        ("receiver/symbol_filter.py", FILTER, "tf.where(no >= 0, no, float", "tf.where(no > -9, no, float"),
        ("receiver/symbol_filter.py", FILTER, "used, no) ** 2 * power", "used, no) * power"),
        ("waveform/reference_elements.py", FILTER, "% step == offset", "% step == 0"),
        ("waveform/reference_elements.py", FILTER, "(types == 1) & (pilots == 0)", "pilots == 0"),
        # placement of tones, receivers of a channel between two arrays
        ("waveform/ambiguity.py", TONES, "np.abs(total) / tones.size", "np.abs(total) / (tones.size - 1)"),
        ("waveform/placement.py", TONES, "1 / (number * spacing) if", "2 / (number * spacing) if"),
        ("waveform/placement.py", TONES, "np.argmin(best_cost)", "np.argmax(best_cost)"),
        ("waveform/placement.py", TONES, "response[path] - waves[rest]", "response[path] + waves[rest]"),
        ("receiver/_focusing.py", FOCUS, "(self.height - antennas[:, 2]) ** 2", "antennas[:, 2] ** 2"),
        ("receiver/_focusing.py", FOCUS, "common + (far + rest", "common + (rest"),
        ("receiver/_focusing.py", FOCUS, "not np.any(self.rx_positions[:, :2])", "True"),
        ("receiver/_blocks.py", FOCUS, "linalg.sizes(values)[2:]])[:number]", "linalg.sizes(values)[2:]])[-number:]"),
        ("receiver/_peak.py", FOCUS, "(high - low) / (2 *", "(low - high) / (2 *"),
        ("receiver/matched_filter.py", FOCUS, "tones = self.frequencies.size if coherent else 1", "tones = self.frequencies.size"),
        ("receiver/periodogram.py", FOCUS, "step = limit / self._num_delays", "step = 2 * limit / self._num_delays"),
        ("receiver/periodogram.py", FOCUS, "self._kept = self._kept[::-1]", "self._kept = self._kept"),
        # symbols
        ("receiver/symbols.py", "receiver/test_symbols", "equalised, no / power", "equalised, 2 * no / power"),
        ("receiver/symbols.py", "receiver/test_symbols", "y * tf.math.conj(csi)", "y * csi"),
        ("receiver/symbols.py", "receiver/test_symbols", "+ tf.math.imag(csi) ** 2", ""),
        ("waveform/symbols.py", PRECODER, 'Mapper("qam", self.num_bits_per_symbol, precision', 'Mapper("pam", self.num_bits_per_symbol, precision'),
        # echo
        ("channel/echo.py", ECHO, "(self.numerology.num_subcarriers // 2)", "((self.numerology.num_subcarriers - 1) // 2)"),
        ("channel/echo.py", ECHO, "tf.math.rsqrt(tf.cast(number, self.rdtype))", "1 / tf.cast(number, self.rdtype)"),
        ("channel/echo.py", ECHO, "gain *= self._unit_energy", "gain *= 1"),
        ("channel/echo.py", ECHO, "amplitude *= self._unit_energy", "amplitude *= 1"),
        ("channel/echo.py", ECHO, "step = 4 * math.pi * self.numerology.symbol_duration", "step = 4 * math.pi / self.numerology.subcarrier_spacing"),
        ("channel/echo.py", ECHO, "step = 4 * math.pi * self.numerology.subcarrier_spacing", "step = 2 * math.pi * self.numerology.subcarrier_spacing"),
        ("channel/echo.py", MOVING, "tf.constant(1 + offset", "tf.constant(1 - offset"),
        ("channel/echo.py", MOVING, "tf.signal.fft(tf.signal.ifft(lit) * linalg.expj(phase)", "tf.signal.ifft(tf.signal.fft(lit) * linalg.expj(phase)"),
        ("channel/echo.py", MOVING, "mixed if active is None else mixed * tf.constant(active, self.cdtype)", "mixed"),
        ("channel/signals.py", MOVING, "2 * limit * round", "limit * round"),
        ("channel/signals.py", MOVING, "if timed and not numerology", "if not numerology"),
        ("waveform/numerology.py", MOVING, "SPEED_OF_LIGHT / 2 * self.prefix", "SPEED_OF_LIGHT * self.prefix"),
        # links
        ("channel/link.py", LINK, "profile = tf.exp(-index)", "profile = tf.exp(-index / 2)"),
        ("channel/link.py", LINK, "self.power * profile / tf.reduce_sum(profile)", "self.power * profile"),
        ("channel/link.py", LINK, "line = wavelength / (4 * math.pi * user_range)", "line = wavelength / (2 * math.pi * user_range)"),
        ("channel/link.py", LINK, "(4 * math.pi) ** 3) / (distance * to_user)", "(4 * math.pi) ** 2) / (distance * to_user)"),
        ("channel/link.py", LINK, "/ (distance * to_user)", "/ distance**2"),
        ("channel/link.py", LINK, "tf.cos(angle - user_angle)", "tf.cos(angle + user_angle)"),
        ("channel/link.py", LINK, "distance + to_user], -1)", "distance + user_range], -1)"),
        ("channel/link.py", LINK, "math.sqrt(self.mean_rcs /", "(self.mean_rcs /"),
        ("channel/link.py", LINK, "number + 1)", "max(number, 1))"),
        # near field
        ("channel/near_field.py", NEAR, "10 ** (-np.asarray(loss) / 10)", "10 ** (-np.asarray(loss) / 20)"),
        ("channel/near_field.py", NEAR, "{True: 20.0, False: 29.2}", "{True: 20.0, False: 29.0}"),
        ("scene/scatterers.py", NEAR, "math.sqrt(rcs / (4 * math.pi) ** 3) / distance**2", "math.sqrt(rcs / (4 * math.pi) ** 3) / distance"),
        ("scene/scatterers.py", NEAR, "(4 * math.pi) ** 3) / distance**2", "(4 * math.pi) ** 2) / distance**2"),
        ("channel/near_field.py", NEAR, "return tf.math.conj(paths.gain[..., tf.newaxis] * steering)", "return tf.math.conj(paths.gain[..., tf.newaxis]) * steering"),
        # GOSPA
        ("objective/gospa.py", GOSPA, "& (ratio < 1)", "& (ratio <= 1)"),
        ("objective/gospa.py", GOSPA, "single = -math.log(alpha) / p", "single = -math.log(2) / p"),
        ("objective/gospa.py", GOSPA, "near = (square < tf", "near = (square <= tf"),
        ("objective/assignment.py", "objective/test_assignment", "MAX_IN_GRAPH = 10", "MAX_IN_GRAPH = 0"),
        ("objective/assignment.py", "objective/test_detection_loss", "tf.ones_like(total)) ** (1 / p)", "tf.ones_like(total)) ** (1 / 2)"),
        ("objective/detection.py", "objective/test_detection_loss", "pair >= cutoff, tf.constant(cutoff", "pair >= 2 * cutoff, tf.constant(cutoff"),
        ("objective/supervised.py", "objective/test_supervised", "tf.maximum(number, 1.0)", "tf.cast(tf.size(present), number.dtype)"),
        ("objective/unsupervised.py", "objective/test_unsupervised", "tf.sqrt(safe) if root else safe", "safe"),
        # scene
        ("scene/point_target.py", POINTS, "self.max_targets + 1)", "max(self.max_targets, 2))"),
        ("scene/point_target.py", POINTS, "(4 * math.pi) ** 3)", "(4 * math.pi) ** 2)"),
        ("scene/point_target.py", POINTS, "amplitude / distance**2", "amplitude / distance"),
        ("scene/point_target.py", POINTS, "self.variance, self.precision", "self.variance / 2, self.precision"),
        ("scene/point_target.py", POINTS, "else tf.float64", "else tf.float32"),
        ("scene/clutter.py", CLUTTER, "/ self.num_scatterers * no", "* no"),
        ("scene/clutter.py", CLUTTER, "math.lgamma(1 + 2 /", "math.lgamma(1 + 1 /"),
        ("scene/clutter.py", CLUTTER, "self.precision) / self.shape_parameter", "self.precision)"),
        ("core/random.py", CLUTTER, "alpha if alpha >= 1 else alpha + 1", "alpha + 1"),
        ("core/random.py", CLUTTER, "normal**2 / 2", "normal**2"),
        ("scene/sector.py", POINTS, "centre *= tf.where(valid, scale", "centre /= tf.where(valid, scale"),
        ("scene/sector.py", POINTS, "+ self.span[1] / 2", "+ self.span[1]"),
        ("scene/_fourier.py", "scene/test_fourier_surface", "(p - q) % 2 == (kind", "(p + q + 1) % 2 == (kind"),
        ("scene/_fourier.py", "scene/test_fourier_surface", "np.sqrt(np.maximum(np.cos(v), 0))", "np.maximum(np.cos(v), 0)"),
        ("scene/_visibility.py", "scene/test_fourier_surface", "np.maximum(towards, 0)", "np.abs(towards)"),
        ("scene/_visibility.py", "scene/test_fourier_surface", "cells.length * cells.step", "cells.step"),
        ("scene/_rays.py", "scene/test_fourier_surface", "np.where(slope[ahead] > 0, 1, -1)", "np.where(slope[ahead] > 0, 1, 1)"),
        ("scene/_rays.py", "scene/test_fourier_surface", ">= 0) != turn[face]", ">= 0)"),
        ("scene/closed_surface.py", "scene/test_fourier_surface", "found.distance < length[", "found.distance > length["),
        ("scene/_fits.py", "scene/test_fourier_surface", "np.where(left < 1,", "np.where(left < 0,"),
        # array
        ("array/steering.py", ARRAY, "phase = (-2 * math.pi) * tf.sin", "phase = (2 * math.pi) * tf.sin"),
        ("array/impairment.py", ARRAY, "num_antennas) / 20)", "num_antennas) / 10)"),
        ("array/impairment.py", ARRAY, "10 ** (level / 20)", "10 ** (level / 10)"),
        ("array/impairment.py", ARRAY, "normal(0.5, self.std, checks", "normal(0.5, self.std / 2, checks"),
        ("array/impairment.py", ARRAY, "] = np.sort(spacing)", "] = -np.sort(-spacing)"),
        ("array/impairment.py", ARRAY, "np.argsort(np.abs(index),", "np.argsort(index,"),
        ("array/impairment.py", ARRAY, "normal(0.0, self.std, num_antennas)", "normal(0.0, np.deg2rad(self.std), num_antennas)"),
        ("array/impairment.py", ARRAY, "self.decay_db * np.arange(self.num_neighbours)", "self.decay_db * np.arange(1, self.num_neighbours + 1)"),
        ("array/dictionary.py", DICTIONARY, "np.sqrt(variance / 2)", "np.sqrt(variance)"),
        ("array/dictionary.py", DICTIONARY, "self.angle_grid[:-1]) / 2", "self.angle_grid[1:]) / 2"),
        ("array/near_field.py", NEAR, "np.meshgrid(y, z)", "np.meshgrid(z, y)"),
        ("array/steering.py", NEAR, "(cycles - tf.round(cycles))", "(cycles - tf.round(2 * cycles))"),
        ("array/layout.py", ARRAY, "positions = metres / self.wavelength", "positions = metres / self.wavelength * 2"),
        ("array/layout.py", ARRAY, "tf.constant(self._index, spacings.dtype)", "tf.abs(tf.constant(self._index, spacings.dtype))"),
        ("array/layout.py", ARRAY, "tf.sort(number[side] * spacings[side]) / number[side]", "spacings[side]"),
        ("array/layout.py", ARRAY, "where=self._index != 0, out=0 * positions + 0.5", "where=self._index > 0, out=0 * positions + 0.5"),
        # waveform
        ("waveform/precoder.py", PRECODER, "rest = tf.sqrt(1 - eta)", "rest = 1 - tf.sqrt(eta)"),
        ("waveform/precoder.py", PRECODER, "scale = tf.sqrt(power / tf.where(valid, energy, tf.ones_like(energy)))", "scale = power / tf.sqrt(tf.where(valid, energy, tf.ones_like(energy)))"),
        ("waveform/precoder.py", PRECODER, "linalg.expj(phi)", "linalg.expj(-phi)"),
        ("waveform/precoder.py", PRECODER, "-(pattern @ tf.math.imag(dictionary))", "pattern @ tf.math.imag(dictionary)"),
        ("waveform/neural.py", "receiver/test_neural_single_carrier", "/ self.num_messages", ""),
        ("waveform/neural.py", "receiver/test_neural_single_carrier", "tf.sqrt(self.power / energy)", "self.power / tf.sqrt(energy)"),
        ("waveform/grid.py", "waveform/test_grid", "pilots[sensing[mask]] = 0", "pilots[~sensing[mask]] *= 1"),
        # receiver
        ("waveform/delay_basis.py", OMP, "delays = 2 * np.asarray", "delays = np.asarray"),
        ("receiver/angle_delay.py", OMP, "matmul(tf.math.conj(steering), z)", "matmul(steering, z)"),
        ("core/sectors.py", OMP, "sector[:, :1] - margin", "sector[:, :1] + margin"),
        ("core/sectors.py", OMP, "sector[:, 1:] + margin", "sector[:, 1:]"),
        ("core/sectors.py", OMP, "_SHARE = 1e-5", "_SHARE = 1.0"),
        ("receiver/differentiable_omp.py", OMP, "tf.math.rsqrt(size * checks", "tf.math.rsqrt(2 * size * checks"),
        ("receiver/differentiable_omp.py", OMP, 'side="right"', 'side="left"'),
        ("receiver/pursuit.py", OMP, "value -= lower * earlier_value", "value -= tf.math.conj(lower) * earlier_value"),
        ("receiver/detector.py", SINGLE, "tf.math.real(matched) ** 2 + tf.math.imag(matched) ** 2", "tf.abs(matched)"),
        ("receiver/softmax_angle.py", SINGLE, "beta = self.array.num_antennas if", "beta = 1.0 if"),
        ("receiver/far_field_music.py", "receiver/test_far_field_music", "tones[used[shifts[:, np.newaxis] + tones].all(axis=0)]", "tones[used[shifts[:, np.newaxis] + tones].any(axis=0)]"),
        ("receiver/far_field_music.py", "receiver/test_far_field_music", "tf.math.conj(y[:, ::-1])", "tf.math.conj(y)"),
        ("receiver/far_field_music.py", "receiver/test_far_field_music", "abs(offset) *", "offset *"),
        ("receiver/music.py", "receiver/test_limits receiver/test_music", "/ self.array.num_antennas", ""),
        ("receiver/known_symbols.py", "receiver/test_known_symbols", "energy = self.owner.array.num_antennas * tf", "energy = tf"),
        ("receiver/known_symbols.py", "receiver/test_known_symbols", "echo * tf.math.conj(lit)", "echo * lit"),
        ("receiver/nn/neural_receiver.py", "receiver/test_nn", "tf.math.rsqrt(size * tf.where(valid, no, 1.0))", "tf.math.rsqrt(tf.where(valid, no, 1.0))"),
        ("receiver/nn/single_carrier.py", "receiver/test_neural_single_carrier", "echo = linalg.real_rows(y) / self.input_scale", "echo = linalg.real_rows(y) * self.input_scale"),
        ("receiver/pursuit.py", OMP, "(lr * ci + li * cr)", "(lr * ci - li * cr)"),
        # metrics
        ("metrics/detection.py", DETECTION, "metric > threshold, axis", "metric >= threshold, axis"),
        ("metrics/detection.py", DETECTION, "k -= k / pool.size > p_fa", "k -= k / pool.size >= p_fa"),
        ("metrics/detection.py", DETECTION, 'threshold, side="right"', 'threshold, side="left"'),
        ("metrics/localization.py", LOCAL, "limit * (1 - 1e-12)", "limit"),
        ("metrics/localization.py", LOCAL, "np.remainder(error[\"angle\"] + np.pi, 2 * np.pi) - np.pi", "error[\"angle\"]"),
        ("metrics/localization.py", LOCAL, "error[name] / unit for", "error[name] * unit for"),
        ("metrics/localization.py", LOCAL, "(np.minimum(distance, limit) / unit) ** 2", "np.minimum(distance, limit) / unit"),
        ("metrics/confidence.py", "metrics/test_confidence", "residual.size * size / (size - 1)", "residual.size"),
        ("metrics/confidence.py", "metrics/test_confidence", "math.sqrt(values.size - 1)", "math.sqrt(values.size)"),
        ("metrics/rate.py", "metrics/test_rate", "10 ** (-snr_db / 10)", "10 ** (-snr_db / 20)"),
        ("metrics/error_rate.py", "metrics/test_error_rate", 'half = _snr("mean_snr", mean_snr) / 2', 'half = _snr("mean_snr", mean_snr)'),
        # defaults that the pages of the library name
        ("waveform/precoder.py", "test_defaults", "regularization: float = 1e-2", "regularization: float = 1e-3"),
        ("receiver/differentiable_omp.py", "test_defaults", "window: tuple[int, ...] = (7, 5)", "window: tuple[int, ...] = (5, 7)"),
        ("receiver/differentiable_omp.py", MOVING, "(*self.window, self.window[1])", "(*self.window, self.window[0])"),
        ("receiver/differentiable_omp.py", MOVING, "([1, 3], velocities, speeds)", "([1, 2], velocities, speeds)"),
        ("receiver/differentiable_omp.py", MOVING, "tf.gather(planes, plane)", "tf.gather(planes, column)"),
        ("receiver/cube_pursuit.py", MOVING, "used = product * tf.constant(elements, d.dtype)", "used = product"),
        ("receiver/cube_pursuit.py", MOVING, "tf.reduce_any(limit > found.magnitude)", "tf.reduce_all(limit > found.magnitude)"),
        ("receiver/cube_pursuit.py", MOVING, "self._bound += tf.linalg.matvec(", "self._bound -= tf.linalg.matvec("),
        ("receiver/cube_pursuit.py", MOVING, "columns -= tf.matmul(", "columns += tf.matmul("),
        ("receiver/cube_pursuit.py", MOVING, "        if self.gains:\n            width", "        if not self.gains:\n            width"),
        ("receiver/cube_pursuit.py", MOVING, "most += distance * ", "most += 0 * "),
        ("receiver/cube_pursuit.py", MOVING, "GainFit(repeats=False)", "GainFit()"),
        ("receiver/omp.py", MOVING, "peak.column // grid.num_ranges, peak.column % grid.num_ranges", "peak.column // grid.num_velocities, peak.column % grid.num_velocities"),
        ("receiver/angle_delay.py", MOVING, "return int(np.sum(self.elements))", "return self.elements.size"),
        ("receiver/angle_delay.py", MOVING, "widest = 2 * numerology.max_velocity", "widest = 4 * numerology.max_velocity"),
        ("waveform/doppler_basis.py", MOVING, "4 * math.pi * numerology.symbol_duration", "2 * math.pi * numerology.symbol_duration"),
        ("channel/link.py", "test_defaults", "num_taps: int = 5", "num_taps: int = 4"),
        ("channel/near_field.py", "test_defaults", "user_range: float = 20.0", "user_range: float = 30.0"),
        # bounds
        ("bound/fisher.py", BOUND, "fim = 2 / noise", "fim = 1 / noise"),
        ("bound/_jacobian.py", BOUND, "change / (2 * step)", "change / step"),
        ("bound/point_target.py", BOUND, "1 / math.sqrt(numerology.num_active) if normalize", "1 / numerology.num_active if normalize"),
        ("bound/point_target.py", BOUND, "along + scene.distance**2 * angle", "along + scene.distance * angle"),
        ("bound/_echo_information.py", MOVING, "factor.conj()[:, :, np.newaxis] * factor", "factor[:, :, np.newaxis] * factor"),
        ("bound/_echo_information.py", MOVING, "grid * rows[:, :max_targets]", "2 * grid * rows[:, :max_targets]"),
        ("bound/_echo_information.py", MOVING, "return products - lost, left", "return products, left"),
        ("bound/point_target.py", MOVING, "weights = weights * used", "weights = weights * 1"),
        ("bound/point_target.py", MOVING, "np.abs(x.reshape(-1, *shape)) ** 2", "np.abs(x.reshape(-1, *shape))"),
        ("bound/extended_information.py", EXTENDED, "rule = steering[..., :1, :], rule[:, :1]", "rule = steering, rule"),
        ("bound/extended_information.py", EXTENDED, "_PRODUCT_RULE[2, 0, 0, 2] = _PRODUCT_RULE[0, 2, 0, 2] = 1", "_PRODUCT_RULE[2, 0, 0, 2] = 1"),
        ("bound/extended_information.py", EXTENDED, "2 * num_samples * path_gain**2", "num_samples * path_gain**2"),
        ("bound/extended_information.py", EXTENDED, "return real + tf", "return real - tf"),
        ("scene/scatterers.py", EXTENDED, "[-turned[..., 1], turned[..., 0]", "[turned[..., 1], turned[..., 0]"),
        ("array/planar.py", EXTENDED, "-tf.sin(azimuth) * tf.sin(elevation), tf", "tf.sin(azimuth) * tf.sin(elevation), tf"),
        ("bound/information.py", BOUND, "return first - half", "return first + half"),
        ("bound/position.py", POSITION, "return 2 * snapshots /", "return snapshots /"),
        ("bound/near_field_target.py", POSITION, "PointTargetBound(across / distance", "PointTargetBound(across"),
        # beamforming
        ("beamforming/solution.py", BEAMS, "own + scene.no", "own + 2 * scene.no"),
        ("beamforming/_model.py", BEAMS, "kappa = 2 * scene.num_snapshots", "kappa = scene.num_snapshots"),
        ("beamforming/closed_form.py", BEAMS, "scene.channels.T / math.sqrt(scene.no)", "scene.channels.T / scene.no"),
        ("beamforming/closed_form.py", BEAMS, "10 * math.log10(power) + 30", "10 * math.log10(power)"),
        ("beamforming/extended_solution.py", BODY_BEAMS, "own + setup.user_noise", "own + 2 * setup.user_noise"),
        ("beamforming/_extended_model.py", BODY_BEAMS, "terms * (power * antennas)", "terms * power"),
        ("beamforming/beam_network.py", GRAPH, "mean = tf.reduce_sum(here * nodes, 1) / number", "mean = tf.reduce_mean(nodes, 1)"),
        ("beamforming/beam_network.py", GRAPH, "sent = here * tf.nn.relu(update[\"from_user\"](nodes))", "sent = tf.nn.relu(update[\"from_user\"](nodes))"),
        ("beamforming/_served.py", GRAPH, "return signal / (rest * total), 1 / rest", "return signal / rest, 1 / rest"),
        ("objective/beams.py", BEAM_LOSS, "share * tf.reduce_sum(rate, -1)", "-share * tf.reduce_sum(rate, -1)"),
        ("objective/beams.py", BEAM_LOSS, "crb + weight * missing + covered", "crb + weight * missing"),
        ("objective/beams.py", BEAM_LOSS, "missing = tf.reduce_sum(tf.nn.relu(tf.where(served, missing, tf.zeros_like(missing))), -1)", "missing = tf.reduce_sum(tf.nn.relu(missing), -1)"),
        ("beamforming/_certificate.py", BODY_BEAMS, "constant - worst + multipliers.sum()", "constant + multipliers.sum()"),
        # full-wave targets and studies, one of each kind
        ("scattering/material.py", "scattering/test_material", "permittivity - 1 - 1j * conductivity", "permittivity - 1 + 1j * conductivity"),
        ("scattering/green.py", "scattering/test_green", "-1j * kd**3 / (6 * math.pi)", "-1j * kd**3 / (4 * math.pi)"),
        ("scattering/dipole.py", "scattering/test_dipole", "np.exp(-1j * phase) / (4 * np.pi * distance)", "np.exp(-1j * phase) / (2 * np.pi * distance)"),
        ("scene/voxels.py", "scene/test_voxels", "self.fill @ self.positions / self.fill.sum()", "np.mean(self.positions, 0)"),
        ("studies/_isac/scenario.py", "truth/test_conventions", "10 ** (gain.noise_figure_db / 10)", "10 ** (gain.noise_figure_db / 20)"),
        ("studies/coded_ber/study.py", "study/test_resume", 'reset_stream(scenario.seed, "coded_ber", snr_db)', "pass"),
        ("studies/sensing_rate/link.py", "study/test_sensing_rate", "1 / math.sqrt(self._share)", "1.0"),
        ("studies/range_doppler/system.py", "study/test_range_doppler", "self.array.num_antennas * self.num_elements", "self.array.num_antennas"),
        ("studies/range_doppler/detection.py", "study/test_range_doppler", "return away > reach", "return away >= reach"),
        ("studies/sensing_rate/link.py", "study/test_sensing_rate", "return bits, decoded, self._share * tf", "return bits, decoded, tf"),
        ("studies/sensing_rate/study.py", "study/test_sensing_rate", "for i in (0, 2, 1)", "for i in (0, 1, 2)"),
        # moving targets that teach an array, and parts of a grid as reference
        ("studies/_isac/scenario.py", "study/test_moving_learning", "self.waveform.power * self.motion.num_symbols", "self.waveform.power"),
        ("studies/_isac/points.py", "study/test_moving_learning", "_root_mean_square(errors.velocity", "_root_mean_square(errors.range"),
        ("channel/echo.py", "truth/test_echo", "turn[..., tf.newaxis] * lit[:, :, tf.newaxis]", "tf.math.conj(turn)[..., tf.newaxis] * lit[:, :, tf.newaxis]"),
        ("waveform/ambiguity.py", "waveform/test_element_ambiguity", "-4j * np.pi * numerology.symbol_duration", "-2j * np.pi * numerology.symbol_duration"),
        ("metrics/lobes.py", "metrics/test_lobes", "box.append(slice(max(0, i - lower + 1), i + upper))", "box.append(slice(max(0, i - lower), i + upper))"),
        ("studies/reference_share/study.py", "study/test_reference_share", "data.mean() * float(full)", "float(full)"),
        ("studies/reference_share/trial.py", "study/test_reference_share", "return numerology, elements, data & ~elements", "return numerology, elements, data"),
        ("studies/extended_target_estimation/trial.py", POSES, "10 ** (-snr_db / 20) * draws.noise", "10 ** (-snr_db / 10) * draws.noise"),
        ("studies/extended_target_estimation/trial.py", POSES, "np.argmin(left, 0)", "np.argmax(left, 0)"),
        ("dataset/sample.py", "study/test_dataset", "epsilon_0 * wavelength**3", "epsilon_0 * wavelength**2"),
        # networks for two tasks and their losses
        ("objective/localization.py", TASKS, "(distance + truth) * truth * sine**2", "(distance + truth) * sine**2"),
        ("objective/localization.py", TASKS, "tf.exp(-log_variance) * error**2", "tf.exp(log_variance) * error**2"),
        ("objective/localization.py", TASKS, "wrapped(estimate - truth) / math.pi", "(estimate - truth) / math.pi"),
        ("objective/localization.py", TASKS, "index // columns, index % columns", "index % columns, index // columns"),
        ("objective/multitask.py", TASKS, '"azimuth": 1.8', '"azimuth": 1.0'),
        ("objective/gradient_surgery.py", "objective/test_gradient_surgery", "(product < 0) & (norm > 0)", "norm > 0"),
        ("objective/gradient_surgery.py", "objective/test_gradient_surgery", "if len(found) > 1", "if found"),
        ("objective/gradient_surgery.py", "objective/test_gradient_surgery", "draw = uniform([number - 1])", "draw = tf.range(number - 1)"),
        ("objective/multitask_training.py", "objective/test_gradient_surgery", "if extra is not None:", "if False:"),
        ("receiver/nn/focused_localizer.py", "receiver/test_focused_localizer", "patch.angle + across[..., 0]", "patch.angle - across[..., 0]"),
        ("receiver/nn/focused_maps.py", "receiver/test_focused_localizer", "angles + offset / ranges", "angles + offset / ranges[0]"),
        ("receiver/nn/cross_task_attention.py", CROSS, "projected[1 - i]", "projected[i]"),
        ("receiver/nn/_parts.py", CROSS, "query / math.sqrt(size)", "query / math.sqrt(features)"),
        ("receiver/nn/_parts.py", CROSS, "variance *= (number - 1) / number", "variance *= 1"),
        ("receiver/nn/token_encoder.py", CROSS, "vectors[:, tf.newaxis]", "vectors[tf.newaxis]"),
        ("receiver/nn/token_encoder.py", CROSS, "known.index(n) for n in named", "i for i, _ in enumerate(named)"),
        ("receiver/nn/_patches.py", CROSS, "= sign * kernel, sign * scale", "= kernel, scale"),
        ("receiver/nn/_patches.py", CROSS, "same - products(rows[:, -1], rows[:, -1])", "same"),
        ("receiver/nn/localization_heads.py", CROSS, "2 * math.log(self.range_scale)", "math.log(self.range_scale)"),
        ("receiver/nn/channel_maps.py", CROSS, "tf.reduce_mean(maps**2, axes, keepdims=True)", "tf.reduce_sum(maps**2, axes, keepdims=True)"),
        # moving targets
        ("receiver/cfar_threshold.py", "receiver/test_cfar", "number * math.expm1(-math.log(p_fa) / number)", "math.expm1(-math.log(p_fa) / number)"),
        ("receiver/cfar_threshold.py", "receiver/test_cfar", "math.log1p(alpha / n)) for n in (first, second)) - smaller", "math.log1p(alpha / n)) for n in (first, second))"),
        ("receiver/cfar_threshold.py", "receiver/test_cfar", "alpha / (1 + r)", "alpha / r"),
        ("receiver/_cfar_cells.py", "receiver/test_cfar", "np.ceil(plan.rank * total / plan.size)", "np.floor(plan.rank + 0 * total)"),
        ("receiver/_cfar_cells.py", "receiver/test_cfar", "[d for d in every if abs(d - wide) > side]", "[d for d in every if abs(d - wide) >= side]"),
        ("receiver/_cfar_search.py", "receiver/test_cfar", "(others > value) | ((others == value) & (index < own))", "others > value"),
        ("receiver/_cfar_search.py", "receiver/test_cfar", "table.rank + 1 + inner", "table.rank + 1"),
        ("receiver/_cfar_search.py", "receiver/test_cfar", "(centre >= line(row, -1)) | ends[0]", "centre >= line(row, -1)"),
        ("receiver/_cfar_search.py", "receiver/test_cfar", "tf.cast(line >= lower, dtype) * 2**bits", "tf.cast(line >= 0 * lower, dtype) * 2**bits"),
        ("receiver/_cfar_search.py", "receiver/test_cfar", "top >= best[:, -1]", "top >= best[:, 0]"),
        ("receiver/likelihood_refinement.py", REFINED, "correlation[(slice(None), slice(None), *place)] - part", "correlation[(slice(None), slice(None), *place)]"),
        ("receiver/likelihood_refinement.py", REFINED, "tf.math.real(product) - tf.math.real(removed) / energy", "tf.math.real(product)"),
        ("receiver/likelihood_refinement.py", REFINED, "gain *= linalg.expj(phase)", "gain *= linalg.expj(-phase)"),
        ("receiver/cfar.py", "receiver/test_cfar", "largest[round(number) - 1]", "largest[min(round(2 * number), largest.size) - 1]"),
        ("receiver/range_doppler.py", "receiver/test_range_doppler", "turns = (symbols // 2)", "turns = (symbols // 2 + 1)"),
        ("receiver/range_doppler.py", "receiver/test_range_doppler", "duration = steps[0] * numerology", "duration = numerology"),
        ("receiver/range_doppler.py", "receiver/test_range_doppler", "self._weights = weights *", "self._weights = 2 * weights *"),
        ("receiver/range_doppler.py", "receiver/test_range_doppler", "(down * after + up * before) / (2 *", "(down * after - up * before) / (2 *"),
        ("receiver/_side_lobes.py", "receiver/test_range_doppler", "rows * envelope(second", "rows**2 * envelope(second"),
        ("receiver/_side_lobes.py", "receiver/test_range_doppler", "index[:, tf.newaxis] * values.shape[1] + index[:, :, tf.newaxis]", "index[:, :, tf.newaxis] * values.shape[1] + index[:, :, tf.newaxis]"),
        ("receiver/_side_lobes.py", "receiver/test_range_doppler", "velocity = place - size // 2 + shift", "velocity = place + shift"),
        ("receiver/_side_lobes.py", "receiver/test_range_doppler", "np.tri(power.shape[1], k=-1)", "np.tri(power.shape[1])"),
        ("receiver/clutter_filter.py", "receiver/test_clutter_filter", "return weights / np.linalg.norm(weights)", "return weights"),
        ("receiver/clutter_filter.py", "receiver/test_clutter_filter", "left[shift:] &= used[:-shift]", "left[shift:] &= used[shift:]"),
        # core
        ("core/random.py", CORE, "tf.cast(variance, dtype) / 2", "tf.cast(variance, dtype)"),
        ("core/checks/quantities.py", "truth/test_conventions receiver/test_symbols", "no = no[(..., *[tf.newaxis] * (like.shape.rank - no.shape.rank))]", "no = no * 1"),
        ("core/random.py", CORE, "for v in (seed, *labels)", "for v in (seed,)"),
        ("core/perceptron.py", CORE, "math.sqrt(6 / (shape[0] if he else sum(shape)))", "math.sqrt(6 / shape[0])"),
        ("core/initializers.py", "receiver/test_nn", "math.prod(shape[:-1])", "math.prod(shape)"),
        ("core/linalg.py", CORE, "tf.concat([-im, re], -1)], -2)", "tf.concat([im, re], -1)], -2)"),
        ("core/checks/scalars.py", "core/test_core test_bad_input", "minimum < number < maximum if exclusive", "minimum <= number <= maximum if exclusive"),
        # claims of studies
        ("studies/_isac/flatness.py", "study/test_verdicts", "TOLERANCE = 0.05", "TOLERANCE = 0.2"),
        ("studies/_isac/flatness.py", "study/test_verdicts", "abs(first - second) + scipy", "first - second + scipy"),
        ("studies/_isac/claims.py", "study/test_verdicts", "(a.flat | wins, b.flat | loses)", "(a.flat | loses, b.flat | wins)"),
        ("studies/_isac/flatness.py", "study/test_verdicts", "else full[:size]", "else found[:size]"),
        ("studies/_isac/flatness.py", "study/test_verdicts", 'f"{name}_score"', 'f"{name}_validated"'),
        ("studies/_isac/trade_off.py", "study/test_verdicts", "float(a / (a - b))", "float(b / (b - a))"),
        ("studies/_isac/trade_off.py", "study/test_verdicts", " if w}", "}"),
    )
]
# fmt: on
