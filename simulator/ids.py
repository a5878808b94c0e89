"""Identifiers in the shapes of the cloud's."""

from random import Random
import string

_PORT_ALPHABET = string.ascii_letters + string.digits + "_-"
_CODE_ALPHABET = string.ascii_letters + string.digits


class Ids:
    """Makes ids from a seeded source."""

    def __init__(self, random: Random) -> None:
        """Draw from ``random``."""
        self._random = random

    def document(self) -> str:
        """Return 24 hexadecimal digits: sites, sessions, tariffs, customers."""
        return f"{self._random.getrandbits(96):024x}"

    def port(self) -> str:
        """Return 21 characters: ports."""
        return "".join(self._random.choices(_PORT_ALPHABET, k=21))

    def authorization(self) -> str:
        """Return 10 characters: ``authId`` of a started or stopped session."""
        return "".join(self._random.choices(_CODE_ALPHABET, k=10))
