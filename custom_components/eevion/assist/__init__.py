"""Answers for voice assistants and language models, in the language of the request."""

from .assistant import Assistant, SpokenAnswer
from .station_names import NamedStation, async_exposed, cut

__all__ = ["Assistant", "NamedStation", "SpokenAnswer", "async_exposed", "cut"]
