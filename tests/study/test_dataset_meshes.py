"""Mesh files as the instances of a data set: found, hashed, split by file, refused."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

import sionna_isac as isac
from sionna_isac.dataset.plan import instances_of, mesh_files
from sionna_isac.dataset.scenario import SPLITS
from sionna_isac.study import ScenarioError, StoreError, load_scenario

TINY = Path(__file__).with_name("tiny_dataset.yaml")
SIZES = {"a.stl": (2000, 1000, 800), "b.ply": (2500, 1200, 900), "c.obj": (3000, 1500, 1200)}


def overrides(files: str, more: str = "", instances: str = "train: 1, validation: 1, test: 1"):
    mesh = f"{{files: {files}, scale: 0.001{more}}}"
    target = f"{{category: car, family: mesh, instances: {{{instances}}}, mesh: {mesh}}}"
    return [
        f"targets=[{target}]",
        "name=tiny_born",
        "solver={voxel_size: 0.3, approximation: born}",
        "num_samples={train: 2, validation: 1, test: 1}",
    ]


@pytest.fixture
def folder(tmp_path):
    """Boxes in millimetres, a corner at the origin, and a scenario file beside their folder."""
    (tmp_path / "cars").mkdir()
    for name, size in SIZES.items():
        box = trimesh.creation.box(size)
        box.apply_translation(np.array(size) / 2)
        box.export(tmp_path / "cars" / name)
    (tmp_path / "cars" / "notes.txt").write_text("not a mesh")
    shutil.copy(TINY, tmp_path / "set.yaml")
    return tmp_path


def load(folder, *arguments, **kwargs):
    return load_scenario(folder / "set.yaml", overrides(*arguments, **kwargs))


@pytest.mark.parametrize("files", ["cars", "cars/*.*", "[cars/b.ply, cars/c.obj, cars/a.stl]"])
def test_a_folder_a_pattern_and_a_list_are_the_same_files(folder, files):
    mesh = load(folder, files).targets[0].mesh
    expected = [folder / "cars" / name for name in SIZES]
    assert mesh.files == tuple(map(str, expected))
    assert mesh.sha256 == tuple(hashlib.sha256(f.read_bytes()).hexdigest() for f in expected)


def test_each_mesh_is_in_one_split_by_the_seed(folder):
    scenario = load(folder, "cars")
    drawn = mesh_files(scenario, 0)
    splits = [{drawn[n] for n in instances_of(scenario, split)[0]} for split in SPLITS]
    assert sorted(n for split in splits for n in split) == [0, 1, 2]
    assert drawn == mesh_files(load(folder, "cars"), 0)
    others = [scenario.model_copy(update={"seed": seed}) for seed in range(8)]
    assert any(mesh_files(other, 0) != drawn for other in others)


def test_generation_stores_the_hashes_and_notices_a_change(folder):
    scenario = load(folder, "cars")
    out = folder / "out"
    isac.dataset.generate_dataset(scenario, out, workers=0, quiet=True)
    assert isac.dataset.verify_dataset(out) == {"train": 2, "validation": 1, "test": 1}
    drawn = mesh_files(scenario, 0)
    with isac.dataset.open_dataset(out, "validation") as dataset:
        stored = dataset.scenario.targets[0].mesh
        instance = int(dataset.labels["instance"][0])
        size = np.array(SIZES[Path(stored.files[drawn[instance]]).name]) / 1e3
        assert stored == scenario.targets[0].mesh
        assert np.all(np.abs(dataset.labels["dimensions"][0] - size) < 0.6)
        # it stands on the ground, wherever the origin of the file is
        height = dataset.labels["center"][0, 2] + scenario.array.height
        assert height == pytest.approx(size[2] / 2, abs=0.3)
        assert dataset.parts == ("target",)
    # the stored configuration reads without the files
    mesh = folder / "cars" / "b.ply"
    trimesh.creation.box((2600, 1200, 900)).export(mesh)
    with isac.dataset.open_dataset(out) as dataset:
        assert dataset.scenario == scenario
    with pytest.raises(StoreError, match="another configuration"):
        isac.dataset.generate_dataset(load(folder, "cars"), out, 0, quiet=True)
    with pytest.raises(ScenarioError, match="hashes"):
        isac.dataset.generate_dataset(scenario, folder / "out3", 0, quiet=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vans"], "mesh file '.*vans' does not exist"),
        (["vans/*.ply"], "no mesh file .*vans/"),
        (["cars/d.ply"], "d.ply' does not exist"),
        (["cars/notes.txt"], "must be one of .obj, .ply, .stl; got"),
        (["cars/a.stl"], "at least the 3 instances of all splits, .*; got 1"),
        (["[cars, twin.stl]"], "'.*a.stl' and '.*twin.stl' are the same"),
        (["[cars, void.ply]"], "void.ply' is empty"),
        (["[]"], "files"),
        (["cars", ", material: wood"], "material"),
        (["cars", ", up: x"], "up"),
        (["cars", ", size_interval: [1, 20]"], "size_interval"),
    ],
)
def test_files_that_cannot_be_instances_are_one_line(folder, arguments, message):
    shutil.copy(folder / "cars" / "a.stl", folder / "twin.stl")
    (folder / "void.ply").touch()
    with pytest.raises(ScenarioError, match=message) as error:
        load(folder, *arguments)
    assert "\n" not in str(error.value) and "targets.0.mesh" in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.obj", "large", r"largest dimension within \[0.5, 5.6\] m .*; got 6 m"),
        ("c.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "watertight"),
        ("b.ply", "ply\nnonsense\n", "b.ply"),
    ],
)
def test_a_mesh_that_is_no_target_is_refused_before_anything_runs(folder, name, content, message):
    file = folder / "cars" / name
    if content == "large":
        trimesh.creation.box((6000, 2000, 1000)).export(file)
    else:
        file.write_text(content)
    with pytest.raises(ScenarioError, match=message) as error:
        isac.dataset.generate_dataset(load(folder, "cars"), folder / "out", 0, quiet=True)
    assert "\n" not in str(error.value) and name in str(error.value)
    assert not list((folder / "out").glob("partial/*.npz"))


def test_too_large_a_file_is_refused_without_reading_it(folder):
    with (folder / "cars" / "a.stl").open("ab") as file:
        file.truncate(300_000_000)
    with pytest.raises(ScenarioError, match="at most 256 MB; got 300"):
        load(folder, "cars")


def test_a_set_without_meshes_is_stored_as_before():
    target, _ = load_scenario(TINY).model_dump(mode="json")["targets"]
    assert list(target) == ["category", "family", "instances"]


def test_family_and_files_go_together():
    text = "{category: car, family: %s, instances: {train: 1, validation: 1, test: 1}%s}"
    with pytest.raises(ScenarioError, match="mesh is required, with files, by the family 'mesh'"):
        load_scenario(TINY, [f"targets=[{text % ('mesh', '')}]"])
    with pytest.raises(ScenarioError, match="mesh has no effect with the family 'parametric_car'"):
        load_scenario(TINY, [f"targets=[{text % ('parametric_car', ', mesh: {files: a.ply}')}]"])
