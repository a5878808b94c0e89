"""The sites and stations of an account, and everything that happens there."""
