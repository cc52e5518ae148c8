"""The design tokens: both themes complete, readable, and the only place that states a colour."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from cip.figures.theme import parse_tokens, template, token

THEMES = ("light", "dark")
_ASSETS = Path(__file__).parents[2] / "assets"
_REFERENCE = re.compile(r"var\((--[\w-]+)")
# Custom properties that a component sets on itself.
_LOCAL = {"--c", "--shape", "--bs-card-bg"}


def tokens(theme: str) -> dict[str, str]:
    return parse_tokens((_ASSETS / "00-tokens.css").read_text(), theme)


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["--bg", "--surface"])
@pytest.mark.parametrize("ink", ["--text", "--text-2", "--text-3", "--accent-text"])
def test_text_is_readable(theme: str, ground: str, ink: str) -> None:
    known = tokens(theme)
    assert contrast(known[ink], known[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("meaning", ["good", "warn", "bad"])
def test_meaning_is_readable_on_its_own_ground(theme: str, meaning: str) -> None:
    known = tokens(theme)
    assert contrast(known[f"--{meaning}"], known[f"--{meaning}-soft"]) >= 4.5
    assert contrast(known[f"--{meaning}"], known["--surface"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_the_primary_button_is_readable(theme: str) -> None:
    known = tokens(theme)
    assert contrast(known["--accent-ink"], known["--accent"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("number", range(1, 9))
def test_marks_stand_out_from_the_surface(theme: str, number: int) -> None:
    known = tokens(theme)
    assert contrast(known[f"--cat-{number}"], known["--surface"]) >= 3
    assert contrast(known["--border-input"], known["--surface"]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("step", range(1, 8))
def test_figures_in_a_heatmap_are_readable(theme: str, step: int) -> None:
    known = tokens(theme)
    assert contrast(known[f"--seq-ink-{step}"], known[f"--seq-{step}"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_the_sequential_scale_moves_away_from_the_surface(theme: str) -> None:
    known = tokens(theme)
    away = [contrast(known[f"--seq-{n}"], known["--surface"]) for n in range(1, 8)]
    assert all(a < b for a, b in itertools.pairwise(away))


@pytest.mark.parametrize("theme", THEMES)
def test_the_eight_categories_are_eight_colors(theme: str) -> None:
    known = tokens(theme)
    assert len({known[f"--cat-{n}"] for n in range(1, 9)}) == 8


def test_both_themes_state_the_same_tokens() -> None:
    assert tokens("light").keys() == tokens("dark").keys()


@pytest.mark.parametrize("sheet", sorted(p.name for p in _ASSETS.glob("*.css")))
def test_only_the_tokens_state_a_color(sheet: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", (_ASSETS / sheet).read_text(), flags=re.DOTALL)
    if sheet != "00-tokens.css":
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*[;}])|rgba?\(|hsla?\(", text)
        assert not re.findall(r"font-size:\s*\d", text)


@pytest.mark.parametrize("sheet", sorted(p.name for p in _ASSETS.glob("*.css")))
def test_every_token_that_a_stylesheet_uses_exists(sheet: str) -> None:
    used = set(_REFERENCE.findall((_ASSETS / sheet).read_text()))
    assert used - _LOCAL <= tokens("light").keys()


def test_every_token_of_the_template_exists() -> None:
    used = set(_REFERENCE.findall(str(template())))
    assert used
    assert used <= tokens("light").keys()


def test_a_reference_to_a_token_is_css() -> None:
    assert token("cat-1") == "var(--cat-1)"
    assert token("cat-1", 0.5) == "color-mix(in srgb, var(--cat-1) 50%, transparent)"
