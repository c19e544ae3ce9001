"""Pages of the documentation: every block of Python runs, with the names that its text has."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import typer
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac as isac
from sionna_isac.cli import app
from sionna_isac.study.loading import find_scenarios, list_profiles
from sionna_isac.study.template import scenario_kinds

DOCS = Path(__file__).parents[2] / "docs"
NEW_PROCESS = "# in a new process\n"


def blocks(page: Path) -> list[str]:
    found = re.findall(r"^( *)```python\n(.*?)^\1```", page.read_text(), re.M | re.S)
    return [textwrap.dedent(code) for _, code in found]


def run(page: str, namespace: dict) -> dict:
    """Execute the blocks of a page in order; those of a new process in one."""
    for number, code in enumerate(blocks(DOCS / page)):
        if not code.startswith(NEW_PROCESS):
            exec(compile(code, f"{page}, block {number}", "exec", dont_inherit=True), namespace)
            continue
        other = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert other.returncode == 0, other.stderr[-3000:]
        namespace["printed"] = other.stdout
    return namespace


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(DOCS.parent), *sys.path]))


@pytest.fixture
def eager():
    """For pages whose graphs take longer to trace than to run."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_every_page_with_code_is_run_here():
    folders = ("", "extended_target/", "reproduction/")
    pages = [page for folder in folders for page in DOCS.glob(f"{folder}*.md")]
    tested = set(re.findall(r'run\("([\w/]+\.md)"', Path(__file__).read_text()))
    assert {str(page.relative_to(DOCS)) for page in pages if blocks(page)} == tested


def test_architecture(monkeypatch):
    registered = keras.saving.get_custom_objects()
    before = dict(registered)
    monkeypatch.setattr(isac.study.registry, "_known", {})
    names = run("architecture.md", {"tf": tf})
    widths = names["result"].width.values  # in radians 0.886 wavelengths over the length
    np.testing.assert_allclose(widths[1:], np.rad2deg(0.886 * 2) / np.array([16, 64]), rtol=0.01)
    assert Path("results/beams/figure.png").stat().st_size > 1000
    detector = names["EnergyDetector"](2.0)
    y = tf.complex(tf.constant([1.0, 2.0])[:, tf.newaxis, tf.newaxis] * tf.ones([2, 3, 4]), 0.0)
    assert detector(y).numpy().tolist() == [False, True]
    check_extensions(names)
    for name in registered.keys() - before.keys():
        del registered[name]


def check_extensions(names: dict) -> None:
    """The array, the echo and the receiver of the page do what they say."""
    array = names["CircularArray"](8, 0.01, 0.01, precision="double")
    turned = array.steering(np.array([0.3, 0.3 + 2 * np.pi / 8])).numpy()
    np.testing.assert_allclose(np.roll(turned[0], 1), turned[1], atol=1e-12)
    numerology = isac.waveform.Numerology(4, 1e5, SPEED_OF_LIGHT / 0.01)
    echo = isac.channel.MonostaticEcho(array, numerology, precision="double")
    targets = isac.scene.PointTargets([[0.2]], [[20.0]], [[1.0]], [1])
    x, beam = np.full((1, 4), 1j), np.conj(turned[:1])
    leaky = names["LeakyEcho"](echo, 0.1, precision="double")(x, targets, beam)
    y = echo(x, targets, beam)
    np.testing.assert_allclose(leaky - y, 0.1j * beam[..., np.newaxis] * np.ones(4), atol=1e-12)
    scan = names["BeamScan"](array, 41, precision="double")
    np.testing.assert_allclose(scan(y, np.array([[-0.4, 0.4]])).angle, [[0.2]], atol=1e-12)


COMMANDS = sorted(
    {
        command.strip()
        for page in (DOCS.parent / "README.md", *DOCS.glob("*.md"), *DOCS.glob("reproduction/*.md"))
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
        for command in re.findall(r"^sionna-isac (.*)$", block.replace("\\\n", " "), re.M)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_a_page_exists(command):
    words = shlex.split(command, comments=True)
    names = find_scenarios()
    group = typer.main.get_command(app)
    while hasattr(group, "commands"):
        context = group.make_context("sionna-isac", words[:1], resilient_parsing=True)
        _, group, _ = group.resolve_command(context, words[:1])
        words = words[1:]
    context = group.make_context(group.name, list(words))
    scenario = context.params.get("scenario")
    assert scenario is None or Path(scenario).stem in names
    assert context.params.get("kind") in (None, *scenario_kinds())


def test_saving():
    exec(blocks(DOCS / "saving.md")[0], {})  # names of layers do not depend on what was made before
    names = run("saving.md", {})
    positions = [float(x) for x in re.findall(r"-?\d+\.\d+", names["printed"])]
    np.testing.assert_allclose(positions, names["array"].element_positions, atol=1e-5)
    assert names["scenario"].name == "scattering_quick"


def test_datasets():
    solver = "solver={voxel_size: 0.15, approximation: born}"
    changes = ["name=dataset_born", solver, "num_samples.train=32"]
    scenario = isac.study.load_scenario("dataset_quick", changes)
    isac.dataset.generate_dataset(scenario, Path("results/dataset_10cm"), workers=0, quiet=True)
    names = run("datasets.md", {})
    assert names["channel"].shape[0] == 32
    np.testing.assert_allclose(np.mean(np.abs(names["channel"]) ** 2, (1, 2, 3)), 1, rtol=1e-3)


def test_the_table_of_data_sets_says_what_the_scenarios_say():
    """All but the times, which are measured."""
    page = (DOCS / "datasets.md").read_text()
    table = page.split("## What each set holds")[1].split("\n| --- ")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[1:]]
    shown = {tuple(re.findall("`(.*?)`", row[0])): row[1:-1] for row in rows}
    expected = {}
    for name in find_scenarios():
        if name.startswith("dataset_"):
            first, *others = list_profiles(name) or [None]
            for key, profile in [((name,), first), *(((name, p), p) for p in others)]:
                expected[key] = described(isac.study.load_scenario(name, profile=profile))
    assert shown == expected


def described(scenario) -> list[str]:
    instances = {target.instances for target in scenario.targets}
    assert len(instances) == 1
    counts = [
        " + ".join(str(getattr(numbers, split)) for split in ("train", "validation", "test"))
        for numbers in (*instances, scenario.num_samples)
    ]
    wave, array, solver = scenario.waveform, scenario.array, scenario.solver
    block = f" of {wave.block_size}" if wave.block_size else ""
    number = sum(scenario.num_samples.model_dump().values())
    size = number * wave.num_subcarriers * array.num_rx * array.num_tx * 8 / 1e6
    return [
        *counts,
        f"{wave.num_subcarriers}{block} in {wave.bandwidth / 1e6:g} MHz",
        f"{array.num_tx} x {array.num_rx}",
        f"{100 * solver.voxel_size:g} cm",
        "Born" if solver.approximation else "full wave",
        f"{float(f'{size:.3g}' if size >= 1 else f'{size:.2g}'):g} MB",
    ]


def test_full_wave():
    up = np.array([[0.0, 0.0, 1.0]])
    names = {"tx": np.array([[0, y, 1.5] for y in (-0.03, 0.03)]), "moments": np.tile(up, (2, 1))}
    names |= {"rx": np.array([[0, 0, h] for h in (1.45, 1.5, 1.55)])}
    names |= {"polarizations": np.tile(up, (3, 1)), "frequencies": np.array([4.9e9, 4.91e9])}
    names["no"] = 1e-15
    numerology = isac.waveform.Numerology(16, 1e6, 4.9e9)
    array = isac.array.UniformLinearArray(4, numerology.wavelength)
    grid = isac.receiver.SearchGrid(np.linspace(-1.2, 1.2, 61), np.linspace(5.0, 20.0, 16))
    names |= {
        "array": array,
        "numerology": numerology,
        "receiver": isac.receiver.OMP(array, numerology, grid, max_targets=1),
    }
    names["beam"] = tf.complex(tf.fill([1, 4], 0.5), 0.0)
    names["sector"] = tf.constant([[-0.5, 0.8]])
    names = run("full_wave.md", names)
    assert names["h"].shape == (2, 3, 2)
    assert names["estimate"].angle.shape == (1, 1)


def test_cross_task():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = run("cross_task.md", {})
    text = (DOCS / "cross_task.md").read_text()
    assert (
        f"{names['tones'].peak_side_lobe:.2f}, {names['tones'].nested(8).peak_side_lobe:.2f}"
        in text
    )
    assert [len(line.get_xdata()) for line in names["ax"].lines] == [1000, 1000]
    for found, limit in ((names["found"], 0.02), (names["far"](names["h"]), 1.5)):
        assert abs(found.range[0, 0] - np.hypot(36, 12)) < limit
        assert abs(found.angle[0, 0] - np.arctan2(12, 36)) < limit / 50
    assert names["image"].shape == (1, 177, 102) and names["patch"].shape == (1, 31, 31)
    plt.close("all")


def test_cross_task_network(eager):
    names = run("cross_task_network.md", {})
    assert names["out"].range.shape == (64,)
    assert abs(float(names["place"].range[0]) - np.hypot(6, 2)) < 1
    assert np.isfinite(float(names["loss"])) and len(names["terms"]) == 4
    assert names["history"]["loss"][-1] < names["history"]["loss"][0]


def test_extended_target_surface():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = run("extended_target/surface.md", {})
    assert names["points"].shape == (100, 24, 3) and names["weights"].shape == (100, 24)
    assert abs(names["body"].volume / names["vehicle"].volume - 1) < 0.01
    assert names["target"].weights.sum() == pytest.approx(1)
    plt.close("all")


def test_near_field():
    positions = isac.array.uniform_positions(16, 0.1)
    names = {"element_positions": positions, "wavelength": 0.0107, "target": (6.0, 0.5)}
    names |= {"reflection": 1e-4, "no": 1e-12, "num_snapshots": 100}
    names["channels"] = np.exp(1j * np.random.default_rng(1).uniform(0, 6, (2, 16))) * 1e-4
    names = run("near_field.md", {"isac": isac, "np": np, **names})
    assert names["beams"].peb > 0
    error = np.linalg.norm(names["found"].position[0, 0] - names["target"])
    assert error < 5 * names["beams"].peb


def test_moving_targets(monkeypatch):
    import keras
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    made = keras.Model.compile  # compiling takes longer than two steps
    monkeypatch.setattr(
        keras.Model,
        "compile",
        lambda model, optimizer, jit_compile: made(model, optimizer, jit_compile=False),
    )
    names = run("moving_targets.md", {})
    assert 0 < names["history"]["gospa"][0] < 30 * np.sqrt(2)
    numerology, targets = names["numerology"], names["targets"]
    limits = [numerology.range_resolution, numerology.velocity_resolution, numerology.max_range]
    limits += [numerology.max_velocity, numerology.prefix_range]
    np.testing.assert_allclose(limits, [10.7, 10.5, 1249, 294, 117], rtol=0.005)
    np.testing.assert_allclose(names["kept"], [0, 0.19, 0.59, 1, 1], atol=0.01)
    steps = 2 * np.pi * names["speeds"] * numerology.symbol_duration / numerology.wavelength
    np.testing.assert_allclose(names["canceller"], 2 * np.sin(steps) ** 2 * 55 / 56, atol=1e-6)
    assert 1.2 < names["detect"].alpha / names["plain"].alpha < 1.5
    assert names["pilots"].sum() == 8 * 116 and names["fourth"].any(0).sum() == 28
    np.testing.assert_allclose(names["noise"], (48 * 17 / 9 + 8) / 56, rtol=0.03)
    assert names["bound"].range.shape == (1, 2)
    assert np.all(names["by_pilots"].range > 2 * names["bound"].range)
    errors = names["errors"]
    assert sorted(errors.target) == [0, 1] and np.all(np.abs(errors.velocity) < 3)
    assert np.all(np.abs(errors.range) < 0.06 * numerology.range_resolution)
    for estimate, cells in ((names["estimate"], 0.25), (names["between"], 0.15)):
        for n in range(2):
            offset = np.abs(np.asarray(estimate.velocity)[0] - targets.velocity[0][n])
            near = offset < 0.25 * numerology.velocity_resolution
            distance = np.abs(np.asarray(estimate.range)[0] - targets.range[0][n])
            assert np.min(distance[near]) < cells * numerology.range_resolution
    np.testing.assert_allclose(names["by_music"].range[0], targets.range[0], atol=2)
    assert np.all(np.isfinite(names["gradient"][0])) and np.any(names["gradient"][0] != 0)
    plt.close("all")


def test_bound_of_an_extended_target():
    rng = np.random.default_rng(3)
    names = {"tf": tf, "np": np, "isac": isac, "x": np.ones((1, 1024))}
    names |= {"points": rng.uniform(-2, 2, (9, 3)), "weights": np.full(9, 1 / 9), "no": 1e-14}
    names["beams"] = tf.constant(rng.normal(size=(64, 2)) + 0j)
    steering = isac.array.planar_wave((8, 8), *map(tf.constant, (0.35, -0.17)))
    names["beam"] = tf.math.conj(steering)[tf.newaxis] / 8
    names = run("extended_target/bound.md", names)
    assert names["deviation"].shape == (4,) and np.all(names["found"].converged)
    mapped = np.einsum(
        "ijkl,lk->ij", names["matrices"], names["beams"] @ tf.linalg.adjoint(names["beams"])
    )
    np.testing.assert_allclose(
        mapped.real, names["fim"], rtol=1e-9, atol=1e-9 * np.max(names["fim"])
    )
    deviation = np.sqrt(np.diag(isac.bound.cramer_rao_bound(names["efim"][0])))
    error = names["found"].parameters["range"] - 20, names["found"].parameters["azimuth"] - 0.35
    assert np.all(np.abs(np.ravel(error)) < 5 * deviation)


def test_estimates_of_an_extended_target():
    isac.set_seed(2)
    rng = np.random.default_rng(5)
    pose = {"range": 10.0, "azimuth": 0.35, "elevation": -0.17, "orientation": 0.87}
    names = {"isac": isac, "np": np, "tf": tf, "phases": rng.uniform(0, 6, 9)}
    points, weights = rng.uniform(-2, 2, (9, 3)), np.full(9, 1 / 9)
    names["target"] = isac.bound.ExtendedTarget(points, weights, **pose)
    names = run("extended_target/estimation.md", names)
    assert np.all(names["solution"].sinr > 10 * (1 - 1e-5))
    deviation = np.sqrt(np.diag(isac.bound.cramer_rao_bound(names["efim"])[0]))
    error = [names["found"].parameters[name][0] - value for name, value in pose.items()]
    assert np.all(np.abs(error) < 4 * deviation)


def test_beams_for_an_extended_target():
    rng = np.random.default_rng(4)
    pose = {"range": 20.0, "azimuth": 0.35, "elevation": -0.17, "orientation": 0.87}
    names = {"isac": isac, "channels": 1e-5 * (rng.normal(size=(4, 64, 2)) @ [1, 1j])}
    names["target"] = isac.bound.ExtendedTarget(rng.uniform(-1, 1, (9, 3)), np.ones(9) / 9, **pose)
    names = run("extended_target/beams.md", names)
    assert names["solution"].relative_gap < 1e-4
    assert names["metric"].sum_rate > names["solution"].sum_rate
    assert "The largest common SINR" in names["message"]
    assert names["loss"] > 1


def test_network_of_beams():
    isac.set_seed(1)
    names = run("extended_target/network.md", {})
    channels = tf.cast(names["channels"], tf.complex128)
    assert np.all(isac.beamforming.user_sinr(channels, names["beams"]) > 9.99)
    assert np.isfinite(names["loss"])


def test_scenarios(monkeypatch):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import xarray as xr

    stored = xr.Dataset({"gospa": ("approach", [3.0])}, {"approach": ["learned"]})
    Path("results/quick").mkdir(parents=True)
    stored.to_netcdf("results/quick/result.nc", engine="h5netcdf")
    array = isac.array.UniformLinearArray(8, 0.005)
    sector = isac.scene.FixedSector((-0.5, 0.5))(4)
    scene = isac.scene.TargetScene(1, (20, 50), isac.scene.RayleighGain(), num_targets=1)
    names = {"isac": isac, "plt": plt, "snr_db": [0.0, 10.0], "nos": [8.0, 0.8], "array": array}
    names["numerology"] = isac.waveform.Numerology(256, 120e3, 299792458.0 / 0.005)
    names["beam"] = isac.waveform.LeastSquaresPrecoder(array, np.linspace(-1.5, 1.5, 90))(sector)
    names["targets"], names["x"] = scene(sector), isac.waveform.SymbolSource(256)(4)[0]
    run("scenarios.md", names)
    line = plt.gca().lines[-1]
    np.testing.assert_array_equal(line.get_xdata(), [0, 10])
    high, low = line.get_ydata()  # ten times the noise, the root of ten times the error
    assert high / low == pytest.approx(np.sqrt(10), rel=1e-5)
    plt.close("all")


def test_figures():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = run("figures.md", {})
    image = names["image"]
    for place in zip(*names["truth"], strict=True):
        grids = names["angles"], names["ranges"]
        nearest = [np.argmin(np.abs(g - v)) for g, v in zip(grids, place, strict=True)]
        assert image[tuple(nearest)] > 0.5 * image.max()
    assert len(plt.get_fignums()) == 3
    labels = [line.get_label() for line in names["right"].lines]
    assert "learned" in labels and "data sheet" in labels
    p_d = 1 - names["ax"].lines[0].get_ydata()
    np.testing.assert_array_equal(p_d, names["roc"].p_d)
    plt.close("all")


def test_learning(monkeypatch):
    started = []
    training = isac.study.Training
    short = {"iterations": 2, "batch_size": 4}
    monkeypatch.setattr(
        isac.study, "Training", lambda **fields: training(**{**fields, **short}), raising=False
    )
    array = isac.array.UniformLinearArray(8, 0.005, trainable=True)
    numerology = isac.waveform.Numerology(16, 120e3, 299792458.0 / 0.005)
    angles = np.linspace(-1.5, 1.5, 90)
    grid = isac.receiver.SearchGrid(angles, np.linspace(10, 60, 20))
    echo = isac.channel.MonostaticEcho(isac.array.UniformLinearArray(8, 0.005), numerology)
    reciprocal = isac.receiver.ReciprocalFilter(numerology)
    scene = isac.scene.TargetScene(1, (20, 50), isac.scene.RayleighGain())
    precoder = isac.waveform.LeastSquaresPrecoder(array, angles)
    symbols = isac.waveform.SymbolSource(16)

    def source(batch_size):
        sector = isac.scene.FixedSector((-0.4, 0.4))(batch_size)
        x, _ = symbols(batch_size)
        y = reciprocal(echo(x, scene(sector), precoder(sector), 0.1), x)
        return y, sector, tf.reduce_sum(tf.abs(y) ** 2, (1, 2))

    names = {"tf": tf, "load_scenario": isac.study.load_scenario, "source": source}
    names["run_scenario"] = lambda scenario, folder: started.append((scenario.profile, folder))
    names["receiver"] = isac.receiver.DifferentiableOMP(
        array, numerology, grid, max_targets=1, no=0.1
    )
    names = run("learning.md", names)
    assert started == [("full", "results/fig5")]
    assert np.all(np.isfinite(names["history"]["array_loss"]))
