"""Who is one person does not depend on the order of events, nor on how they fall into batches."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from dangol.know.identity.plan import Claim, Node, plan_people

USERS = st.sampled_from(["u1", "u2", "u3", "u4"])
DEVICES = st.sampled_from(["d1", "d2", "d3"])
NOBODY = st.none()
CLAIMS = st.one_of(
    st.builds(Claim, USERS, NOBODY, NOBODY, NOBODY),
    st.builds(Claim, NOBODY, DEVICES, NOBODY, NOBODY),
    st.builds(Claim, USERS, DEVICES, NOBODY, NOBODY),
    st.builds(Claim, USERS, NOBODY | DEVICES, NOBODY, USERS | DEVICES),
    st.builds(Claim, NOBODY, NOBODY, st.sampled_from(["a@x.example", "b@x.example"]), NOBODY),
)


class Shop:
    """What a database would hold: which customer each id belongs to."""

    def __init__(self) -> None:
        self.known: dict[Node, int] = {}
        self.next_id = 1
        self.merged: set[int] = set()

    def hear(self, claims: list[Claim]) -> None:
        """One batch, as `resolve` writes it down."""
        with_user = {customer for (kind, _), customer in self.known.items() if kind == "user"}
        nodes = {node for claim in claims for node in claim.nodes}
        known = {node: self.known[node] for node in nodes if node in self.known}
        plan = plan_people(claims, known, with_user)
        for person in plan.newcomers:
            person.customer_id = self.next_id
            self.next_id += 1
        for node in nodes & plan.people.keys():
            owner = plan.person_of(node).customer_id
            assert owner is not None
            self.known[node] = owner
        for loser, winner in plan.merges:
            assert loser not in self.merged
            assert winner not in self.merged
            self.merged.add(loser)
            self.known = {n: winner if c == loser else c for n, c in self.known.items()}

    def people(self) -> set[frozenset[Node]]:
        """The ids of each customer."""
        owners = set(self.known.values())
        return {frozenset(n for n, c in self.known.items() if c == owner) for owner in owners}


def people_of(claims: Iterable[Claim]) -> tuple[set[frozenset[Node]], set[Node]]:
    """The rules as plain graph search: who is one person, and which devices several users share.

    Users are one where an alias says so. A device belongs to the one person whom all its
    sign-ins name; a device of several people is nobody's in particular.
    """
    claims = list(claims)
    nodes = {node for claim in claims for node in claim.nodes}
    person = {node: {node} for node in nodes if node[0] != "anon"}
    for claim in claims:
        if claim.user is not None and claim.previous is not None:
            one, other = person["user", claim.user], person["user", claim.previous]
            if one is not other:
                one |= other
                person.update(dict.fromkeys(one, one))
    shared = set()
    for device in (node for node in nodes if node[0] == "anon"):
        owners = {
            id(person["user", claim.user]): person["user", claim.user]
            for claim in claims
            if claim.user is not None and device[1] in (claim.anon, claim.previous)
        }
        if len(owners) > 1:
            shared.add(device)
        else:
            person[device] = next(iter(owners.values()), set()) | {device}
            if owners:
                next(iter(owners.values())).add(device)
    groups = {id(group): group for node, group in person.items() if node[0] != "anon"}
    alone = [group for node, group in person.items() if node[0] == "anon" and len(group) == 1]
    return {frozenset(group) for group in [*groups.values(), *alone]}, shared


def without(people: set[frozenset[Node]], devices: set[Node]) -> set[frozenset[Node]]:
    return {rest for group in people if (rest := group - devices)}


@given(st.lists(CLAIMS, max_size=12), st.data())
def test_every_order_and_batching_finds_the_same_people(claims: list[Claim], data) -> None:
    wanted, shared = people_of(claims)
    order = data.draw(st.permutations(claims))
    cuts = data.draw(st.lists(st.integers(0, len(claims)), max_size=4).map(sorted))
    shop = Shop()
    for begin, end in zip([0, *cuts], [*cuts, len(claims)], strict=True):
        if order[begin:end]:
            shop.hear(list(order[begin:end]))
    assert without(shop.people(), shared) == without(wanted, shared)


@given(st.lists(CLAIMS, max_size=12))
def test_a_device_never_makes_one_person_of_two_users(claims: list[Claim]) -> None:
    logins = [claim for claim in claims if claim.previous is None]
    shop = Shop()
    shop.hear(logins)
    for group in shop.people():
        assert sum(kind == "user" for kind, _ in group) <= 1


def test_the_history_of_a_visitor_goes_to_the_user_who_was_known() -> None:
    known: dict[Node, int] = {("user", "u1"): 7, ("anon", "d1"): 9}
    plan = plan_people([Claim(user="u1", anon="d1")], known, {7})
    assert plan.merges == [(9, 7)]
    assert plan.person_of(("anon", "d1")).customer_id == 7


def test_a_new_user_takes_over_the_visitor_without_a_merge() -> None:
    plan = plan_people([Claim(user="u1", anon="d1")], {("anon", "d1"): 9}, set())
    assert (plan.merges, plan.newcomers) == ([], [])
    assert plan.new_nodes == [("user", "u1")]
    assert plan.person_of(("user", "u1")).customer_id == 9
