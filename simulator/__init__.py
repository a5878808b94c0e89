"""A simulated Eevion cloud to try and test clients against.

``python -m simulator`` serves it; ``create_app(Cloud(Settings()))`` is for tests.
"""

from .app import create_app
from .cloud import Cloud
from .errors import ControlError
from .faults import FaultKind
from .settings import Settings
from .world import World

__all__ = ["Cloud", "ControlError", "FaultKind", "Settings", "World", "create_app"]
