"""Count which small defects the tests notice: ``python -m tests.tools.mutate --help``.

Each entry of :mod:`tests.tools.mutations` is put into a temporary copy of the package, alone, and
the nearest tests run there; the working tree is never touched. A defect that no test notices is a
place without a test. Results are kept in a file, so that a run can be stopped and resumed. In the
end the tests that noticed run once without any defect: one that always fails notices nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.tools.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("sionna_isac", "tests", "scenarios", "pyproject.toml")
LIMIT = 600  # seconds for the tests of one defect: one that hangs is noticed, too
FAILURE = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


def copy_to(folder: Path) -> None:
    """Put what the tests need into a folder."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy2(source, folder / name)


def run_tests(folder: Path, tests: list[str]) -> tuple[bool, str]:
    """Whether the tests pass in a copy, and which of them failed first."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # a changed file of the same size and second
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return False, f"more than {LIMIT} s"
    if done.returncode == 0:
        return True, ""
    if done.returncode not in (1, 2):  # 2: not even the collection succeeded
        raise RuntimeError(f"pytest {tests} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    found = FAILURE.findall(done.stdout)
    return False, found[0] if found else done.stdout[-300:]


def try_one(folder: Path, mutation: Mutation) -> tuple[str, str]:
    """What became of one defect: "caught" and by which test, "survived", or "stale"."""
    path = folder / "sionna_isac" / mutation.file
    sound = path.read_text() if path.exists() else ""
    if sound.count(mutation.old) != 1:
        return "stale", f"{mutation.file} holds the old text {sound.count(mutation.old)} times"
    try:
        path.write_text(sound.replace(mutation.old, mutation.new))
        passed, test = run_tests(folder, [f"tests/{name}.py" for name in mutation.tests.split()])
    finally:
        path.write_text(sound)
    return ("survived", "") if passed else ("caught", test)


def main() -> None:
    """Try all defects that the results do not know yet, and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("mutations.json"))
    parser.add_argument("--again", action="store_true", help="repeat those that survived")
    parser.add_argument("--only", default="", help="part of the file or text of the defects")
    options = parser.parse_args()
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    repeated = {"survived", "stale"} if options.again else {"stale"}
    wanted = [m for m in MUTATIONS if options.only in m.label]
    with tempfile.TemporaryDirectory(prefix="mutate-") as name:
        folder = Path(name)
        copy_to(folder)
        for number, mutation in enumerate(wanted, 1):
            if results.get(mutation.label, ["stale"])[0] not in repeated:
                continue
            begin = time.perf_counter()
            results[mutation.label] = outcome = try_one(folder, mutation)
            options.results.write_text(json.dumps(results, indent=1))
            seconds = time.perf_counter() - begin
            print(
                f"{number}/{len(wanted)} {outcome[0]} ({seconds:.0f} s)  {mutation.label}  "
                f"{outcome[1]}",
                flush=True,
            )
        known = [results[m.label] for m in wanted]
        noticed = sorted({test for state, test in known if state == "caught" and "::" in test})
        sound, test = run_tests(folder, noticed) if noticed else (True, "")
    for state in ("survived", "stale"):
        for mutation in wanted:
            if results[mutation.label][0] == state:
                print(f"{state}: {mutation.label}")
    count = sum(state == "survived" for state, _ in known)
    print(f"{count} of {len(known)} survived")
    if not sound:
        sys.exit(f"{test} fails without any defect, too: what it noticed does not count")


if __name__ == "__main__":
    main()
