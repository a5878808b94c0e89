"""The cloud's HTTP API: accounts, endpoints, faults and the budget of requests."""
