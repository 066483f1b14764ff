"""The page of figures is what the measured results say."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_page_of_figures_is_current() -> None:
    tables = runpy.run_path(str(ROOT / "benchmarks" / "tables.py"))
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == tables["page"]()
