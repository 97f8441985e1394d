"""What holds now, as a fold of the ledger. Pure; the SQL of `fold_states` says the same in bulk."""

from collections.abc import Iterable

from dangol.model.consent import ConsentChange, ConsentState


def answers(ledger: Iterable[ConsentChange]) -> dict[str, ConsentChange]:
    """Per topic the statement of one customer and channel that holds; order does not matter.

    The later one wins, of one instant the stricter. A list's word for a grant loses to
    everything else that was ever said about the topic.
    """
    held: dict[str, ConsentChange] = {}
    for change in ledger:
        other = held.get(change.topic)
        if other is None or rank(change) > rank(other):
            held[change.topic] = change
    return held


def rank(change: ConsentChange) -> tuple:
    """What decides between two statements about the same topic; the greater holds."""
    is_hearsay = change.source == "import" and change.state is ConsentState.GRANTED
    return (not is_hearsay, change.time, change.state.strictness)
