"""The tree tells the story: a stage imports only from stages before it on its road."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import sightsound

ROOT = Path(sightsound.__file__).parent

BASE = {"errors", "shapes"}
FIRST_ROAD = ["media", "features", "packages", "generation", "serving"]
# On the first road, features means the numpy side: what generation needs to turn log-mel pictures
# into sound.
NUMPY_FEATURES = {"features.spectra", "features.inversion"}
SECOND_ROAD = ["pairs", "networks", "methods", "training", "export", "evaluation", "reproduction"]

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "shapes": {"errors"},
    "config": set(BASE),
    "orchestra": BASE | {"media", "config", "pairs"},  # pairs: performances are written through it
}
for _i, _stage in enumerate(FIRST_ROAD):
    ALLOWED[_stage] = BASE | set(FIRST_ROAD[:_i])
for _i, _stage in enumerate(SECOND_ROAD):
    ALLOWED[_stage] = BASE | {"config", "recipes"} | set(FIRST_ROAD) | set(SECOND_ROAD[:_i])
    if _stage in ("pairs", "networks", "methods"):
        ALLOWED[_stage] -= {"recipes", "generation", "serving"}
ALLOWED["recipes"] = BASE | {"config", "features", "pairs", "networks", "methods", "training"}
# These two call the stages; nobody calls them.
TOP = {"cli", "__main__", "__init__"}

TORCH = {"torch", "torchvision", "torchaudio", "safetensors", "tensorboard", "onnx", "onnxscript"}
BASE_INSTALL = {"av", "numpy", "onnxruntime", "PIL", "soundfile", "soxr", "tqdm", "sightsound"}


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(path: Path, *, lazily: bool = True) -> set[str]:
    """Absolute names that a file imports; ``lazily``: inside functions too. Not TYPE_CHECKING."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazily:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # ``from sightsound import recipes`` imports sightsound.recipes.
            if node.module == "sightsound":
                found.update(f"sightsound.{alias.name}" for alias in node.names)
            else:
                found.add(node.module or "")
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found


FILES = sorted(path for path in ROOT.rglob("*.py") if "models" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_stage_imports_only_from_stages_before_it(path: Path) -> None:
    stage = module_name(path).split(".")[0]
    if stage in TOP:
        return
    assert stage in ALLOWED, f"{stage}: a new stage; say on which road it lies"
    for name in sorted(imports(path)):
        if not name.startswith("sightsound."):
            continue
        target = name.removeprefix("sightsound.")
        there = target.split(".")[0]
        if there in ("load", "__version__"):
            continue
        assert there == stage or there in ALLOWED[stage], f"{path.name} imports {name}"
        if stage in FIRST_ROAD and stage != "features" and there == "features":
            assert target in NUMPY_FEATURES, f"{path.name} imports {name}, which may load torch"


TORCH_FREE = [
    path
    for path in FILES
    if module_name(path).split(".")[0]
    in {"errors", "shapes", "media", "packages", "generation", "serving", "evaluation"} | TOP
    or module_name(path)
    in NUMPY_FEATURES
    | {"features", "features.pitch", "pairs", "pairs.admitted", "pairs.fingering"}
    | {"pairs.performances"}
]


@pytest.mark.parametrize("path", TORCH_FREE, ids=module_name)
def test_the_first_road_needs_the_base_install_only(path: Path) -> None:
    for name in sorted(imports(path)):
        top = name.split(".")[0]
        assert top not in TORCH, f"{path.name} imports {name}"
        assert top in BASE_INSTALL or top in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_the_command_line_imports_nothing_heavy_at_its_top() -> None:
    tops = [ROOT / name for name in ("__init__.py", "__main__.py", "errors.py")]
    for path in [*tops, *(ROOT / "cli").glob("*.py")]:
        for imported in imports(path, lazily=False):
            ours = imported in ("sightsound", "sightsound.errors") or imported.startswith(
                "sightsound.cli"
            )
            light = imported.startswith("sightsound.") and hasattr(sightsound, imported[11:])
            assert ours or light or imported.split(".")[0] in sys.stdlib_module_names, imported


def test_every_package_says_what_it_takes_and_gives() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path}: no docstring"
