"""One grid as link and radar: closed forms of detection, the bound, and the link."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.core import reset_stream
from sionna_isac.studies.range_doppler.detection import DetectionTrial
from sionna_isac.studies.range_doppler.estimation import EstimationTrial
from sionna_isac.studies.range_doppler.system import SharedGridSystem
from sionna_isac.study import ScenarioError, get_kind, load_scenario, run_scenario

TINY = Path(__file__).parent / "tiny_range_doppler.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("range_doppler") / "run"
    return out, run_scenario(load_scenario(TINY), out, quiet=True)


@pytest.fixture(scope="module")
def system():
    scenario = load_scenario(TINY, ["precision=double"])
    return scenario, SharedGridSystem(scenario)


def spread(share, number):
    return np.sqrt(share * (1 - share) / number)


def test_detection_in_noise_is_the_closed_form(run):
    """Sionna's grid with guards, DC null and removed clutter leaves exponential noise in cells."""
    row = run[1].sel(case="homogeneous")
    for kind in row.detector.values:
        ratio = 10 ** (row.snr_db.values / 10)
        exact = isac.receiver.cfar_detection_probability(kind, ratio, 1e-2, 8)
        np.testing.assert_allclose(row.p_d_formula.sel(detector=kind), exact)
        assert np.all(np.abs(row.p_d.sel(detector=kind) - exact) < 4 * spread(exact, 400)), kind


def test_false_alarms_are_those_requested(run):
    _, dataset = run
    cells = dataset.attrs["num_cells_p_fa"]
    assert cells == 400 * 15 * 29  # without the row of velocity 0
    np.testing.assert_allclose(dataset.p_fa, 1e-2, atol=4 * spread(1e-2, cells))
    np.testing.assert_allclose(dataset.num_p_fa, dataset.p_fa * cells)


def test_an_edge_raises_false_alarms_unless_the_larger_half_counts(run):
    edge = run[1].p_fa_edge
    assert float(edge.sel(detector="go")) < 0.9 * float(edge.sel(detector="ca"))
    assert float(edge.sel(detector="so")) > 1.5 * float(edge.sel(detector="ca"))


def test_a_strong_target_hides_the_weak_one_from_averages(run):
    last = run[1].sel(case="masking_target").isel(snr_db=-1).p_d
    plain = run[1].sel(case="homogeneous").isel(snr_db=-1).p_d
    for kind, share in (("ca", 0.5), ("go", 0.4)):
        assert float(last.sel(detector=kind)) < share * float(plain.sel(detector=kind))
    for kind in ("so", "os"):
        assert float(last.sel(detector=kind)) > 0.8 * float(plain.sel(detector=kind))


@pytest.mark.parametrize("name", ["angle", "range", "velocity"])
def test_maximum_likelihood_meets_the_bound(run, name):
    _, dataset = run
    row = dataset.sel(estimator="maximum likelihood")
    ratio = row[f"{name}_rmse"].values ** 2 / dataset[f"{name}_bound"].values ** 2
    assert np.all(np.abs(ratio - 1) < 4 * np.sqrt(2 / 400)), ratio
    rough = dataset.sel(estimator="map, interpolated").isel(estimation_snr_db=-1)
    if name != "angle":  # the map has few angles, but the parabola fits them well
        assert float(rough[f"{name}_rmse"]) > 1.5 * float(dataset[f"{name}_bound"][-1])


def test_bound_is_the_closed_form_of_one_target(run):
    """For a full grid and fast targets, removing the mean costs nearly nothing."""
    scenario = load_scenario(TINY)
    numerology = SharedGridSystem(scenario).numerology
    ratio = 10 ** (run[1].estimation_snr_db.values / 10)
    tones = 4 * np.pi / 299792458 * numerology.frequency_offsets
    times = 4 * np.pi / numerology.wavelength * numerology.symbol_duration * np.arange(16)
    for name, rate in (("range", tones), ("velocity", times)):
        exact = 1 / np.sqrt(2 * ratio * np.var(rate))
        np.testing.assert_allclose(run[1][f"{name}_bound"], exact, rtol=0.03)


def test_estimates_are_those_of_the_general_search(system):
    """Of the maximum of the likelihood by Gauss-Newton steps on the whole observation."""
    scenario, shared = system
    trial = EstimationTrial(scenario, shared)
    reset_stream(3, "search")
    base, target, truth = (v[:2] if v.shape[0] > 3 else v[:, :2] for v in trial._drawn())
    z = base + 10.0 * target
    angle, distance, velocity = truth[..., tf.newaxis]
    start = isac.receiver.TargetEstimate(angle, distance, tf.ones_like(angle), velocity=velocity)
    refined = trial.refine(z, start)
    found = [getattr(refined, name)[:, 0] for name in ("angle", "range", "velocity")]
    number = scenario.grid.num_ofdm_symbols
    active = tf.constant(shared.numerology.active, tf.complex128)

    def mean(angle, range, velocity, real, imag):
        gain = tf.complex(real, imag)[:, np.newaxis]
        parts = (v[:, np.newaxis] for v in (angle, range))
        moving = isac.scene.PointTargets(*parts, gain, [1] * 2, velocity[:, np.newaxis])
        x = tf.ones([2, number, scenario.grid.fft_size], tf.complex128) * active
        return shared.removal(shared.reflect(x, moving))

    unit = mean(*truth, tf.ones(2, tf.float64), tf.zeros(2, tf.float64))
    gain = tf.reduce_sum(tf.math.conj(unit) * z, [1, 2, 3]) / tf.reduce_sum(
        tf.math.conj(unit) * unit, [1, 2, 3]
    )
    start = dict(zip(("angle", "range", "velocity"), truth.numpy(), strict=True))
    start |= {"real": gain.numpy().real, "imag": gain.numpy().imag}
    best = isac.bound.maximum_likelihood(z, mean, start, batch_dims=1)
    assert best.converged.all()
    for row, name, least in zip(
        found, ("angle", "range", "velocity"), (1e-5, 1e-3, 1e-1), strict=True
    ):
        np.testing.assert_allclose(row, best.parameters[name], atol=least)


def test_static_clutter_leaves_no_trace(system):
    scenario, shared = system
    strong = scenario.model_copy(
        update={"clutter": scenario.clutter.model_copy(update={"cnr_db": 80.0})}
    )
    found = []
    for station in (shared, SharedGridSystem(strong)):
        reset_stream(5, "clutter")
        x = station.symbols(2)
        found.append(station.receive(station.background(x), x, 0.3).numpy())
    assert found[0].shape == (2, 1, 16, 32)
    np.testing.assert_allclose(*found, atol=1e-7 * np.abs(found[0]).max())


def test_the_link_moves_and_sees_the_beam(system):
    scenario, shared = system
    moving = scenario.model_copy(update={"user": scenario.user.model_copy(update={"speed": 300.0})})
    assert shared.link.num_code_words == 2
    for config, still in ((scenario, True), (moving, False)):
        station = SharedGridSystem(config)
        reset_stream(2, "link")
        a, _ = station.channel(1000, 8, 1 / station.numerology.symbol_duration)
        power = np.abs(a.numpy()) ** 2
        angles = np.deg2rad(np.linspace(30, 50, 101))
        gain = float(tf.reduce_mean(station.beam_gain(angles)))
        assert power.sum(5).mean() == pytest.approx(gain, rel=0.1)
        assert np.allclose(power[..., 0], power[..., -1]) == still


def test_every_code_word_of_the_grid_arrives(run):
    _, dataset = run
    assert dataset.attrs["num_blocks"] == 100
    assert dataset.block_errors.values[0] > 0 and dataset.block_errors.values[-1] == 0


def test_windows_are_calibrated():
    changes = [
        "detection.windows=[hann, hamming]",
        "detection.num_guard=[0, 1]",
        "detection.kinds=[ca]",
        "targets.range_interval=[26, 30]",
    ]
    scenario = load_scenario(TINY, changes)
    trial = DetectionTrial(scenario, SharedGridSystem(scenario))
    plain = isac.receiver.cfar_threshold("ca", 1e-2, 8)
    assert trial.detectors["ca"].alpha > 1.1 * plain
    reset_stream(1, "windows")
    share = trial("homogeneous")["alarms"].mean() / trial.num_cells
    assert share == pytest.approx(1e-2, rel=0.2)


def test_a_run_goes_on_where_it_stopped(run):
    out, dataset = run
    for name in ("result.nc", "partial/user_001.npz"):
        (out / name).unlink()
    again = run_scenario(load_scenario(TINY), out, quiet=True)
    for name in dataset.data_vars:
        np.testing.assert_array_equal(again[name], dataset[name])


def test_report_has_the_verdicts(run):
    lines = "\n".join(get_kind("range_doppler").report(load_scenario(TINY), run[1]))
    assert "of 4 intervals hold the requested probability" in lines
    assert "dB towards the user" in lines and "over the bound" in lines
    assert json.loads(run[1].attrs["scenario"])["detection"]["p_fa"] == 1e-2


BAD = [
    ("grid.pilot_interval=60", "pilot_interval", "two symbols"),
    ("grid.num_code_words=11", "num_code_words", "11"),
    ("grid.coderate=0.94", "num_code_words", "bits"),
    ("grid.num_guard_carriers=[128, 0]", "num_guard_carriers", "128"),
    ("grid.cyclic_prefix_length=300", "cyclic_prefix_length", "300"),
    ("grid.cyclic_prefix_length=20", "cyclic_prefix_length", "reach"),
    ("targets.min_speed=70", "max_speed", "60"),
    ("targets.min_speed=1", "min_speed", "static clutter"),
    ("targets.max_speed=125", "max_speed", "unambiguous"),
    ("targets.range_interval=[20, 150]", "range_interval", "reference cells"),
    ("targets.sector_deg=[-95, 0]", "sector_deg", "-95"),
    ("masking.offset=[0, 0]", "offset", "weak target"),
    ("masking.offset=[0, -20]", "range_interval", "masking target"),
    ("detection.cases=[homogeneous, homogeneous]", "cases", "distinct"),
    ("detection.kinds=[ca, cfar]", "kinds", "cfar"),
    ("detection.num_reference=[0, 0]", "num_reference", "above 0"),
    ("detection.num_reference=[40, 8]", "num_reference", "fit"),
    ("detection.rank=17", "rank", "16"),
    ("detection.windows=[boxcar, round]", "windows", "round"),
    ("detection.num_calibration=7", "num_calibration", "no effect"),
    ("detection.p_fa=1", "p_fa", "1"),
    ("user.snr_db=[3, 3]", "snr_db", "increasing"),
]


@pytest.mark.parametrize(("override", "where", "value"), BAD, ids=[b[0] for b in BAD])
def test_a_wrong_value_is_one_line_that_names_it(override, where, value):
    with pytest.raises(ScenarioError) as error:
        load_scenario("range_doppler", [override])
    text = str(error.value)
    assert "\n" not in text and where in text and value in text, text
