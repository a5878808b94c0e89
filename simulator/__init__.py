"""A simulated Eevion cloud to try and test clients against.

``python -m simulator`` serves it; ``create_app(Cloud(Settings()))`` is for tests.
"""

from .app import create_app
from .errors import ControlError
from .http.cloud import Cloud
from .http.faults import FaultKind
from .settings import Settings
from .world.world import World

__all__ = ["Cloud", "ControlError", "FaultKind", "Settings", "World", "create_app"]
