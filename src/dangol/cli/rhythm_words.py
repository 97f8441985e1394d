"""What `dangol rhythm` found out, in plain words."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dangol.know.rhythm.backtest import Comparison


def fit_words(facts: dict[str, Any]) -> str:
    """The four numbers with their standard errors, and what an order is worth."""
    lines = [
        f"{facts['model'].upper()}/NBD until {facts['until']}, time in weeks",
        f"{facts['customers']:,} customers, {facts['repeaters']:,} of them came back",
    ]
    for name, value in facts["params"].items():
        errors = facts["standard_errors"]
        error = f" ± {errors[name]:.4f}" if errors else ""
        lines.append(f"  {name:<6}{value:.6f}{error}")
    lines.append(f"log-likelihood {facts['log_likelihood']:.4f}")
    if facts["spend"]:
        lines.append(_spend_words(facts["spend"]))
    return "\n".join(lines)


def shortage_words(repeaters: int, days: int) -> str:
    """What is missing before anybody's rhythm can be told; empty when nothing is."""
    from dangol.know.rhythm.minimum import find_shortage

    missing = find_shortage(repeaters, days)
    if missing is None:
        return ""
    parts = []
    if missing.repeaters_missing:
        parts.append(f"{missing.repeaters_missing} more customers have to come back")
    if missing.days_missing:
        parts.append(f"{missing.days_missing} more days have to pass")
    return f"too early to tell: {' and '.join(parts)}"


def backtest_words(found: "Comparison") -> str:
    """A table of the methods, and whether a fixed rule would do."""
    cuts = ", ".join(day.isoformat() for day in found.cuts)
    lines = [
        f"Who orders within {found.days} days of {cuts}?",
        f"{found.customers:,} customers at the last of them; {found.came:.1%} did, on average.",
        "",
        f"{'':<18}{'AUC':>8}{'Brier':>8}{'log-loss':>10}{'told':>8}",
    ]
    for name, one in found.methods.items():
        label = f"within {name}" if name.endswith(" days") else name
        lines.append(
            f"{label:<18}{one.auc:>8.3f}{one.brier:>8.4f}{one.log_loss:>10.4f}"
            f"{one.information:>8.1%}"
        )
    lines += ["", "told: how much its groups tell about who comes, of all there is to tell", ""]
    return "\n".join([*lines, _verdict(found)])


def _verdict(found: "Comparison") -> str:
    rule = found.best_rule if "ladder" in found.best_rule else f"rule of {found.best_rule}"
    doubt = f"{found.gain:+.4f} ± {found.gain_error:.4f} of log-loss per customer"
    if found.is_rule_better:
        return f"A fixed rule is better here: the {rule} beats everyone's own rhythm ({doubt})."
    if found.is_rule_as_good:
        return (
            f"A fixed rule is as good here: the {rule} forecasts as well as everyone's own rhythm "
            f"({doubt})."
        )
    share = found.gain / found.methods[found.best_rule].log_loss
    return (
        f"Everyone's own rhythm forecasts better than the best fixed rule, the {rule}: "
        f"{share:.1%} less log-loss ({doubt})."
    )


def _spend_words(spend: dict[str, Any]) -> str:
    if "problem" in spend:
        return f"what an order is worth cannot be told: {_PROBLEMS[spend['problem']]}"
    mean = spend["p"] * spend["gamma"] / (spend["q"] - 1)
    return (
        f"an order is worth {mean:.2f} on average (Gamma-Gamma p {spend['p']:.4f}, "
        f"q {spend['q']:.4f}, γ {spend['gamma']:.4f})"
    )


_PROBLEMS = {
    "too_few": "fewer than 30 customers have an amount after their first order",
    "correlated": "who orders more often spends visibly more or less each time",
    "no_mean": "a few very large orders make an average meaningless",
}
