"""The commit in results: that of the checkout, marked if files differ, "unknown" outside of one."""

import shutil
import subprocess
from pathlib import Path

import pytest

import sionna_isac
from sionna_isac.study import RunFolder, load_scenario
from sionna_isac.study.store import _git_commit, provenance

ROOT = Path(sionna_isac.__file__).resolve().parents[1]
NAME = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]


def git(folder, *words):
    done = subprocess.run(
        ["git", "-C", str(folder), *NAME, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    if not shutil.which("git"):
        pytest.skip("no git")
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_checkout_is_its_commit(repository):
    head = git(repository, "rev-parse", "HEAD")
    assert len(head) == 40 and _git_commit(repository) == head


@pytest.mark.parametrize("name", ["a", "new"], ids=["changed", "added"])
def test_a_checkout_with_other_files_is_marked(repository, name):
    (repository / name).write_text("2")
    assert _git_commit(repository) == git(repository, "rev-parse", "HEAD") + "-dirty"


def test_what_is_no_checkout_is_unknown(repository, tmp_path, monkeypatch):
    inside = repository / "site-packages"
    inside.mkdir()
    assert _git_commit(inside) == "unknown"  # not the commit of whoever installed it
    (inside / ".git").write_text("not a repository")
    assert _git_commit(inside) == "unknown"
    monkeypatch.setenv("PATH", "")
    assert _git_commit(repository) == "unknown"


def test_results_carry_the_commit_that_computes(tmp_path):
    scenario = load_scenario("quick")
    expected = "unknown"
    if (ROOT / ".git").exists():
        dirty = "-dirty" if git(ROOT, "status", "--porcelain") else ""
        expected = git(ROOT, "rev-parse", "HEAD") + dirty
    assert provenance(scenario)["git_commit"] == expected
    folder = RunFolder(tmp_path / "run", scenario)
    now = f"{sionna_isac.__version__}@{expected}"
    assert folder.note_commit() == [now]
    (folder.path / "commits.txt").write_text(f"0.1@{'a' * 40}\n{now}\n0.2@{'b' * 40}-dirty\n")
    assert folder.note_commit() == [f"0.1@{'a' * 40}", f"0.2@{'b' * 40}-dirty", now]
