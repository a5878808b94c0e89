"""What a station is now: its port, session, power, settings and what is remembered of it."""
