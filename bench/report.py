"""One line per measurement, and a JSON line for those who collect them."""

import json
import os
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number. `higher_is_better` decides how budget and ratio are read."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    baseline: float | None = None
    baseline_name: str = ""
    higher_is_better: bool = True
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the baseline of the same run."""
        if not self.baseline or not self.value:
            return None
        return self.value / self.baseline if self.higher_is_better else self.baseline / self.value

    @property
    def meets_budget(self) -> bool | None:
        """Whether the figure is inside its budget; None without one."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.higher_is_better else self.value <= self.budget


def show(figure: Figure) -> None:
    """Print a figure for people; and as JSON when DANGOL_BENCH_JSON names a file."""
    parts = [f"{figure.name}: {figure.value:,.4g} {figure.unit}"]
    if figure.budget is not None:
        verdict = "met" if figure.meets_budget else "MISSED"
        sign = "≥" if figure.higher_is_better else "≤"
        parts.append(f"budget {sign} {figure.budget:,.4g} {verdict}")
    if figure.ratio is not None:
        parts.append(f"{figure.ratio:,.1f}× {figure.baseline_name} ({figure.baseline:,.4g})")
    if figure.note:
        parts.append(figure.note)
    print(" · ".join(parts), flush=True)
    path = os.environ.get("DANGOL_BENCH_JSON")
    if path:
        row = asdict(figure) | {"ratio": figure.ratio, "meets_budget": figure.meets_budget}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
