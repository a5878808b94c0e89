"""Commands to stations: start, stop, charging limits and management jobs."""
