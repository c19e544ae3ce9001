"""Near-field studies: scenarios, common draws, parts that resume, averages, figures."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import xarray as xr

from sionna_isac.beamforming import communication_only, sensing, sum_rate
from sionna_isac.studies.near_field.blocks import METHODS
from sionna_isac.studies.near_field.designs import MEASURES, OK
from sionna_isac.studies.near_field.draws import ChannelDraws
from sionna_isac.studies.near_field.music import Simulator
from sionna_isac.studies.near_field.study import NearFieldStudy
from sionna_isac.studies.near_field.summary import Block
from sionna_isac.study import ScenarioError, load_scenario, read_result, run_scenario
from sionna_isac.study.registry import draw_result

COMMAND = [sys.executable, "-m", "sionna_isac.cli", "run", "near_field_quick"]
WITHOUT_RECEIVERS = ["music=null", "known_symbols=null"]
LIMIT = "communication_only"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The quick study, uninterrupted, by the command line as a user would."""
    out = tmp_path_factory.mktemp("reference") / "run"
    done = subprocess.run(
        [*COMMAND, "--out", str(out), "--workers", "1"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out, done


def same(a: xr.Dataset, b: xr.Dataset) -> bool:
    """Whether all but times agree to the last bit."""
    names = set(a.data_vars) - {"solve_time"}
    return names == set(b.data_vars) - {"solve_time"} and all(a[n].equals(b[n]) for n in names)


BAD = [
    ("sweep.parameter=colour", "sweep.parameter", "colour"),
    ("sweep.values=[30, 20]", "sweep.values", "increasing"),
    ("sweep={parameter: num_antennas, values: [32.5]}", "sweep", "integers"),
    ("sweep={parameter: max_peb, values: [0.1]}", "max_peb", "no effect"),
    ("power_dbm=30", "power_dbm", "no effect"),
    ("min_rate=null", "min_rate", "required"),
    ("min_rate=-1", "min_rate", "-1"),
    ("max_peb=0.2", "max_peb", "no effect"),
    ("array={num_antennas: 32}", "aperture", "spacing"),
    ("array.spacing=0.01", "aperture 0.5", "spacing 0.01"),
    ("array={num_antennas: 32, spacing: -1}", "array.spacing", "-1"),
    ("array.num_antennas=null", "array.num_antennas", "required"),
    ("array.num_antennas=30", "designs.1.num_rf_chains", "30"),
    ("target.position=[-10, 0]", "target.position", "-10"),
    ("users.number=4", "num_rf_chains", "users.number = 4"),
    ("users.speed=4", "users.speed", "unknown key"),
    ("num_channels=0", "num_channels", "0"),
    ("metric=snr", "metric", "snr"),
    ("metric=sum_rate", "music", "no effect"),
    ("music=null", "known_symbols", "needs music"),
    ("designs=[]", "designs", "[]"),
    ("designs=[{design: luck}]", "designs.0.design", "luck"),
    ("designs=[{design: two_stage}]", "designs.0", "num_rf_chains"),
    ("designs=[{design: maximize_snr, method: sdr}]", "designs.0", "no effect"),
    ("designs=[{design: minimize_speb, method: sdr-bcd}]", "designs.0", "subspace, sdr, direct"),
    ("designs=[{design: minimize_speb}, {design: minimize_speb}]", "designs", "distinct"),
    ("designs=[{design: minimize_speb, num_channels: 3}]", "designs", "left out"),
    (
        "designs=[{design: minimize_speb}, {design: maximize_snr, num_channels: 12}]",
        "designs.1.num_channels",
        "12",
    ),
    ("music.sector_deg=[5, 19]", "music.sector_deg", "azimuth"),
    ("music.sector_deg=[-30, 30]", "music.sector_deg", "ambiguous"),
    ("music.range_interval=[12, 20]", "music.range_interval", "distance"),
]


@pytest.mark.parametrize(("override", "where", "value"), BAD, ids=[b[0] for b in BAD])
def test_a_wrong_value_is_one_line_that_names_it(override, where, value):
    with pytest.raises(ScenarioError) as error:
        load_scenario("near_field_quick", [override])
    text = str(error.value)
    assert "\n" not in text and where in text and value in text, text


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("algorithm=luck", "algorithm"),
        ("max_peb=0.2", "max_peb"),
        ("num_rf_chains=[5]", "num_rf_chains"),
        ("num_rf_chains=[4, 4]", "distinct"),
        ("power_dbm=null", "power_dbm"),
    ],
)
def test_a_wrong_value_of_a_convergence_study_is_named(override, named):
    with pytest.raises(ScenarioError, match=named):
        load_scenario("near_field_fig2", [override])


def test_methods_are_those_of_the_library():
    assert METHODS["minimize_speb"] == (sensing.FULLY_DIGITAL, sensing.HYBRID)
    assert METHODS["maximize_sum_rate"] == (sum_rate.METHODS, sum_rate.METHODS)


def test_draws_are_common_to_all_sizes_and_numbers():
    """Draw i is the same whatever is swept, and is the sum of its spherical waves."""
    scenario = load_scenario("near_field_quick", ["num_channels=3"])
    draws = ChannelDraws(scenario)
    more = ChannelDraws(load_scenario("near_field_quick", ["num_channels=5"]))
    for a, b in zip(draws.paths, more.paths, strict=True):
        np.testing.assert_array_equal(a, b[:3])
    assert not np.allclose(draws.paths.point[0], draws.paths.point[1])
    points, gains = draws.paths.point.numpy(), draws.paths.gain.numpy()
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), 20)
    for antennas in (16, 32):
        y = (np.arange(antennas) - (antennas - 1) / 2) * 0.5 / (antennas - 1)
        distance = np.hypot(points[..., :1], points[..., 1:] - y)
        wave = np.exp(-2j * np.pi / scenario.array.wavelength * distance)
        expected = np.sum(gains[..., np.newaxis] * wave, axis=2)
        np.testing.assert_allclose(draws.channels(antennas), expected, rtol=1e-8)


def test_command_line_runs_the_study(reference):
    out, done = reference
    assert "designing beams" in done.stdout and "smallest SPEB, 4 chains" in done.stdout
    assert done.stderr == ""
    dataset, scenario = read_result(out)
    assert scenario == load_scenario("near_field_quick")
    assert dataset["peb"].shape == (3, 2, 12) and dataset["position_error"].shape[-1] == 3
    assert dataset["num_averaged"].values.min() == 12
    # the optimum of fully digital beams is a bound on each draw, and is proven
    optimum, hybrid, stages = dataset["peb"].values
    assert np.all(optimum <= hybrid * (1 + 1e-6)) and np.all(optimum <= stages * (1 + 1e-6))
    assert np.all(dataset["gap"].values[0] < 1e-3)
    assert np.all(dataset["rate"].values > 5 - 1e-5)
    # known symbols never hurt
    assert np.all(dataset["peb"] <= dataset["peb_blind"] * (1 + 1e-9))
    # 6 dB more power, half the error
    assert np.all(dataset["peb_mean"].values[:, 1] < 0.55 * dataset["peb_mean"].values[:, 0])
    # nothing significantly below the bound, and no estimate far above it
    assert np.all(dataset["rmse_high"].values >= dataset["peb_rms"].values)
    assert np.all(dataset["rmse"].values <= 1.5 * dataset["peb_rms"].values)
    assert np.all(dataset["rmse_known_symbols_high"].values >= dataset["peb_rms"].values)
    assert np.all(dataset["rmse_known_symbols"].values <= 1.35 * dataset["peb_rms"].values)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_killed_run_resumes_with_nothing_computed_again(reference, tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen(
        [*COMMAND, "--out", str(out), "--quiet", "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    while not list((out / "partial").glob("*.npz")):
        assert process.poll() is None and time.monotonic() < deadline, "ended before the kill"
        time.sleep(0.002)
    threads = Path(f"/proc/{process.pid}/task").glob("*/children")
    workers = [pid for children in threads for pid in children.read_text().split()]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert workers and not (out / "result.nc").exists()
    kept = {p: p.stat().st_mtime_ns for p in (out / "partial").glob("*.npz")}
    assert len(kept) < len(list((reference[0] / "partial").glob("*.npz")))
    run_scenario(load_scenario("near_field_quick"), out, quiet=True, workers=2)
    assert kept == {p: p.stat().st_mtime_ns for p in kept}
    # neither the interruption nor the number of workers matters
    assert same(read_result(reference[0])[0], read_result(out)[0])
    while any(_alive(pid) for pid in workers):  # workers end with the process that started them
        assert time.monotonic() < deadline, "a worker survived"
        time.sleep(0.01)


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_draw_that_nothing_solves_is_counted_and_said(one_process, tmp_path, capsys):
    """20 bit/s/Hz are out of reach: no average, no failure, and the reason is printed."""
    changes = ["min_rate=20", "num_channels=3", *WITHOUT_RECEIVERS]
    scenario = load_scenario("near_field_quick", changes)
    dataset = run_scenario(scenario, tmp_path / "run", workers=1)
    assert np.all(dataset["num_infeasible"] == 3) and np.all(dataset["num_averaged"] == 0)
    assert np.all(np.isnan(dataset["peb_mean"])) and np.all(np.isnan(dataset["peb_rms"]))
    said = capsys.readouterr().out
    assert "3 infeasible" in said and "no draw on which all designs succeeded" in said
    assert "need" in said  # what would make it feasible
    figure = draw_result(read_result(tmp_path / "run")[0], "near_field")
    assert "no average" in figure.legends[0].get_title().get_text()


def test_averages_are_over_draws_that_all_full_designs_solved():
    designs = "[{design: minimize_speb}, {design: maximize_snr}, "
    designs += "{design: minimize_speb, method: sdr, num_channels: 2}]"
    changes = [f"designs={designs}", "num_channels=4", *WITHOUT_RECEIVERS]
    scenario = load_scenario("near_field_quick", changes)
    study = NearFieldStudy(scenario)
    everything = [Block(*part.arguments) for part in study.parts()]
    assert [(p.designs, p.start, p.stop) for p in everything if p.value == 0] == [
        ((0, 1), 0, 4),
        ((2,), 0, 1),
        ((2,), 1, 2),
    ]
    known = {}
    for part in everything:
        shape = (len(part.designs), part.stop - part.start)
        found = {name: np.ones(shape) for name in MEASURES}
        found["peb"] *= np.arange(part.start, part.stop) + 1.0
        found |= {"status": np.zeros(shape, np.int8), "message": np.full(shape, "", "U300")}
        found["rate"] = np.ones((*shape, 2))
        known[part.name] = found
    full = known[everything[0].name]
    full["status"][1, 1], full["peb"][1, 1], full["message"][1, 1] = 1, np.nan, "why"
    dataset = study.summarise(known)
    assert dataset["num_averaged"].values[:, 0].tolist() == [3, 3, 1]
    np.testing.assert_allclose(dataset["peb_mean"].values[:, 0], [8 / 3, 8 / 3, 1])
    np.testing.assert_allclose(dataset["peb_mean"].values[:, 1], [2.5, 2.5, 1.5])
    np.testing.assert_allclose(dataset["peb_rms"].values[0, 0], np.sqrt((1 + 9 + 16) / 3))
    assert dataset["num_infeasible"].values[:, 0].tolist() == [0, 1, 0]
    assert dataset["num_draws"].values[:, 0].tolist() == [4, 4, 2]
    assert dataset["first_problem"].values[1, 0] == "why"


def test_designs_of_a_sum_rate_study(one_process, tmp_path):
    """Fully digital beams are best, and matrix approximation is measured, not enforced."""
    designs = "[{design: maximize_sum_rate}, {design: maximize_sum_rate, num_rf_chains: 4}, "
    designs += "{design: matrix_approximation, num_rf_chains: 4}, {design: communication_only}]"
    changes = [f"designs={designs}", "num_channels=1", "sweep.values=[16]"]
    scenario = load_scenario("near_field_fig8", changes)
    found = run_scenario(scenario, tmp_path / "run", quiet=True, workers=1)
    assert np.all(found["status"] == OK)
    digital, hybrid, approximated, alone = found["rate"].values.sum(-1)[:, 0, 0]
    assert digital >= hybrid * (1 - 1e-6) and hybrid > approximated and alone >= digital * 0.999999
    assert np.all(found["peb"][:2] <= 0.2 * (1 + 1e-6))


def test_communication_alone_is_an_upper_limit_of_what_was_found(monkeypatch):
    """Also where its own search is poor: it knows the beams of all bounds, of the same chains."""
    monkeypatch.setattr("sionna_isac.beamforming.reference.NUM_STARTS", 0)
    changes = ["num_channels=2", "sweep.values=[0.2, 0.5]", "array.num_antennas=8"]
    designs = [{"design": d, "num_rf_chains": 4} for d in ("maximize_sum_rate", LIMIT)]
    designs = [*designs, {"design": "maximize_sum_rate"}, {"design": LIMIT, "num_channels": 1}]
    study = NearFieldStudy(load_scenario("near_field_fig9", [f"designs={designs}", *changes]))
    results = {}
    for part in study.parts():
        results[part.name] = study.compute(part, {name: results[name] for name in part.needs})
    assert [len(part.needs) for part in study.parts()] == [0, 0, 2, 2]
    dataset = study.summarise(results)
    rate, tried = dataset["sum_rate"].values, dataset["status"].values >= 0
    assert tried.all(axis=(1, 2)).tolist() == [True, True, True, False]
    assert np.all(rate[1] >= rate[0].max(axis=0) * (1 - 1e-9))
    assert np.all(rate[3, :, 0] >= rate[2, :, 0].max() * (1 - 1e-9))
    alone = [communication_only(study._draws.scene(8, i), 1.0, 4).sum_rate for i in range(2)]
    assert np.any(rate[0].max(axis=0) > alone)  # without the starts, the limit is crossed


def test_errors_are_independent_of_the_number_of_draws():
    scenario = load_scenario("near_field_quick", ["music.num_trials=1"])
    simulate = Simulator(scenario, 32)
    beams = np.random.default_rng(1).normal(size=(5, 32, 2)) * (1 + 0j)
    beams[1] = np.nan  # a draw without beams
    errors, fewer, others = simulate(beams, 0), simulate(beams[:3], 0), simulate(beams[:1], 20)
    assert set(errors) == {"error", "error_known_symbols"}
    for name, error in errors.items():
        assert np.all(np.isnan(error[1])) and np.all(np.isfinite(error[[0, 2, 3, 4]]))
        np.testing.assert_array_equal(fewer[name], error[:3])
        assert not np.allclose(others[name], error[:1])


def test_estimates_have_no_error_left_without_noise():
    """Neither of the plane wave nor of the grids: what remains in a study is the noise."""
    target = "target={position: [6, 1.5]}"  # near, and off the grid of azimuths
    scenario = load_scenario("near_field_quick", ["noise_power_dbm=-180", target])
    simulate = Simulator(scenario, 32)
    point = tf.constant([scenario.target.position], tf.float64)
    beams = simulate.estimate.array.steering(point).numpy()[..., np.newaxis] * [0.1, 0.1j]
    assert all(np.max(error) < 1e-4 for error in simulate(beams, 0).values())
    coarse = load_scenario(
        "near_field_quick", ["noise_power_dbm=-180", target, "music.num_zooms=1"]
    )
    assert np.max(Simulator(coarse, 32)(beams, 0)["error"]) > 1e-3


def test_the_figure_is_drawn_from_the_stored_result(reference, tmp_path):
    dataset, scenario = read_result(reference[0])
    figure = draw_result(dataset, scenario.kind, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    bounds = [line.get_ydata() for line in figure.axes[0].lines if line.get_ls() in ("-", "--")]
    for expected in dataset["peb_rms"].values:
        assert any(np.array_equal(expected, y) for y in bounds)
    crosses = [line.get_ydata() for line in figure.axes[0].lines if line.get_marker() == "x"]
    for expected in dataset["rmse_known_symbols"].values:
        assert any(np.array_equal(expected, y) for y in crosses)
    assert "12 of 12" in figure.legends[0].get_title().get_text()


def test_convergence_of_a_published_method(one_process, tmp_path):
    """The bound falls, ends where the method does, and the direct method is as good."""
    changes = ["array.num_antennas=8", "num_rf_chains=[4]", "num_channels=1", "min_rate=2"]
    scenario = load_scenario("near_field_fig2", changes)
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True, workers=1)
    history = dataset["history"].values[0, 0]
    assert np.all(np.diff(history) <= 1e-9) and history.size == dataset["num_iterations"] + 1
    assert history[-1] == pytest.approx(dataset["published"].item(), rel=1e-3)
    assert dataset["digital"].item() <= dataset["direct"].item() * (1 + 1e-6)
    assert dataset["direct"].item() <= dataset["published"].item() * (1 + 1e-3)
    figure = draw_result(dataset, scenario.kind, tmp_path / "figure.png")
    assert np.array_equal(figure.axes[0].lines[1].get_ydata(), history)


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_workers_are_refused_where_they_have_no_effect(tmp_path):
    with pytest.raises(ScenarioError, match="workers has no effect"):
        run_scenario(load_scenario("quick"), tmp_path / "run", workers=2)
    with pytest.raises(ScenarioError, match="scheduler has no effect"):
        run_scenario(load_scenario("quick"), tmp_path / "run", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match="workers"):
        run_scenario(load_scenario("near_field_quick"), tmp_path / "run", workers=0)
