"""Give and take of one customer, counted from the whole history.

We gave a letter only if it was of use: clicked, answered, redeemed, or on a topic the customer
chose. What was merely sent, or opened, counts for nothing.
"""

import msgspec
import psycopg

from dangol.know.giving.referral import SQL
from dangol.model.customer import bucket_of, customer_key
from dangol.settings import Settings

_VIEWS = ("Page Viewed", "Screen Viewed", "Product Viewed", "Product List Viewed", "Article Read")

_COUNT = """
select
    count(*) filter (where name = $event) as orders,
    count(distinct (time + to_minutes(coalesce(utc_offset_min, 0)))::date)
        filter (where list_contains($views, name)) as visits,
    count(*) filter (where name in ('Message Replied', 'Survey Answered')) as answers,
    count(*) filter (where name = 'Answer Helped') as helpful,
    count(*) filter (where name = 'Product Reviewed') as reviews,
    count(*) filter (where name = 'Friend Joined') as friends,
    count(distinct json_extract_string(props, '$.send_id')) filter (where
        (name in ('Message Clicked', 'Message Replied', 'Offer Redeemed')
            and coalesce(json_extract_string(props, '$.machine'), 'false') <> 'true')
        or (name = 'Message Sent'
            and list_contains($chosen, try_cast(json_extract_string(props, '$.send_id') as bigint)))
    ) as letters
from events where bucket = $bucket and customer_id = $customer_id
"""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer gave us, and what we gave that was of use."""

    orders: int
    visits: int
    """Days on which they looked around."""
    answers: int
    helpful: int
    """Answers that a member of the team marked as helpful."""
    reviews: int
    friends: int
    letters: int
    """Ours that were clicked, answered, redeemed, or on a topic they chose."""

    @property
    def received(self) -> int:
        """Everything they gave."""
        return self.orders + self.visits + self.answers + self.reviews + self.friends


def weigh(settings: Settings, customer_id: int, relationship_event: str) -> Balance:
    """Count one customer's history; opens the lake."""
    from dangol.store.lake import snapshot  # duckdb: only where the lake is read
    from dangol.store.pool import connect

    dsn, bucket = settings.database_url or "", bucket_of(customer_id)
    with connect(dsn, name="giving") as conn:
        chosen = chosen_sends(conn, customer_id)
    values = {
        "event": relationship_event,
        "views": list(_VIEWS),
        "chosen": chosen,
        "bucket": bucket,
        "customer_id": customer_id,
    }
    with snapshot(settings, dsn, (bucket, bucket), views=("events",)) as snap:
        return Balance(**snap.query(_COUNT, values).to_pylist()[0])


def chosen_sends(conn: psycopg.Connection, customer_id: int) -> list[int]:
    """Letters to a customer on a topic that the customer chose."""
    rows = conn.execute(SQL.chosen_sends, customer_key(customer_id))
    return [send_id for (send_id,) in rows]
