"""Runs: results, provenance, resuming after a kill, damaged folders."""

import json
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

from sionna_isac.array import ImpairedArray
from sionna_isac.cli import main
from sionna_isac.core import set_seed
from sionna_isac.studies import ArrayApproach, IsacSystem, assumed_array, gap_closed, true_array
from sionna_isac.studies.multi_target.report import detection_report
from sionna_isac.study import StoreError, TrainingError, load_scenario, read_result, run_scenario
from sionna_isac.study.registry import draw_result
from sionna_isac.study.store import RunFolder

TINY = Path(__file__).with_name("tiny.yaml")
COMMAND = [sys.executable, "-m", "sionna_isac.cli", "run", str(TINY)]
SMALL = [
    "training.iterations=0",
    "evaluation.num_samples=20",
    "evaluation.methods=[known]",
]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """An uninterrupted run, by the command line as a user would."""
    out = tmp_path_factory.mktemp("reference") / "run"
    done = subprocess.run([*COMMAND, "--out", str(out)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out, done


def same(a: xr.Dataset, b: xr.Dataset) -> bool:
    return all(np.array_equal(a[n].values, b[n].values) for n in a.data_vars if n in b.data_vars)


def test_command_line_shows_progress_and_writes_everything(reference):
    out, done = reference
    assert "training learned-0: array" in done.stdout and "GOSPA" in done.stdout
    assert done.stderr == ""
    assert {"scenario.yaml", "result.nc", "figure.png", "figure.pdf", "partial"} <= {
        p.name for p in out.iterdir()
    }
    assert (out / "figure.png").stat().st_size > 10_000


def test_result_carries_values_and_provenance(reference):
    out, _ = reference
    dataset, scenario = read_result(out)
    assert scenario == load_scenario(TINY)
    assert list(dataset.approach.values) == ["unknown", "learned", "known"]
    assert dataset.sizes["sample"] == 90 and dataset.sizes["iteration"] == 12
    for name in ("gospa", "p_d", "ser"):
        assert np.all(dataset[f"{name}_low"] <= dataset[name])
        assert np.all(dataset[name] <= dataset[f"{name}_high"])
    assert np.all(dataset.p_fa_achieved <= dataset.p_fa + 1e-12)
    assert dataset.attrs["seed"] == "3"
    assert {"sionna", "tensorflow", "numpy"} <= set(json.loads(dataset.attrs["versions"]))
    assert dataset.attrs["git_commit"]
    # the learned array moved, and stayed sorted
    learned = dataset.element_positions.sel(approach="learned").values
    assert not np.allclose(learned, dataset.element_positions.sel(approach="unknown"))
    assert np.all(np.diff(learned) >= 0)
    np.testing.assert_allclose(
        dataset.element_positions.sel(approach="known"), dataset.true_element_positions
    )


def test_methods_see_the_same_scenes(reference):
    """Only the truth is common to all: it is stored once, so the raw blocks must agree."""
    out, _ = reference
    blocks = [np.load(out / "partial" / f"{m}_00000.npz") for m in ("unknown", "learned", "known")]
    for name in ("true_angle", "true_range", "num_targets"):
        assert all(np.array_equal(blocks[0][name], b[name]) for b in blocks[1:])


@pytest.mark.slow  # test_resume kills faster, by the tens
def test_a_killed_run_resumes_with_the_same_numbers(reference, tmp_path):
    """Killed within the training, and once more between evaluations."""
    out = tmp_path / "run"
    kill_at(out, "training_learned-0_array")
    kept = kill_at(out, "known_00001")
    done = subprocess.run([*COMMAND, "--out", str(out), "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # blocks that were there are not computed again
    assert kept == {name: (out / "partial" / name).stat().st_mtime_ns for name in kept}
    assert same(read_result(reference[0])[0], read_result(out)[0])


def kill_at(out, stage):
    """Run until a file is there, then kill; the times of what is stored."""
    process = subprocess.Popen(
        [*COMMAND, "--out", str(out), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    marker = out / "partial" / f"{stage}.npz"
    deadline = time.monotonic() + 240
    while not marker.exists():
        assert process.poll() is None and time.monotonic() < deadline, "ended before the kill"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "result.nc").exists()
    return {p.name: p.stat().st_mtime_ns for p in (out / "partial").iterdir() if p.suffix == ".npz"}


def test_a_finished_run_is_not_computed_again(reference):
    out, _ = reference
    stamps = {p: p.stat().st_mtime_ns for p in [out / "result.nc", *(out / "partial").iterdir()]}
    again = run_scenario(load_scenario(TINY), out, quiet=True)
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
    assert same(again, read_result(out)[0])


def test_texts_and_claims_change_without_computing_anew(tmp_path):
    out = tmp_path / "run"
    first = run_scenario(load_scenario(TINY, SMALL), out, quiet=True)
    stamps = {p: p.stat().st_mtime_ns for p in (out / "partial").iterdir()}
    again = run_scenario(load_scenario(TINY, [*SMALL, "title=Another title"]), out, quiet=True)
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps} and same(first, again)
    assert again.attrs["title"] == "Another title" != first.attrs["title"]
    dataset, scenario = read_result(out)
    assert dataset.attrs["title"] == scenario.title == "Another title"
    assert all(dataset.attrs[k] == first.attrs[k] for k in ("computed_by", "created"))


def test_trainings_of_older_results_had_the_beam_of_the_waveform(tmp_path):
    older(tmp_path, load_scenario(TINY))
    with pytest.raises(StoreError, match=r"training\.eta: 0\.7 there, 1\.0 here"):
        run_scenario(load_scenario(TINY), tmp_path, quiet=True)


@pytest.mark.parametrize("change", SMALL[::2])
def test_older_results_without_a_training_are_those_of_today(tmp_path, change):
    older(tmp_path, load_scenario(TINY, [change]))
    RunFolder(tmp_path, load_scenario(TINY, [change]))


def older(path, scenario):
    """A folder whose scenario says nothing of the beam in training."""
    file = RunFolder(path, scenario).path / "scenario.yaml"
    text = file.read_text()
    assert text.count("  eta: 1.0\n") == 1
    file.write_text(text.replace("  eta: 1.0\n", ""))


def test_another_configuration_is_refused_and_fresh_discards(tmp_path):
    out = tmp_path / "run"
    first = run_scenario(load_scenario(TINY, SMALL), out, quiet=True)
    other = load_scenario(TINY, SMALL, seed=4)
    with pytest.raises(StoreError, match="seed: 3 there, 4 here"):
        run_scenario(other, out, quiet=True)
    second = run_scenario(other, out, fresh=True, quiet=True)
    assert not np.array_equal(first.sample_metric, second.sample_metric)


def test_a_damaged_block_is_named(tmp_path):
    scenario = load_scenario(TINY, SMALL)
    run_scenario(scenario, tmp_path / "run", quiet=True)
    block = tmp_path / "run" / "partial" / "known_00000.npz"
    block.write_bytes(block.read_bytes()[:100])
    (tmp_path / "run" / "result.nc").unlink()
    with pytest.raises(StoreError, match=r"known_00000\.npz.*damaged"):
        run_scenario(scenario, tmp_path / "run", quiet=True)


def test_a_loss_that_is_not_finite_stops_training(tmp_path):
    changes = ["training.learning_rate=1e38", "training.schedule=constant"]
    scenario = load_scenario(TINY, changes)
    with pytest.raises(TrainingError, match=r"training\.learning_rate"):
        run_scenario(scenario, tmp_path / "run", quiet=True)


@pytest.mark.parametrize("objective", ["gospa", "reconstruction"])
def test_other_objectives_train(tmp_path, objective):
    changes = [
        f"compile={objective == 'gospa'}",
        f"training.objective={objective}",
        "training.iterations=8",
        "array.learn=[positions, gain, phase]",
        "array.impairments=[{kind: spacing, std: 0.03}, {kind: gain, std_db: 1}, "
        "{kind: phase, std: 0.3}, {kind: coupling, strength_db: -20}]",
        "evaluation.num_samples=20",
        "evaluation.methods=[learned]",
    ]
    dataset = run_scenario(load_scenario(TINY, changes), tmp_path / "run", quiet=True)
    assert np.all(np.isfinite(dataset.loss)) and np.ptp(dataset.loss.values) > 0
    for name in ("element_gain", "element_phase", "element_positions"):
        learned = dataset[name].sel(approach="learned").values
        assert np.all(np.isfinite(learned)) and np.ptp(learned) > 0
    assert np.all(dataset.element_gain > 0)


@pytest.mark.parametrize("learn", [["gain"], ["phase"], ["positions", "phase"], ["positions"]])
def test_what_is_evaluated_is_the_array_that_was_learned(learn):
    """Weights reach the evaluated array by name, whichever of them are trained."""
    scenario = load_scenario(TINY, [f"array.learn=[{', '.join(learn)}]"])
    truth = true_array(scenario)
    learned = assumed_array(scenario, "learned", truth)
    for weight in learned.weights:
        weight.assign(weight.numpy() * 1.5 + 0.25)
    probe = assumed_array(scenario, "unknown", truth)
    probe.assign_from(learned)
    for name in ("element_positions", "gain", "phase"):
        np.testing.assert_array_equal(getattr(probe, name), getattr(learned, name))


def test_learned_gains_do_not_raise_the_max_objective():
    """A common factor on all gains is no better model: the loss must not fall with it."""
    scenario = load_scenario(TINY, ["array.learn=[gain]"])
    truth = true_array(scenario)
    learned = assumed_array(scenario, "learned", truth)
    approach = ArrayApproach(scenario, learned, scenario.training)
    system = IsacSystem(scenario, truth, approach, training=True)
    system.stage = approach.stages()[0]
    set_seed(1)
    before = float(system(tf.ones([])))
    learned.assign_from(array_with_gain(scenario, 2.0))
    set_seed(1)
    assert float(system(tf.ones([]))) == pytest.approx(before, rel=1e-5)


def array_with_gain(scenario, gain):
    config = scenario.array
    return ImpairedArray(
        config.num_antennas, config.wavelength, gain=np.full(config.num_antennas, gain)
    )


def test_nothing_to_learn_leaves_no_gap(tmp_path):
    changes = ["array.impairments=[]", "training.iterations=0", "evaluation.num_samples=20"]
    scenario = load_scenario(TINY, changes)
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    assert np.isnan(gap_closed(dataset, 0.1))
    (line,) = [x for x in detection_report(scenario, dataset) if "gap" in x]
    assert "no GOSPA gap to close" in line and "nan" not in line and "cost nothing" in line
    dataset["p_d"][:] = 0
    assert "no target was detected" in list(detection_report(scenario, dataset))[-1]


def test_gap_closed_is_relative_to_unknown_and_known():
    dataset = xr.Dataset(
        {"gospa": (("approach", "p_fa"), [[30.0], [12.0], [10.0]])},
        coords={"approach": ["unknown", "learned", "known"], "p_fa": [0.01]},
    )
    assert gap_closed(dataset, 0.01) == pytest.approx(0.9)


def test_figures_are_drawn_from_the_stored_result(reference, tmp_path):
    dataset, scenario = read_result(reference[0])
    figure = draw_result(dataset, scenario.kind, tmp_path / "again.png")
    assert len(figure.axes) == 4
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), dataset.gospa.sel(approach="unknown"))


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_command_line_lists_shows_and_plots(reference, tmp_path):
    def call(*words):
        return subprocess.run(
            [sys.executable, "-m", "sionna_isac.cli", *words], capture_output=True, text=True
        )

    listing = call("list")
    assert listing.returncode == 0 and "multi_target_letter" in listing.stdout
    shown = call("show", "quick", "--set", "training.iterations=77")
    assert shown.returncode == 0 and "iterations: 77" in shown.stdout
    image = tmp_path / "figure.png"
    assert call("plot", str(reference[0]), "--out", str(image)).returncode == 0
    assert image.stat().st_size > 10_000


WRONG = [
    (["run", "no_such_scenario"], "no_such_scenario"),
    (["run", "quick", "--set", "training.iterations=-1"], "training.iterations"),
    (["run", "quick", "--set", "nonsense"], "key=value"),
    (["run", "quick", "--seed", "x"], "seed"),
    (["run", "quick", "--seed", "-3"], "seed"),
    (["run"], "scenario"),
    (["plot", str(TINY.parent)], "no result"),
    (["fly"], "fly"),
    (["run", "quick", "--colour", "red"], "--colour"),
    (["show", "quick", "--set", "array.wings=2"], "array.wings"),
    (["plot", "no/such/folder"], "no/such/folder"),
    (["plot", str(TINY)], "result file"),
    (["run", str(TINY), "--out", str(TINY)], "tiny.yaml"),
    (["run", str(TINY), "--out", str(TINY.parent)], "other"),
]


@pytest.mark.parametrize(("words", "named"), WRONG, ids=[" ".join(w[0][-3:]) for w in WRONG])
def test_wrong_command_lines_end_with_one_line_and_code_2(words, named, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sionna-isac", *words])
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # handlers are those of the tests
    with pytest.raises(SystemExit) as stop:
        main()
    assert_wrong(stop.value.code, *capsys.readouterr(), named)


@pytest.mark.parametrize(("words", "named"), [WRONG[0], WRONG[4], WRONG[-1]])
def test_processes_end_with_one_line_and_code_2(words, named):
    done = subprocess.run(
        [sys.executable, "-m", "sionna_isac.cli", *words], capture_output=True, text=True
    )
    assert_wrong(done.returncode, done.stdout, done.stderr, named)


def assert_wrong(code, stdout, stderr, named):
    assert code == 2, (stdout, stderr)
    assert stderr.startswith("error: ") and stderr.count("\n") == 1, stderr
    assert named in stderr
    assert "Traceback" not in stdout + stderr
