"""Data sets: the same numbers however they are generated, and damage that is noticed."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c

import sionna_isac as isac
from sionna_isac.cli import main
from sionna_isac.dataset import (
    DatasetError,
    SampleError,
    compute_sample,
    describe_dataset,
    generate,
    generate_dataset,
    open_dataset,
    summarise_dataset,
    verify_dataset,
)
from sionna_isac.dataset.plan import draw_sample
from sionna_isac.dataset.scenario import SPLITS
from sionna_isac.study import ScenarioError, StoreError, WorkerError, load_scenario, workers
from sionna_isac.study.registry import draw_result
from sionna_isac.study.workers import interrupts_noticed

TINY = Path(__file__).with_name("tiny_dataset.yaml")
LONGER = ["num_samples.train=48"]


@pytest.fixture(scope="module")
def scenario():
    return load_scenario(TINY)


@pytest.fixture(scope="module")
def reference(scenario, tmp_path_factory):
    """An uninterrupted run in this process."""
    return generate_dataset(
        scenario, tmp_path_factory.mktemp("reference") / "set", workers=0, quiet=True
    )


@pytest.fixture
def copy(reference, tmp_path):
    return Path(shutil.copytree(reference, tmp_path / "copy"))


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of everything that the files of a data set hold, but for their attributes."""
    found = {}
    for split in SPLITS:
        with h5py.File(folder / f"{split}.h5") as file:
            for name, values in file.items():
                found[f"{split}/{name}"] = values[()].tobytes()
    return found


def variables(file: Path) -> dict[str, np.ndarray]:
    with h5py.File(file) as store:
        return {name: values[()] for name, values in store.items()}


def command(*words: object, **options) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "sionna_isac.cli", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, **options)


def flip(file: Path, variable: str, index: int) -> None:
    """Flip one bit of a stored sample behind the back of HDF5."""
    with h5py.File(file) as store:
        data = store[variable]
        if data.chunks:
            offset = data.id.get_chunk_info(index).byte_offset + 5
        else:
            offset = data.id.get_offset() + index * data.nbytes // len(data)
    content = bytearray(file.read_bytes())
    content[offset] ^= 4
    file.write_bytes(content)


# -- generation ----------------------------------------------------------------------------------


def test_a_stored_sample_is_the_computed_one(reference, scenario):
    for split, index in (("train", 5), ("test", 1)):
        sample = compute_sample(scenario, split, index)
        with open_dataset(reference, split) as dataset:
            np.testing.assert_array_equal(dataset.channel(index), sample["channel"])
            for name in ("range", "azimuth", "heading", "instance_seed", "rms", "residual"):
                np.testing.assert_array_equal(dataset.labels[name][index], sample[name])


@pytest.mark.filterwarnings("ignore::sionna_isac.scattering.CoarseGridWarning")
def test_a_channel_is_the_response_of_the_placed_target(scenario):
    """The same target with its voxels moved into the world, instead of the antennas to it."""
    draw = draw_sample(scenario, "train", 1)
    sample = compute_sample(load_scenario(TINY, ["material_spread=0"]), "train", 1)
    target = isac.scene.ParametricCar(seed=draw.instance_seed).voxelize(0.3)
    # a heading of 0 keeps the voxels on an axis-parallel grid in the world
    turned = load_scenario(TINY, ["material_spread=0", "placement.heading_deg=[0, 0]"])
    sample = compute_sample(turned, "train", 1)
    placed = target.placed_at(draw.range, draw.azimuth, 0.0, -1.5)
    wavelength = c / 4.9e9
    tx, rx, up = np.zeros([4, 3]), np.zeros([3, 3]), np.array([0, 0, 1])
    tx[:, 1] = (np.arange(4) - 1.5) * wavelength / 2
    rx[:, 2] = (np.arange(3) - 1) * wavelength / 2
    for tone, frequency in enumerate((4.895e9, 4.905e9)):
        moment = 8.8541878128e-12 * (c / frequency) ** 3 / (2 * np.pi) ** 2
        expected = isac.scattering.volume_response(
            placed.to_world(placed.positions),
            0.3,
            placed.permittivity,
            placed.conductivity,
            [frequency],
            tx,
            np.tile(moment * up, [4, 1]),
            rx,
            np.tile(up, [3, 1]),
            fill=np.where(np.any(placed.normals, axis=1), placed.fill, 1),
            normals=placed.normals,
            kernel="point",
            tolerance=1e-3,
            allow_coarse=True,
            precision="double",
        )[0]
        error = np.linalg.norm(sample["channel"][tone] - expected) / np.linalg.norm(expected)
        assert error < 1e-2
    assert sample["range"] == pytest.approx(draw.range, rel=1e-9)
    assert sample["azimuth"] == pytest.approx(draw.azimuth, rel=1e-9)


def test_local_processes_give_the_same_bytes(reference, scenario, tmp_path):
    folder = generate_dataset(scenario, tmp_path / "set", workers=2, quiet=True)
    assert contents(folder) == contents(reference)
    assert not (folder / "partial").exists()


def test_a_running_cluster_gives_the_same_bytes(reference, scenario, tmp_path):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        folder = generate_dataset(
            scenario, tmp_path / "set", scheduler=cluster.scheduler_address, quiet=True
        )
    assert contents(folder) == contents(reference)


def test_a_killed_or_interrupted_run_resumes_with_the_same_bytes(tmp_path):
    out = tmp_path / "set"
    line = [sys.executable, "-m", "sionna_isac.cli", "dataset", "generate", str(TINY)]
    line += ["--set", *LONGER, "--out", str(out), "--workers", "1", "--quiet"]
    kept: dict[str, int] = {}
    for number, blow in enumerate((signal.SIGINT, signal.SIGKILL)):
        process = subprocess.Popen(
            line,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        deadline = time.monotonic() + 240
        while len(shards(out)) < 8 * number + 5:
            assert process.poll() is None and time.monotonic() < deadline, "ended before the blow"
            time.sleep(0.002)
        if blow == signal.SIGINT:  # as the terminal sends it: to all processes
            os.killpg(process.pid, blow)
        else:
            process.send_signal(blow)
        _, errors = process.communicate(timeout=120)
        if blow == signal.SIGINT:
            assert process.returncode == 130
            assert errors == "interrupted; the same command goes on from here\n"
        found = shards(out)
        assert 0 < len(found) < 53 and not list(out.glob("*.h5"))
        assert {n: found[n] for n in kept} == kept  # nothing is computed twice
        kept = found
    wait_until_alone(process.pid)
    scenario = load_scenario(TINY, LONGER)
    generate_dataset(scenario, out, workers=0, quiet=True)
    whole = generate_dataset(scenario, tmp_path / "whole", workers=0, quiet=True)
    assert contents(out) == contents(whole)
    assert verify_dataset(out) == {"train": 48, "validation": 3, "test": 2}


def shards(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (folder / "partial").glob("[a-z]*.npz")}


def wait_until_alone(group: int) -> None:
    """Workers must not outlive the process that started them."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("workers outlived a killed run")


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_an_end_while_files_are_written_leaves_a_valid_state(
    reference, scenario, tmp_path, monkeypatch, written
):
    out = tmp_path / "set"
    left = iter(range(written))

    def write(*arguments):
        if next(left, None) is None:
            (out / ".train.h5.1.tmp").write_bytes(b"half a file")
            raise KeyboardInterrupt
        write_split(*arguments)

    write_split = generate.write_split
    monkeypatch.setattr(generate, "write_split", write)
    if written == 3:  # all are written, what is left is not yet removed
        monkeypatch.setattr(generate.shutil, "rmtree", lambda *_, **__: None)
        generate_dataset(scenario, out, workers=0, quiet=True)
    else:
        with pytest.raises(KeyboardInterrupt):
            generate_dataset(scenario, out, workers=0, quiet=True)
    monkeypatch.undo()
    forbid_computing(monkeypatch)
    generate_dataset(scenario, out, workers=0, quiet=True)
    assert contents(out) == contents(reference)
    assert not list(out.glob(".*")) and not (out / "partial").exists()


def forbid_computing(monkeypatch):
    def no(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr("sionna_isac.dataset.sample.compute_sample", no)


def test_a_split_that_was_removed_is_computed_again(reference, scenario, copy):
    (copy / "test.h5").unlink()
    generate_dataset(scenario, copy, workers=0, quiet=True)
    assert contents(copy) == contents(reference)


def test_a_damaged_part_is_computed_again(reference, scenario, tmp_path, monkeypatch):
    out = tmp_path / "set"
    monkeypatch.setattr(generate, "_write", lambda *_: None)
    monkeypatch.setattr(generate.shutil, "rmtree", lambda *_, **__: None)
    generate_dataset(scenario, out, workers=0, quiet=True)
    monkeypatch.undo()
    shard = out / "partial" / "train_000003.npz"
    shard.write_bytes(shard.read_bytes()[:700])
    content = bytearray((out / "partial" / "train_000004.npz").read_bytes())
    content[300] ^= 1
    (out / "partial" / "train_000004.npz").write_bytes(content)
    generate_dataset(scenario, out, workers=0, quiet=True)
    assert contents(out) == contents(reference)


def test_a_finished_set_is_left_alone_and_fresh_discards_it(scenario, copy, monkeypatch):
    stamp = (copy / "train.h5").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        forbid_computing(patch)
        generate_dataset(scenario, copy, workers=0, quiet=True)
    assert (copy / "train.h5").stat().st_mtime_ns == stamp
    other = load_scenario(TINY, seed=6)
    with pytest.raises(StoreError, match="seed: 5 there, 6 here"):
        generate_dataset(other, copy, workers=0, quiet=True)
    generate_dataset(other, copy, workers=0, fresh=True, quiet=True)
    assert open_dataset(copy).scenario == other


def test_two_processes_do_not_share_a_folder(scenario, tmp_path):
    with (
        generate._only_one(tmp_path / "set"),
        pytest.raises(StoreError, match="another process"),
    ):
        generate_dataset(scenario, tmp_path / "set", workers=0, quiet=True)


def test_workers_that_keep_dying_are_one_line():
    with pytest.raises(WorkerError, match="4 workers died") as error:
        list(workers.run_chains(os._exit, [[(1,)]], 1))
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_workers_start_with_their_environment():
    # their allocator and libraries read it once: what is set later has no effect
    (text,) = workers.run_chains(Path.read_text, [[(Path("/proc/self/environ"),)]], 1)
    for setting in (f"MALLOC_TRIM_THRESHOLD_={2**30}", "OMP_NUM_THREADS=1"):
        assert setting in text.split("\0")


def test_a_scheduler_that_is_not_there_is_one_line(scenario, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_CONNECT_SECONDS", 1)
    with pytest.raises(WorkerError, match=r"tcp://127.0.0.1:9") as error:
        generate_dataset(scenario, tmp_path / "set", scheduler="tcp://127.0.0.1:9", quiet=True)
    assert "\n" not in str(error.value)


def test_a_sample_that_does_not_converge_is_named(tmp_path):
    hard = load_scenario(TINY, ["solver.max_iterations=1"])
    with pytest.raises(SampleError, match=r"sample \d+ of split 'train'.*instance"):
        generate_dataset(hard, tmp_path / "set", workers=0, quiet=True)


# -- reading -------------------------------------------------------------------------------------


def test_labels_follow_the_target_and_splits_are_disjoint(reference, scenario):
    seeds = []
    for split in SPLITS:
        with open_dataset(reference, split) as dataset:
            labels = dataset.labels
            assert len(dataset) == getattr(scenario.num_samples, split)
            centre = labels["center"]
            np.testing.assert_allclose(labels["range"], np.hypot(centre[:, 0], centre[:, 1]))
            np.testing.assert_allclose(
                labels["azimuth"], np.arctan2(centre[:, 1], centre[:, 0]), atol=1e-12
            )
            assert {dataset.categories[n] for n in labels["category"]} == {"car", "motorbike"}
            power = np.mean(np.abs(dataset.channel(slice(None))) ** 2, axis=(1, 2, 3))
            np.testing.assert_allclose(labels["rms"], np.sqrt(power), rtol=1e-5)
            assert np.all(labels["residual"] <= scenario.solver.tolerance)
            assert np.all(labels["iterations"] > 0) and np.all(labels["rank"] > 0)
            filled = np.nansum(labels["part_volume"], axis=1)
            np.testing.assert_allclose(filled, labels["volume"])
            seeds.append(set(labels["instance_seed"]))
    assert not seeds[0] & seeds[1] and not seeds[1] & seeds[2] and not seeds[0] & seeds[2]


def test_materials_change_from_sample_to_sample_within_the_spread(reference):
    with open_dataset(reference) as dataset:
        tyres = dataset.labels["part_permittivity"][:, dataset.parts.index("tyres")]
        for seed in np.unique(dataset.labels["instance_seed"]):
            own = tyres[dataset.labels["instance_seed"] == seed] - 1
            assert len(np.unique(own)) == len(own)
            assert own.max() / own.min() <= 1.2 / 0.8


def test_provenance_is_stored(reference, scenario):
    attrs = open_dataset(reference, "test").attrs
    assert json.loads(attrs["scenario"]) == json.loads(scenario.model_dump_json())
    assert attrs["seed"] == "5" and attrs["split"] == "test"
    assert (attrs["voxel_size"], attrs["kernel"], attrs["approximation"]) == (0.3, "point", "none")
    assert {"sionna", "numpy"} <= set(json.loads(attrs["versions"]))
    assert attrs["git_commit"] and isac.__version__ in attrs["computed_by"]
    assert "radar equation" in attrs["normalization"]


def test_channels_are_chunked_by_sample(reference):
    with h5py.File(reference / "train.h5") as file:
        assert file["channel"].dtype == np.complex64
        assert file["channel"].shape == (12, 2, 3, 4)
        assert file["channel"].chunks == (1, 2, 3, 4)


def test_indices_slices_and_lists_read_the_same(reference):
    dataset = open_dataset(reference)
    whole = dataset.channel(slice(None))
    np.testing.assert_array_equal(dataset.channel([7, 2, 2]), whole[[7, 2, 2]])
    np.testing.assert_array_equal(dataset.channel(-1), whole[-1])
    np.testing.assert_array_equal(dataset.channel(range(3)), whole[:3])
    with pytest.raises(IndexError):
        dataset.channel(12)


def test_tf_data_gives_normalised_batches_in_order(reference):
    dataset = open_dataset(reference)
    batches = list(dataset.as_tf(batch_size=5))
    assert [len(h) for h, _ in batches] == [5, 5, 2]
    channel = np.concatenate([h for h, _ in batches])
    np.testing.assert_allclose(np.mean(np.abs(channel) ** 2, axis=(1, 2, 3)), 1, rtol=1e-5)
    rms = np.concatenate([labels["rms"] for _, labels in batches])
    np.testing.assert_allclose(
        channel * rms[:, None, None, None], dataset.channel(slice(None)), rtol=1e-5
    )
    for name in ("category", "range", "azimuth"):
        stacked = np.concatenate([labels[name] for _, labels in batches])
        np.testing.assert_allclose(stacked, dataset.labels[name], rtol=1e-6)
    raw = next(iter(dataset.as_tf(3, normalize=False)))[0]
    np.testing.assert_array_equal(raw, dataset.channel(range(3)))


def test_tf_data_shuffles_by_its_seed_anew_in_each_epoch(reference):
    dataset = open_dataset(reference)

    def ranges(batches):
        return np.concatenate([labels["range"] for _, labels in batches])

    batches = dataset.as_tf(4, shuffle_seed=3, drop_remainder=True)
    assert batches.element_spec[0].shape == [4, 2, 3, 4]
    first, second = ranges(batches), ranges(batches)
    again = ranges(dataset.as_tf(4, shuffle_seed=3))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(np.sort(first), np.sort(dataset.labels["range"]), rtol=1e-6)


@pytest.mark.parametrize("memory", [0, 1e6])
def test_a_small_set_is_read_once(reference, monkeypatch, memory):
    dataset = open_dataset(reference)
    asked = []
    read = type(dataset).channel
    monkeypatch.setattr(
        dataset, "channel", lambda indices: (asked.extend(indices), read(dataset, indices))[1]
    )
    batches = dataset.as_tf(5, shuffle_seed=1, memory=memory)
    for _ in range(2):
        for channel, labels in batches:
            apart = np.abs(dataset.labels["range"] - labels["range"].numpy()[:, None])
            places = np.argmin(apart, 1)
            expected = read(dataset, places) / labels["rms"].numpy()[:, None, None, None]
            np.testing.assert_allclose(channel, expected, rtol=1e-6)
    assert sorted(asked) == sorted([*range(12)] * (1 if memory else 2))


def test_keras_trains_on_it(reference):
    model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(1)])
    model.compile(loss="mse", optimizer="sgd")
    batches = open_dataset(reference).as_tf(4).map(lambda h, labels: (tf.abs(h), labels["range"]))
    assert np.isfinite(model.fit(batches, verbose=0).history["loss"][0])


@pytest.mark.parametrize("name", ["channel", "range", "part_conductivity", "category"])
def test_a_flipped_bit_is_found_and_named(copy, name):
    flip(copy / "train.h5", name, 4)
    with pytest.raises(DatasetError, match=r"sample 4 of split 'train': '.*train\.h5'"):
        verify_dataset(copy)
    dataset = open_dataset(copy)
    dataset.channel(3)
    with pytest.raises(DatasetError, match="sample 4"):
        dataset.channel(4)


@pytest.mark.parametrize(
    "name",
    ["frequency", "tx_position", "rx_position", "tx_polarization", "rx_polarization", "tx_moment"],
)
def test_a_flipped_bit_of_what_all_samples_share_is_found_and_named(copy, name):
    with h5py.File(copy / "train.h5") as store:
        offset = store[name].id.get_offset() + (4 if name == "tx_moment" else 0)
    content = bytearray((copy / "train.h5").read_bytes())
    content[offset] ^= 4
    (copy / "train.h5").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"train\.h5' is damaged: {name} is not") as error:
        verify_dataset(copy)
    assert "\n" not in str(error.value)


def test_samples_that_changed_places_are_found(copy):
    with h5py.File(copy / "train.h5", "r+") as file:
        for values in file.values():
            if values.shape[:1] == (12,):
                values[:2] = values[:2][::-1]
    with pytest.raises(DatasetError, match=r"sample 0 .* checksum"):
        verify_dataset(copy)


def test_values_that_are_not_finite_are_found(copy):
    from sionna_isac.dataset.store import VARIABLES, sample_digest

    with h5py.File(copy / "train.h5", "r+") as file:
        value = file["channel"][2]
        value[0, 0, 0] = np.nan
        file["channel"][2] = value
        file["sha256"][2] = sample_digest({n: file[n][2] for n in VARIABLES}, 2)
    with pytest.raises(DatasetError, match=r"sample 2 .* not finite"):
        open_dataset(copy).check()


def test_an_instance_in_two_splits_is_found(copy, reference):
    from sionna_isac.dataset.store import VARIABLES, sample_digest

    with h5py.File(copy / "test.h5", "r+") as file:
        file["instance_seed"][0] = open_dataset(reference).labels["instance_seed"][0]
        file["sha256"][0] = sample_digest({n: file[n][0] for n in VARIABLES}, 0)
    with pytest.raises(DatasetError, match=r"sample 0 of split 'test'.* 'train' as well"):
        verify_dataset(copy)


def test_a_damaged_file_is_one_line_wherever_the_damage_is(copy):
    """A file cut short, or with bits flipped anywhere, ends in DatasetError or is still whole."""
    file = copy / "test.h5"
    whole, original = file.read_bytes(), variables(file)
    rng = np.random.default_rng(1)
    for length in [0, 7, 100, *rng.integers(200, len(whole), 20)]:
        file.write_bytes(whole[:length])
        with pytest.raises(DatasetError, match=r"test\.h5") as error:
            verify_dataset(file)
        assert "\n" not in str(error.value)
    found = 0
    for place in rng.integers(0, len(whole), 150):
        content = bytearray(whole)
        content[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(content)
        try:
            verify_dataset(file)
        except DatasetError as error:
            found += 1
            assert "test.h5" in str(error) and "\n" not in str(error)
        else:
            now = variables(file)
            assert now.keys() == original.keys() and {"frequency", "rx_position"} <= now.keys()
            for name, value in now.items():
                np.testing.assert_array_equal(value, original[name], err_msg=name)
    assert found > 75  # the rest of the file is unused space and free-form attributes


def test_the_figure_is_drawn_from_the_files(reference):
    summary, scenario = summarise_dataset(reference)
    figure = draw_result(summary, scenario.kind)
    drawn = sum(len(points.get_offsets()) for points in figure.axes[0].collections)
    assert drawn == summary.sizes["sample"] == 17


# -- command line --------------------------------------------------------------------------------


def test_info_and_verify_speak(reference):
    about = describe_dataset(reference)
    assert about["about"]["voxel size"] == "0.3 m"
    assert about["splits"]["train"]["car"] == "6 of 2 instances"
    done = command("dataset", "info", reference)
    assert done.returncode == 0 and re.search(r"samples\s+12\s+3\s+2", done.stdout), done.stdout
    done = command("dataset", "verify", reference)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ok: 17 samples (train 12, validation 3, test 2)\n"


def test_wrong_command_lines_end_with_one_line_and_code_2(copy, tmp_path, monkeypatch, capsys):
    file = copy / "validation.h5"
    file.write_bytes(file.read_bytes()[:-100])
    wrong = [
        (["run", "dataset_quick"], "dataset generate"),
        (["run", "near_field_quick", "--scheduler", "tcp://x:1", "--workers", "2"], "scheduler"),
        (["dataset", "generate", "quick"], "sionna-isac run"),
        (["dataset", "generate", TINY, "--workers", "-1"], "workers"),
        (["dataset", "generate", TINY, "--scheduler", "tcp://x:1", "--workers", "2"], "scheduler"),
        (["dataset", "verify", copy], "validation.h5"),
        (["dataset", "info", tmp_path / "none"], "train.h5"),
        (["dataset", "verify", TINY.with_name("test_dataset.py")], "train.h5"),
    ]
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # handlers are those of the tests
    for words, named in wrong:
        monkeypatch.setattr(sys, "argv", ["sionna-isac", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        errors = capsys.readouterr().err
        assert stop.value.code == 2, (words, errors)
        assert errors.startswith("error: ") and errors.count("\n") == 1, errors
        assert named in errors, (words, errors)


def test_a_study_is_not_a_data_set(tmp_path):
    with pytest.raises(ScenarioError, match="kind 'multi_target'"):
        generate_dataset(load_scenario("quick"), tmp_path / "set")
    with pytest.raises(DatasetError, match="split must be"):
        open_dataset(tmp_path, "all")


def test_an_interrupt_that_is_swallowed_still_ends_the_run():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts_noticed() as check:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is before
