"""Which ids are one person: a pure plan over the ids that a batch of events used.

The rules, in words. A user id is a person. An anonymous id joins the first user id it is seen
with; if it had a history of its own, that history merges into the user's. It never joins two:
a second user on the same device is somebody else. An alias call says that two user ids are one
person, and that an anonymous id of the same text is theirs. So who is a person does not depend
on the order in which events arrive.
"""

from collections.abc import Iterable, Mapping, Set
from typing import NamedTuple

import msgspec

Node = tuple[str, str]
"""One id: its kind (`user`, `anon`, `email`) and its value."""


class Claim(NamedTuple):
    """The ids that one event used for the person it is about."""

    user: str | None = None
    anon: str | None = None
    email: str | None = None
    previous: str | None = None

    @property
    def node(self) -> Node:
        """The id that decides whose the event is."""
        if self.user is not None:
            return ("user", self.user)
        if self.anon is not None:
            return ("anon", self.anon)
        if self.email is not None:
            return ("email", self.email)
        raise ValueError("the claim names nobody")

    @property
    def nodes(self) -> list[Node]:
        """All ids that it mentions."""
        found: list[Node] = [self.node]
        if self.user is not None and self.anon is not None:
            found.append(("anon", self.anon))
        if self.previous is not None:
            found += [("user", self.previous), ("anon", self.previous)]
        return found


class Person(msgspec.Struct):
    """Somebody in the plan: a customer that exists, or one to be made."""

    customer_id: int | None
    has_user: bool
    lost: list[int] = []
    """Customers that turn out to be this person too; they merge into `customer_id`."""
    heir: "Person | None" = None


class Plan(msgspec.Struct, frozen=True):
    """What has to change, and whose each id is afterwards."""

    people: dict[Node, Person]
    new_nodes: list[Node]

    def person_of(self, node: Node) -> Person:
        """The person that the id belongs to in the end."""
        return _end_of(self.people[node])

    @property
    def newcomers(self) -> list[Person]:
        """People who need a customer id, in the order of their first mention."""
        found = {id(person): person for person in map(self.person_of, self.new_nodes)}
        return [person for person in found.values() if person.customer_id is None]

    @property
    def merges(self) -> list[tuple[int, int]]:
        """Pairs (loser, winner) of customers; no winner is itself a loser."""
        found = {id(person): person for person in map(_end_of, self.people.values())}
        return [
            (loser, person.customer_id)
            for person in found.values()
            for loser in person.lost
            if person.customer_id is not None
        ]


def plan_people(claims: Iterable[Claim], known: Mapping[Node, int], with_user: Set[int]) -> Plan:
    """Whose each id of `claims` is, given the `known` ids and which customers have a user id."""
    planner = _Planner(known, with_user)
    for claim in claims:
        planner.take(claim)
    return Plan(planner.people, planner.new_nodes)


class _Planner:
    """The state while the claims are taken one by one."""

    def __init__(self, known: Mapping[Node, int], with_user: Set[int]) -> None:
        by_customer: dict[int, Person] = {}
        self.people: dict[Node, Person] = {}
        self.new_nodes: list[Node] = []
        for node, customer_id in known.items():
            if customer_id not in by_customer:
                has_user = customer_id in with_user or node[0] == "user"
                by_customer[customer_id] = Person(customer_id, has_user, [])
            person = by_customer[customer_id]
            person.has_user |= node[0] == "user"
            self.people[node] = person

    def take(self, claim: Claim) -> None:
        if claim.user is None:
            self._find_or_make(claim.node)
            return
        user: Node = ("user", claim.user)
        for anon in (claim.anon, claim.previous):
            if anon is not None:
                self._link_anon(user, ("anon", anon))
        person = self._find_or_make(user)
        if claim.previous is not None:
            self._link_user(person, ("user", claim.previous))

    def _link_anon(self, user: Node, anon: Node) -> None:
        """The device's history becomes the user's, unless another user has it already."""
        person, visitor = self._find(user), self._find(anon)
        if visitor is None:
            self._attach(anon, person or self._find_or_make(user))
        elif person is None and not visitor.has_user:
            self._attach(user, visitor)
        elif person is not None and person is not visitor and not visitor.has_user:
            _merge(visitor, person)

    def _link_user(self, person: Person, previous: Node) -> None:
        """The sender says so: both ids are one person."""
        other = self._find(previous)
        if other is None:
            self._attach(previous, person)
        elif other is not person:
            _merge(other, person)

    def _find(self, node: Node) -> Person | None:
        person = self.people.get(node)
        return _end_of(person) if person is not None else None

    def _find_or_make(self, node: Node) -> Person:
        person = self._find(node)
        if person is None:
            person = Person(None, False, [])
            self._attach(node, person)
        return person

    def _attach(self, node: Node, person: Person) -> None:
        self.people[node] = person
        self.new_nodes.append(node)
        person.has_user |= node[0] == "user"


def _merge(loser: Person, winner: Person) -> None:
    if winner.customer_id is None:
        winner.customer_id = loser.customer_id
    elif loser.customer_id is not None:
        winner.lost.append(loser.customer_id)
    winner.lost += loser.lost
    winner.has_user |= loser.has_user
    loser.heir = winner


def _end_of(person: Person) -> Person:
    while person.heir is not None:
        if person.heir.heir is not None:
            person.heir = person.heir.heir
        person = person.heir
    return person
