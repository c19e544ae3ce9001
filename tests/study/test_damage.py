"""Stored files, damaged in many ways: the right content, or one line that says what to do."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sionna_isac.cli import _is_usage
from sionna_isac.dataset import generate_dataset, open_dataset
from sionna_isac.study import load_scenario, run_scenario
from sionna_isac.study.models import ModelStore
from sionna_isac.study.store import RunFolder, StoreError, read_result

HERE = Path(__file__).parent
KEY = {"seed": 1}


class Stored:
    """A folder with a file of every kind, and what reads it."""

    def __init__(self, path: Path) -> None:
        self.scenario = load_scenario(HERE / "tiny.yaml")
        self.folder = RunFolder(path / "run", self.scenario)
        self.folder.note_commit()
        rng = np.random.default_rng(0)
        for name in ("known_00000", "known_00001"):
            self.folder.save(name, angle=rng.normal(size=(5, 2)), count=rng.integers(9, size=5))
        self.folder.write_result(self.result(rng), self.scenario, ["0@unknown"])
        self.models = ModelStore(path / "models")
        for key in (KEY, {"seed": 2}):
            model = {"weight_0": rng.normal(size=(3, 3)), "loss": rng.normal(size=4)}
            self.models.save("net", key, self.scenario, model)
        self.set = generate_dataset(
            load_scenario(HERE / "tiny_dataset.yaml"), path / "set", workers=0, quiet=True
        )
        run, model = self.folder.path, self.models.file("net", KEY)
        self.kinds = {
            "result": (run / "result.nc", self.read_result),
            "checksum": (run / "result.nc.sha256", self.read_result),
            "part": (run / "partial" / "known_00000.npz", lambda: self.folder.load("known_00000")),
            "model": (model, self.read_model),
            "scenario": (run / "scenario.yaml", self.open_folder),
            "commits": (run / "commits.txt", lambda: self.folder.note_commit()[-1]),
            "dataset": (self.set / "test.h5", self.read_dataset),
        }
        self.others = {
            "result": run / "partial" / "known_00000.npz",
            "checksum": run / "commits.txt",
            "part": run / "partial" / "known_00001.npz",
            "model": self.models.file("net", {"seed": 2}),
            "scenario": run / "commits.txt",
            "commits": run / "result.nc",
            "dataset": self.set / "validation.h5",
        }

    @staticmethod
    def result(rng):
        values = rng.normal(size=(3, 40))
        return xr.Dataset(
            {"gospa": (("approach", "p_fa"), values, {"units": "m"})},
            coords={"approach": ["unknown", "learned", "known"], "p_fa": np.arange(40) / 50},
        )

    def read_result(self):
        dataset, scenario = read_result(self.folder.path)
        return {n: v.values for n, v in dataset.variables.items()} | {"scenario": scenario}

    def read_model(self):
        return self.models.load("net", KEY)

    def open_folder(self):
        RunFolder(self.folder.path, self.scenario)
        return "the same configuration"

    def read_dataset(self):
        # as `generate` would before it says that a data set is complete, then every sample
        generate_dataset(load_scenario(HERE / "tiny_dataset.yaml"), self.set, 0, quiet=True)
        with open_dataset(self.set / "test.h5") as dataset:
            assert dataset.split == "test"
            return {"channel": dataset.channel(slice(None)), **dataset.labels}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return Stored(tmp_path_factory.mktemp("stored"))


def damages(whole: bytes, rng: np.random.Generator, number: int, blocks: bool):
    """Contents that are not as they were written."""
    yield b""
    for cut in (1, 3, len(whole) // 2, len(whole) - 1, *rng.integers(1, len(whole), number)):
        yield whole[:cut]
    for size in (1, 1, *((8, 100, 600) if blocks else ())):
        for place in rng.integers(0, len(whole), number):
            content = bytearray(whole)
            block = content[place : place + size]
            if size == 1:
                content[place] ^= 1 << int(rng.integers(8))
            else:
                fill = bytes(len(block)) if rng.integers(2) else rng.bytes(len(block))
                content[place : place + size] = fill
            yield bytes(content)
    if blocks:
        yield whole[len(whole) // 2 :]
    yield bytes(len(whole))


def same(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return (
            a.dtype == b.dtype and a.tobytes() == b.tobytes() if a.dtype != object else all(a == b)
        )
    return a == b


def one_line_or(expected, read) -> StoreError | None:
    """The error of a read, which is one line for the user; without one, the content is right."""
    try:
        found = read()
    except Exception as error:
        assert _is_usage(error), repr(error)
        assert "\n" not in str(error)
        return error
    assert same(found, expected)
    return None


KINDS = ("result", "checksum", "part", "model", "scenario", "commits", "dataset")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_one_line_or_harmless(stored, kind):
    file, read = stored.kinds[kind]
    whole, expected = file.read_bytes(), read()
    harmless = {"commits", "scenario"}  # text: a letter may change another one's meaning, or none
    blocks = kind != "dataset"  # too large for a checksum of all of it, and HDF5 may hang on blocks
    count = found = 0
    try:
        for content in damages(whole, np.random.default_rng(5), 25, blocks):
            file.write_bytes(content)
            error = one_line_or(expected, read)
            count += content != whole
            found += error is not None
            if error is not None:
                assert any(word in str(error) for word in ("remove", "--fresh", "not a data set"))
                assert file.name in str(error) or "out" in str(error) or kind == "checksum"
        # the other file of the same kind, or one of another kind
        file.write_bytes(stored.others[kind].read_bytes())
        assert one_line_or(expected, read) is not None
    finally:
        file.write_bytes(whole)
    assert read() is not None
    assert found > (0.2 if kind in harmless else 0.6) * count


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_in_place_of_a_file_is_one_line(stored, kind):
    file, read = stored.kinds[kind]
    whole = file.read_bytes()
    file.unlink()
    file.mkdir()
    try:
        with pytest.raises(StoreError) as error:
            read()
        assert "\n" not in str(error.value)
    finally:
        file.rmdir()
        file.write_bytes(whole)


def test_a_removed_file_is_computed_anew(tmp_path):
    """What the messages advise works: without the file, the same command gives the same numbers."""
    scenario = load_scenario(
        HERE / "tiny.yaml",
        [
            "compile=false",
            "training.iterations=0",
            "evaluation.num_samples=20",
            "evaluation.methods=[known]",
        ],
    )
    first = run_scenario(scenario, tmp_path / "run", quiet=True)
    for name in ("result.nc", "result.nc.sha256", "commits.txt", "partial/known_00000.npz"):
        file = tmp_path / "run" / name
        file.write_bytes(b"damaged")
        if name.startswith("partial"):
            (tmp_path / "run" / "result.nc").unlink()
        if name != "commits.txt":  # which a complete run does not read
            with pytest.raises(StoreError, match="remove it and run again"):
                run_scenario(scenario, tmp_path / "run", quiet=True)
        file.unlink()
        again = run_scenario(scenario, tmp_path / "run", quiet=True)
        xr.testing.assert_equal(first.drop_attrs(), again.drop_attrs())


def test_a_result_of_another_configuration_is_not_taken_for_this_one(stored, tmp_path):
    other = load_scenario(HERE / "tiny.yaml", seed=4)
    RunFolder(tmp_path / "run", other)
    for name in ("result.nc", "result.nc.sha256"):
        shutil.copy(stored.folder.path / name, tmp_path / "run" / name)
    with pytest.raises(StoreError, match=r"seed: 3 there, 4 here\); remove it and run again"):
        run_scenario(other, tmp_path / "run", quiet=True)


def test_results_from_before_checksums_are_read(stored, tmp_path):
    shutil.copy(stored.folder.path / "result.nc", tmp_path / "result.nc")
    assert read_result(tmp_path)[1] == stored.scenario
    with np.load(stored.kinds["part"][0]) as data:
        old = {k: data[k] for k in data.files if k != "content"}
    folder = RunFolder(tmp_path / "old", stored.scenario)
    folder.save("known_00000")
    np.savez(tmp_path / "old" / "partial" / "known_00000.npz", **old)
    assert same(folder.load("known_00000"), stored.folder.load("known_00000"))
