"""When requests are sent: paces, retries, the request budget of a key, and listeners."""
