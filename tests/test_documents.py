"""What the documents say can be done, can be done; what the repository holds, it may hold."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sightsound import cli, recipes
from sightsound.config import to_json
from sightsound.packages.load import load_package, shipped_models

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MEGABYTE = 1_000_000


def commands() -> list[str]:
    """Every line of a code block that begins with ``sightsound``."""
    found = []
    for document in DOCUMENTS:
        for block in re.findall(r"```[a-z]*\n(.*?)```", document.read_text(), flags=re.DOTALL):
            found += [line for line in block.splitlines() if _is_command(line)]
    return sorted(set(found))


def _is_command(line: str) -> bool:
    is_synopsis = any(sign in line for sign in "…|[")
    return line.startswith("sightsound ") and not is_synopsis


@pytest.mark.parametrize("line", commands())
def test_documented_commands_are_understood(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    arguments = cli._parser().parse_args(words)
    if words[0] == "train":
        recipes.recipe(arguments.recipe)


def test_the_documents_name_commands_at_all() -> None:
    assert len(commands()) >= 8


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*DOCUMENTS, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_recipe_says_in_one_line_what_it_is() -> None:
    for name, summary in recipes.summaries().items():
        assert summary.endswith((".", ",", ";")), name


def test_shipped_models_load_and_stay_small() -> None:
    models = shipped_models()
    assert "default" in models
    total = 0
    for name in models:
        package = load_package(name)
        assert package.card.strip()
        total += package.bytes_on_disk
    assert total < 32 * MEGABYTE


def test_the_repository_stays_small() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:  # an unpacked archive
        files = [path for path in ROOT.glob("src/**/*") if path.is_file()]
    else:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert sum(path.stat().st_size for path in files if path.exists()) < 40 * MEGABYTE


LATER_AND_OFF = {  # fields that the shipped models' configs do not have yet, and what means "off"
    "condition_augmentation": None,
    "condition_layers": 1,
    "contrast_weight": 0.0,
    "mixup": 0.0,
    "namer": None,
    "naming_augmentation": None,
    "naming_weight": 0.1,
    "picture_augmentation": None,
}


def differences(stored: Any, recipe: Any, place: str) -> list[str]:
    if isinstance(stored, dict) and isinstance(recipe, dict):
        found = [f"{place}.{key} is gone" for key in stored.keys() - recipe.keys()]
        for key, value in recipe.items():
            if key in stored:
                found += differences(stored[key], value, f"{place}.{key}")
            elif key not in LATER_AND_OFF or LATER_AND_OFF[key] != value:
                found.append(f"{place}.{key} = {value!r} is new")
        return found
    return [] if stored == recipe else [f"{place}: {stored!r}, now {recipe!r}"]


def test_the_recipes_of_the_shipped_model_are_those_of_the_code() -> None:
    """Mutant: a recipe changed after its weights were made; nobody could make them anew."""
    provenance = load_package("default").manifest.provenance
    assert set(provenance.config) >= {"s2i_c_improved", "i2s_improved"}
    for name, stored in provenance.config.items():
        assert differences(stored, to_json(recipes.recipe(re.sub(r"-\d+$", "", name))), name) == []
