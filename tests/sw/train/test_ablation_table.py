"""The committed table of the ablation against today's architectures."""

import json
from pathlib import Path

from sw.capability.reach import binaryvit_walk, reach
from sw.model import BinaryViT
from sw.train.ablation import ROWS, macs
from sw.train.measure import CHECKED
from sw.train.table import as_text

FOLDER = Path(__file__).parents[3] / "docs" / "ablation"
TABLE = json.loads((FOLDER / "table.json").read_text())


def test_the_rows_are_the_ablation_s():
    assert [row["row"] for row in TABLE["rows"]] == list(ROWS)
    for row in TABLE["rows"]:
        config = ROWS[row["row"]]
        assert row["macs"] == macs(config) and row["r"] == reach(binaryvit_walk(config))[-1]
        assert row["parameters"] == sum(p.numel() for p in BinaryViT(config).parameters())


def test_every_row_has_two_seeds_and_was_checked_against_the_gateware():
    for row in TABLE["rows"]:
        assert len(row["golden"]) == len(row["float"]) >= 2
        assert row["checked"] == CHECKED * len(row["golden"])


def test_text_and_page_are_of_this_table():
    text = "\n".join(
        line.rstrip() for line in as_text(TABLE["rows"], TABLE["settings"]).split("\n")
    )
    assert (FOLDER / "table.txt").read_text() == text
    assert text in (FOLDER / "README.md").read_text()
