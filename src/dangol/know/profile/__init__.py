"""Profiles: what is known of each customer, folded from kept statements."""

from dangol.know.profile.service import (
    CustomerCard,
    Profile,
    display_name,
    get_profile,
    search_customers,
    search_terms,
    set_trait,
)

__all__ = [
    "CustomerCard",
    "Profile",
    "display_name",
    "get_profile",
    "search_customers",
    "search_terms",
    "set_trait",
]
