"""Files in Home Assistant's storage: validated when read, set aside if invalid."""

from .stored_file import StoredFile
from .values import StoredDataError

__all__ = ["StoredDataError", "StoredFile"]
