"""What a person sees on the dashboard: its views and cards, and the modules of the browser."""

from .frontend import async_setup_frontend
from .websocket import async_setup_websocket

__all__ = ["async_setup_frontend", "async_setup_websocket"]
