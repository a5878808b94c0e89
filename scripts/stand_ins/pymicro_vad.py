"""Stands in for a package without wheels: Home Assistant imports it even where nobody listens."""


class MicroVad:
    """Would tell speech from silence."""
