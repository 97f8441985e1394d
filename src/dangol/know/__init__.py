"""Who each customer is, what they allowed, where the relationship stands."""
