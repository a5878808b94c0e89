"""Smart charging: when the vehicles of one electrical connection charge, and with how much."""
