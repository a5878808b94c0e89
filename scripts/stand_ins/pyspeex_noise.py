"""Stands in for a package without wheels: Home Assistant imports it even where nobody listens."""


class AudioProcessor:
    """Would suppress noise."""
