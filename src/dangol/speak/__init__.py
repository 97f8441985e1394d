"""What is said: letters, their links, the outbox, and the channels that carry them."""
