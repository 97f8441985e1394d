"""A page of the people whom a statement finds, with how many they are: every list asks so."""

import msgspec

from dangol.engine.query.found import People
from dangol.engine.query.warm import AsOf
from dangol.know.segment.service import Sampled

MAX_PAGE = 1_000
"""People on one page."""


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Where the page begins: after this customer; and how long it is."""

    after: int = 0
    limit: int = 50


def page_of(at: AsOf, found: str, values: list[object], paging: Paging) -> People:
    """One page in order of customer id.

    `found` is the body of a common table expression with the columns `bucket` and `customer_id`,
    its parameters are `values`, numbered from 1. Only customers who are still there are listed and
    counted.
    """
    after, limit = f"${len(values) + 1}", f"${len(values) + 2}"
    rows = at.snapshot.query(
        f"with found as materialized ({found}), named as (select f.customer_id,"
        " json_extract_string(traits, '/name') as name,"
        " json_extract_string(traits, '/email') as email"
        " from found f join customers using (bucket, customer_id)),"
        f" page as (select * from named where customer_id > {after} order by customer_id"
        f" limit {limit})"
        " select * from (select count(*) as people from named) left join page on true"
        " order by customer_id",
        [*values, paging.after, min(max(paging.limit, 1), MAX_PAGE)],
    ).to_pylist()
    page = [Sampled(row["customer_id"], row["name"], row["email"]) for row in rows]
    named = [person for person in page if person.customer_id is not None]
    return People(people=rows[0]["people"], page=named, as_of=at.now)
