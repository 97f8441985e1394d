"""Customers: the list with search and filters, and one customer's page."""

from dangol.model.stage import Stage
from dangol.web.answer import Answer, Page
from dangol.web.desk.listing import csv_file
from dangol.web.desk.people import everyone, people_asked, people_page
from dangol.web.visit import Visit

_HEADER = ("customer_id", "name", "email", "stage", "since", "first_seen", "last_seen", "orders")


def show_list(visit: Visit) -> Answer:
    """Search, stages, pages."""
    people = people_asked(visit)
    values = {
        "people": people,
        "page": people_page(visit, people),
        "stages": [stage.value for stage in Stage],
    }
    return Page("desk/customers.html", values)


def download(visit: Visit) -> Answer:
    """The same list as CSV, all of it."""
    rows = everyone(visit, people_asked(visit))
    lines = (
        (
            row["customer_id"],
            row["traits"].get("name"),
            row["address"],
            row["stage"],
            row["since"],
            row["first_seen_at"],
            row["last_seen_at"],
            None if row["repeats"] is None else row["repeats"] + 1,
        )
        for row in rows
    )
    return csv_file("customers.csv", _HEADER, lines)
