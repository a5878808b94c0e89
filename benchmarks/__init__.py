"""What the integration costs: `python -m benchmarks`."""
