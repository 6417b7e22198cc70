"""Configs to JSON and back, settings, and errors that say what is allowed."""

from __future__ import annotations

import json

import pytest

from sightsound import recipes
from sightsound.config import apply_settings, config_hash, from_json, to_json
from sightsound.errors import ConfigError
from sightsound.recipes import RECIPES, RunConfig, recipe


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_survives_json(name: str) -> None:
    config = recipe(name)
    assert config.recipe == name
    assert from_json(RunConfig, json.loads(json.dumps(to_json(config)))) == config


def test_a_setting_changes_its_field_and_nothing_else() -> None:
    before = recipe("s2i_c")
    after = apply_settings(before, ["training.steps=7", "method.mismatch=pose"])
    expected = to_json(before)
    expected["training"]["steps"] = 7
    expected["method"]["mismatch"] = "pose"
    assert to_json(after) == expected
    assert config_hash(after) != config_hash(before)


def test_variants_differ_from_their_recipe_in_one_field() -> None:
    base, variant = to_json(recipes.s2i_c()), to_json(recipes.s2i_n())
    assert variant["method"].pop("mismatch") == "none"
    assert base["method"].pop("mismatch") == "in_batch"
    assert {**variant, "recipe": ""} == {**base, "recipe": ""}


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("training.step=5", "did you mean 'steps'"),
        ("training.steps=many", "'many' is no int"),
        ("training.steps=1.5", "1.5 is no int"),
        ("training.precision=float16", "auto, bfloat16, float32"),
        ("method.direction=up", "sound_to_image, image_to_sound"),
        ("nothing", "KEY=VALUE"),
        ("training.steps.more=1", "no setting"),
    ],
)
def test_a_bad_setting_is_one_line_that_says_what_is_allowed(setting: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint) as caught:
        apply_settings(recipe("s2i_c"), [setting])
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 's2i_c'"):
        recipe("s2i-c")
