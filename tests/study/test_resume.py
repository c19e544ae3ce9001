"""Runs that are really killed and go on in a new process give the bits of an uninterrupted one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

HERE = Path(__file__).parent
PLAIN = ["compile=false"]
KINDS = {  # scenario and changes
    "coded_ber": (
        "coded_ber",
        [
            *PLAIN,
            "array.num_antennas=4",
            "training.iterations=0",
            "methods=[known]",
            "coding={fft_size: 16, num_ofdm_symbols: 6, pilot_symbols: [1, 4], "
            "num_sensing_tones: 2, snr_db: [-5, 0, 5], batch_size: 16, max_batches: 3}",
        ],
    ),
    "multi_target": (
        HERE / "tiny.yaml",
        ["evaluation.methods=[unknown, learned]", "training.iterations=6"],
    ),
    "angle_delay_map": (
        "multi_target_fig3",
        [
            *PLAIN,
            "array.num_antennas=8",
            "waveform.num_subcarriers=16",
            "grid={num_angles: 60, num_ranges: 20}",
            "scenes.num_scenes=6",
            "scenes.drawn=2",
            "block_size=2",
        ],
    ),
    "localization": (
        "localization_ofdm",
        [
            *PLAIN,
            "num_samples=12",
            "batch_size=4",
            "echo.snr_db=[0, 10]",
            "echo.num_antennas=16",
            "echo.num_subcarriers=32",
            "receivers=[{kind: omp, label: OMP, num_angles: 40, num_ranges: 40}]",
        ],
    ),
    "range_doppler": (
        HERE / "tiny_range_doppler.yaml",
        [
            "detection.cases=[homogeneous]",
            "detection.kinds=[os]",
            "detection.num_scenes=6",
            "estimation.num_targets=3",
            "user.num_grids=3",
            "batch_size=3",
        ],
    ),
    "learning": (
        HERE / "tiny_learning.yaml",
        ["num_draws=1", "approaches={known: {kind: known}}", "claims=[]", "phi=[0]"],
    ),
    "single_carrier": (
        HERE / "tiny_single_carrier.yaml",
        ["num_draws=1", "approaches={known: {kind: known, num_angles: 90}}", "claims=[]"],
    ),
    "networks": (
        HERE / "tiny_learning.yaml",
        [
            "num_draws=1",
            "approaches={networks: {kind: networks, size: limited, num_angles: 64, num_ranges: 64, "
            "position: {objective: mse, iterations: 4, batch_size: 8, checkpoint_interval: 2}, "
            "detection: {objective: bce, iterations: 4, batch_size: 8, checkpoint_interval: 2}}}",
            "claims=[]",
            "phi=[0]",
        ],
    ),
}
CASES = [
    ("coded_ber", 1, "after"),
    ("multi_target", 1, "after"),
    ("angle_delay_map", 2, "before"),
    ("localization", 3, "while"),
    pytest.param("coded_ber", 2, "before", marks=pytest.mark.slow),
    pytest.param("range_doppler", 3, "while", marks=pytest.mark.slow),
    pytest.param("learning", 1, "after", marks=pytest.mark.slow),
    pytest.param("learning", 2, "before", marks=pytest.mark.slow),
    pytest.param("multi_target", 4, "while", marks=pytest.mark.slow),
    pytest.param("single_carrier", 1, "after", marks=pytest.mark.slow),
    pytest.param("networks", 1, "after", marks=pytest.mark.slow),
    pytest.param("networks", 3, "before", marks=pytest.mark.slow),
]


class Runner:
    """The process that forks a child for each run."""

    def __init__(self, folder):
        self.folder, self.whole = folder, {}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "killed.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def run(self, kind, out, **blow):
        scenario, changes = KINDS[kind]
        order = {"scenario": str(scenario), "changes": changes, "out": str(out), **blow}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def uninterrupted(self, kind):
        if kind not in self.whole:
            out = self.folder / kind / "run"
            assert self.run(kind, out) == 0
            self.whole[kind] = out
        return self.whole[kind]


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    runner = Runner(tmp_path_factory.mktemp("whole"))
    yield runner
    runner.process.stdin.close()
    runner.process.wait(timeout=30)


@pytest.mark.parametrize(("kind", "save", "moment"), CASES)
def test_a_killed_run_goes_on_with_the_same_bits(runner, tmp_path, kind, save, moment):
    whole = runner.uninterrupted(kind)
    out = tmp_path / "run"
    assert runner.run(kind, out, save=save, moment=moment) == 9  # by SIGKILL
    assert not (out / "result.nc").exists()
    stored = len(list((out / "partial").glob("[!.]*.npz"))) if (out / "partial").exists() else 0
    assert stored <= save
    assert bool(list(out.rglob("*.tmp"))) == (moment == "while")
    assert runner.run(kind, out) == 0
    with xr.open_dataset(whole / "result.nc") as a, xr.open_dataset(out / "result.nc") as b:
        assert set(a.variables) == set(b.variables)
        for name in a.variables:
            np.testing.assert_array_equal(a[name].values, b[name].values, err_msg=str(name))
    # and every point is what a process gives that computes this point alone
    parts = sorted(p.name for p in (whole / "partial").glob("*.npz") if "training" not in p.name)
    alone = tmp_path / "alone"
    if moment == "after":
        shutil.copytree(out, alone)
        for name in ("result.nc", "result.nc.sha256", f"partial/{parts[-1]}"):
            (alone / name).unlink()
        assert runner.run(kind, alone) == 0
        with (
            np.load(whole / "partial" / parts[-1]) as a,
            np.load(alone / "partial" / parts[-1]) as b,
        ):
            for name in a.files:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)
