"""Present state of stations: port, session, power, settings and the stored memory of them."""
