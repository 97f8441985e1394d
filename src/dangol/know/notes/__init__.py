"""A member's notes about a customer: what a shopkeeper remembers, and letters leave out."""
