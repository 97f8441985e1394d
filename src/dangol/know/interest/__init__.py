"""What somebody likes, from what they read, click and buy; and the items that tell what it is about."""
