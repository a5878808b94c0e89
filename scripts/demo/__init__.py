"""The demonstration: a simulated Eevion cloud and a real Home Assistant that uses it."""
