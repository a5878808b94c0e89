"""What a person orders: start, stop, limit, and jobs."""
