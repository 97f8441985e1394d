"""Profiles: what is known of each customer, folded from kept statements."""

from dangol.know.profile.service import (
    CustomerCard,
    Profile,
    get_profile,
    search_customers,
    set_trait,
)

__all__ = ["CustomerCard", "Profile", "get_profile", "search_customers", "set_trait"]
