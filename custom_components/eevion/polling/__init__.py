"""When the cloud is asked: paces, retries, the budget of a key, and who is called of a change."""
