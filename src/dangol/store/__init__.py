"""Where things are kept: PostgreSQL for what is true now, a lake of Parquet for what was."""
