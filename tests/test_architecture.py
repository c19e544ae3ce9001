"""The structure of the package: who imports whom, and what is public."""

from __future__ import annotations

import ast
import graphlib
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from sionna.phy.channel import ChannelModel

import sionna_isac as isac

ROOT = Path(isac.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
PACKAGES = sorted(p.parent.name for p in ROOT.glob("*/__init__.py"))

# Imports run from left to right; domains of one group do not know each other
CHAIN = (
    ("core",),
    ("array", "scene"),
    ("scattering",),
    ("waveform",),
    ("channel",),
    ("receiver",),
    ("study",),
    ("dataset",),
    ("studies",),
    ("cli",),
)
WINGS = {
    "objective": {"core"},
    "metrics": {"core"},
    "bound": {"array", "scene", "waveform", "core"},
    "beamforming": {"bound", "array", "core"},
    "plots": {"scene", "core"},
}
# No receiver sees the truth; the engine of studies knows neither kinds nor their figures
FORBIDDEN = {"receiver": {"channel", "scene"}, "study": {"plots"}, "dataset": {"plots"}}
# Where third-party packages may be imported: domains, or single files
THIRD_PARTY = {
    "cvxpy": {"beamforming"},
    "matplotlib": {"plots", "studies"},
    "pydantic": {"study", "dataset", "studies", "cli"},
    "typer": {"study", "cli"},
    "dask": {"study", "dataset", "cli"},
    "distributed": {"study", "dataset", "cli"},
    "dask_jobqueue": {"study", "dataset", "cli"},
    "trimesh": {"scene/mesh.py"},
    "sionna": {"core", "waveform", "study", "studies", "channel/link.py", "receiver/symbols.py"},
}


def allowed_domains(domain: str) -> set[str]:
    if domain in WINGS:
        return WINGS[domain] | {domain}
    allowed = {domain}
    for group in CHAIN:
        if domain in group:
            break
        allowed |= set(group)
    else:
        raise AssertionError(f"{domain} has no place in the architecture")
    if domain in ("study", "dataset", "studies", "cli"):
        allowed |= set(WINGS)
    return allowed - FORBIDDEN.get(domain, set())


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``."""
    left = list(ast.iter_child_nodes(tree))
    while left:
        node = left.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            left += node.orelse
        else:
            yield node
            left += ast.iter_child_nodes(node)


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """Dotted names that a module imports; ``package`` is where relative imports start."""
    names = set()
    for node in runtime_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith(("import_module", "__import__"))
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(str(node.args[0].value))
    return names


def breaches(source: str, path: str) -> list[str]:
    """What a file (path inside the package) imports against the rules."""
    parts = Path(path).with_suffix("").parts
    domain = parts[0]
    if domain == "__init__":
        return []
    package = ("sionna_isac", *parts[:-1])
    found = []
    for name in sorted(imported(source, package)):
        top, *rest = name.split(".")
        if top == "sionna_isac":
            # `from sionna_isac import x` may name a domain or something of the package itself
            known = rest and (rest[0] in WINGS or any(rest[0] in group for group in CHAIN))
            if known and rest[0] not in allowed_domains(domain):
                found.append(f"{path} imports {name}")
        elif top in THIRD_PARTY and not {domain, path} & THIRD_PARTY[top]:
            found.append(f"{path} imports {name}")
    return found


def test_imports_run_one_way():
    found = []
    for file in FILES:
        path = file.relative_to(ROOT).as_posix()
        found += breaches(file.read_text(encoding="utf-8"), path)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("receiver/omp.py", "from sionna_isac.scene import PointTargets"),
        ("receiver/nn/net.py", "from ...channel import echo"),
        ("receiver/omp.py", "from .. import channel"),
        ("receiver/omp.py", "import sionna_isac.channel.echo as e"),
        ("array/layout.py", "from sionna_isac import scene"),
        ("core/layer.py", "def f():\n    from sionna_isac.array import layout"),
        ("objective/gospa.py", "from sionna_isac.array import steering"),
        ("bound/point_target.py", "from sionna_isac.channel import MonostaticEcho"),
        ("metrics/rate.py", "import importlib\nimportlib.import_module('sionna_isac.receiver')"),
        ("scene/sector.py", "import matplotlib.pyplot as plt"),
        ("channel/echo.py", "from sionna.phy import config"),
        ("study/run.py", "try:\n    import cvxpy\nexcept ImportError:\n    pass"),
        ("core/layer.py", "from dask.distributed import Client"),
        ("scene/voxels.py", "import trimesh"),
        ("study/registry.py", "from sionna_isac.studies import multi_target"),
        ("study/registry.py", "def f():\n    from sionna_isac.plots import learning"),
        ("plots/learning.py", "from sionna_isac.study.registry import get_kind"),
    ],
)
def test_breaches_are_seen(path, source):
    assert len(breaches(source, path)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("channel/link.py", "from sionna.phy.channel import ChannelModel"),
        ("receiver/omp.py", "from . import pursuit\nfrom ..core import Layer"),
        ("receiver/omp.py", "if TYPE_CHECKING:\n    from sionna_isac.scene import PointTargets"),
        ("study/run.py", "from sionna_isac import objective, receiver\nimport pydantic"),
        ("cli.py", "from sionna_isac import __version__, plots, study\nimport typer"),
        ("studies/learning.py", "from sionna_isac import plots, receiver, study"),
    ],
)
def test_allowed_imports_pass(path, source):
    assert not breaches(source, path)


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Modules of the package by what they import, also inside functions."""
    modules = {name.removesuffix(".__init__"): name for name in sources}
    graph = {}
    for module, name in modules.items():
        package = tuple(name.split(".")[:-1])
        named = imported(sources[name], package)
        graph[module] = {n if n in modules else n.rpartition(".")[0] for n in named} & set(modules)
        graph[module].discard(module)
    return graph


def hidden_imports(sources: dict[str, str]) -> list[str]:
    """Imports of names that are not in ``__all__``, and of a package's own modules from outside.

    The rule: what another module imports is in ``__all__``; a module whose name begins with an
    underscore is for its package alone.
    """
    public: dict[str, set] = {}
    imports: dict[str, list[ast.ImportFrom]] = {}
    for file, text in sources.items():
        tree, name = ast.parse(text), file.removesuffix(".__init__")
        # whole trees of all modules would be looked at by every collection of garbage
        imports[name] = [node for node in runtime_nodes(tree) if isinstance(node, ast.ImportFrom)]
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if ast.unparse(target) == "__all__" and isinstance(node.value, ast.List):
                    public[name] = {
                        ast.literal_eval(e) if isinstance(e, ast.Constant) else None
                        for e in node.value.elts
                    }
    found = []
    for name, nodes in imports.items():
        for node in nodes:
            if node.module not in imports:
                continue
            package, _, last = node.module.rpartition(".")
            if last.startswith("_") and not f"{name}.".startswith(f"{package}."):
                found.append(f"{name} imports {node.module}")
            hidden = {a.name for a in node.names} - public.get(node.module, set()) - {"__version__"}
            if None not in public.get(node.module, {None}):  # names that are made when asked for
                hidden = {h for h in hidden if f"{node.module}.{h}" not in imports}
                found += [f"{name} imports {node.module}.{h}" for h in sorted(hidden)]
    return found


def test_what_modules_import_from_each_other_is_public():
    assert not hidden_imports(
        {
            ".".join(("sionna_isac", *f.relative_to(ROOT).with_suffix("").parts)): f.read_text(
                encoding="utf-8"
            )
            for f in FILES
        }
    )


def test_hidden_imports_are_seen():
    sources = {
        "p.a": "__all__ = ['f']\n",
        "p.b": "from p.a import f, g\n",
        "p._c": "__all__ = ['h']\n",
        "q.d": "from p._c import h\n",
        "p.e": "from p._c import h\n",
    }
    assert hidden_imports(sources) == ["p.b imports p.a.g", "q.d imports p._c"]


def test_no_imports_run_in_a_circle():
    names = {
        f: ".".join(("sionna_isac", *f.relative_to(ROOT).with_suffix("").parts)) for f in FILES
    }
    graph = import_graph({name: f.read_text(encoding="utf-8") for f, name in names.items()})
    assert "sionna_isac.plots.style" in graph["sionna_isac.studies.learning.figure"]
    graphlib.TopologicalSorter(graph).prepare()


def test_a_circle_is_seen():
    sources = {"p.__init__": "", "p.a": "from p.b import f", "p.b": "def f():\n    from p import a"}
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(import_graph(sources)).prepare()


def test_import_is_light():
    """Importing the package and the layers loads nothing heavy beyond what Sionna loads."""
    code = """
import sys
import sionna.phy
before = set(sys.modules)
import sionna_isac as isac
isac.array, isac.scene, isac.waveform, isac.channel, isac.receiver, isac.objective
isac.bound
heavy = "cvxpy dask distributed matplotlib mitsuba pydantic sionna.rt trimesh typer xarray yaml"
heavy = heavy.split()
print("loaded:", [m for m in heavy if m in sys.modules and m not in before])
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert "loaded: []" in run.stdout, run.stdout


def test_figures_of_stored_results_need_no_tensorflow():
    """What ``sionna-isac plot`` loads, whatever the kind of the result."""
    code = """
import sys
import sionna_isac.cli
import sionna_isac.plots
from sionna_isac.dataset import is_dataset, summarise_dataset
from sionna_isac.study.registry import draw_result, get_kind, kind_names
from sionna_isac.study.store import StoreError, read_result
print([get_kind(name).name for name in kind_names()])
print("loaded:", [m for m in ("keras", "sionna", "tensorflow") if m in sys.modules])
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert "'multi_target', " in run.stdout and "loaded: []" in run.stdout, run.stdout


@pytest.mark.parametrize("domain", PACKAGES)
def test_public_names_exist_and_are_documented(domain):
    module = importlib.import_module(f"sionna_isac.{domain}")
    assert module.__doc__ and module.__all__
    assert len(set(module.__all__)) == len(module.__all__)
    undocumented = []
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.isroutine(value) and not inspect.isclass(value):
            continue
        if not (value.__doc__ or "").strip() or value.__doc__.startswith(f"{name}("):
            undocumented.append(name)
        callable_class = inspect.isclass(value) and issubclass(
            value, (keras.layers.Layer, ChannelModel)
        )
        if callable_class and value is not isac.core.Layer and domain not in ("study", "studies"):
            own = [b.__doc__ or "" for b in value.__mro__ if b.__module__.startswith("sionna_isac")]
            for section in ("Input\n", "Output\n"):
                if not any(section in text for text in own):
                    undocumented.append(f"{name}: {section.strip()}")
    assert not undocumented


def test_errors_are_those_that_users_can_mend():
    """The command line tells them from defects by their base class."""
    others = []
    for file in FILES:
        module = ".".join(("sionna_isac", *file.relative_to(ROOT).with_suffix("").parts))
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                error = getattr(importlib.import_module(module), node.name)
                if issubclass(error, Exception) and not issubclass(error, isac.core.UsageError):
                    others.append(f"{module}.{node.name}")
    assert not others


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_modules_are_documented_and_declare_their_names(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    names = {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    private = file.name.startswith("_") and file.name != "__init__.py"
    assert private or "__all__" in names
