"""Who is this? Ids of senders become customers, and customers found to be one person are merged."""
