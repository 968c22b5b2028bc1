"""The page of all results: what it shows of those there are, and that the rest of it stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import TrainerError
from trainer.reproduce.catalogue import EXPERIMENTS
from trainer.reproduce.page import BEGIN, END, NOTHING, renew_page

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def result(name: str, **changes: Any) -> dict[str, Any]:
    made = {
        "experiment": name,
        "title": EXPERIMENTS[name].title,
        "source": EXPERIMENTS[name].source,
        "budget": "standard",
        "seed": 0,
        "columns": {"log p(x|w)": "a meaning"},
        "table": [
            {
                "name": "CVAE",
                "unfinished": False,
                "measured": {"log p(x|w)": {"value": -12.5, "standard_error": 0.25}},
                "paper": {"log p(x|w)": -11.0},
            }
        ],
        "pictures": [{"file": f"{name}-one.png", "caption": "One."}],
        "runs": [{"epochs": 9, "epochs_planned": 10, "pictures": 32611, "seconds": 600.0}] * 2,
        "missing": [],
    }
    return made | changes


def test_only_what_was_run_to_its_budget_is_shown(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"# Results\n\n{BEGIN}\n\nold\n\n{END}\n\n## More\n")
    assert renew_page(tmp_path) == 0
    assert page.read_text() == f"# Results\n\n{BEGIN}\n\n{NOTHING}\n\n{END}\n\n## More\n"
    for name, budget in (("cmma-prior", "standard"), ("mnist-bounds", "paper"), ("faces-map", "quick")):
        (tmp_path / f"{name}.json").write_text(json.dumps(result(name, budget=budget)))
    assert renew_page(tmp_path) == 2
    text = page.read_text()
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    shown = [f"## {EXPERIMENTS[name].title}" for name in ("mnist-bounds", "cmma-prior")]
    assert titles == [*shown, "## More"]  # in the catalogue's order
    assert r"|  | log p(x\|w) | paper |" in text  # a bar would end the cell
    assert "| CVAE | -12.50 ± 0.25 | -11 |" in text
    assert "![One.](cmma-prior-one.png)" in text
    assert "*paper*: 2 runs, 9 of 10 epochs of 32,611 pictures, 20 minutes of training, seed 0." in text
    assert "[The whole result](mnist-bounds.md)" in text
    again = text
    assert renew_page(tmp_path) == 2
    assert page.read_text() == again


def test_a_page_without_a_place_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"Cannot read .*README\.md"):
        renew_page(tmp_path)
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(TrainerError, match="no place for results"):
        renew_page(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("damage", ["cut short", "a list", "incomplete", "another shape"])
def test_a_damaged_result_is_named_and_the_page_left_alone(damage: str, tmp_path: Path) -> None:
    page, before = tmp_path / "README.md", f"{BEGIN}\n\nold\n\n{END}\n"
    page.write_text(before)
    whole = result("mnist-bounds")
    contents = {
        "cut short": json.dumps(whole)[:-9],
        "a list": "[]",
        "incomplete": json.dumps({name: part for name, part in whole.items() if name != "runs"}),
        "another shape": json.dumps(whole | {"table": 3}),
    }
    (tmp_path / "mnist-bounds.json").write_text(contents[damage])
    with pytest.raises(TrainerError, match=r"mnist-bounds\.json is damaged or incomplete"):
        renew_page(tmp_path)
    assert page.read_text() == before


def test_the_page_of_the_project_names_every_experiment() -> None:
    text = (RESULTS / "README.md").read_text()
    rows = [line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")]
    assert set(rows) == set(EXPERIMENTS)
    assert text.count(BEGIN) == text.count(END) == 1
