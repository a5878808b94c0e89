"""Connections, faults, restarts and the service of stations."""

from typing import Literal

from ..charging.station import IN_SERVICE, OUT_OF_SERVICE, Station
from .core import WorldCore

type ResetType = Literal["soft", "hard"]

OFFLINE_TEXT = "No logs or heartbeats in at least 15 minutes"


class Network(WorldCore):
    """Breaks and mends stations; each method first catches up with the clock."""

    def disconnect(self, name: str) -> None:
        """Cut a station off the network; a session goes on unseen."""
        station = self.station(name)
        if not station.connected:
            return
        station.connected = False
        self._go_silent(station)
        now_ms = self.timeline.now_ms
        self.exceptions.start(station, "ConnectionClosed", "Connection closed", now_ms)
        station.offline_timer = self.timeline.after(
            self.settings.offline_after_s, lambda: self._still_silent(station)
        )

    def _still_silent(self, station: Station) -> None:
        self.exceptions.start(station, "Offline", OFFLINE_TEXT, self.timeline.now_ms)

    def connect(self, name: str) -> None:
        """Connect a station; it reports what happened meanwhile."""
        station = self.station(name)
        station.connected = True
        if station.offline_timer:
            station.offline_timer.cancel()
        for kind in ("ConnectionClosed", "Offline"):
            self.exceptions.end(station, kind, self.timeline.now_ms)
        self._speak_again(station)

    def fault(self, name: str, code: str = "GroundFailure") -> None:
        """Break a station, which ends its session."""
        station = self.station(name)
        station.fault = code
        if station.session is not None:
            self.charging.end(station.session, reason="Other")
        self.charging.refresh(station)
        self.exceptions.start(station, "Faulted", code, self.timeline.now_ms)

    def clear_fault(self, name: str) -> None:
        """Repair a station."""
        station = self.station(name)
        station.fault = ""
        self.charging.refresh(station)
        self.exceptions.end(station, "Faulted", self.timeline.now_ms)

    def reset(self, name: str, kind: ResetType = "soft") -> None:
        """Restart a station, which ends its session."""
        station = self.station(name)
        hard = kind == "hard"
        if station.session is not None:
            self.charging.end(station.session, reason="HardReset" if hard else "SoftReset")
        station.rebooting = True
        self.charging.refresh(station)
        self._go_silent(station)
        if station.boot_timer:
            station.boot_timer.cancel()
        station.boot_timer = self.timeline.after(
            self.settings.hard_reset_s if hard else self.settings.soft_reset_s,
            lambda: self._booted(station),
        )

    def _booted(self, station: Station) -> None:
        station.rebooting = False
        station.charged_here = False
        self._speak_again(station)

    def _go_silent(self, station: Station) -> None:
        if station.silent_since_ms is None:
            station.silent_since_ms = self.timeline.now_ms

    def _speak_again(self, station: Station) -> None:
        if station.online:
            station.silent_since_ms = None
            self.charging.report(station)
        self.charging.refresh(station)

    def take_offline(self, name: str) -> None:
        """Put a station out of service; a running session goes on."""
        self.set_priority_status(name, OUT_OF_SERVICE)

    def take_online(self, name: str) -> None:
        """Put a station back in service."""
        self.set_priority_status(name, IN_SERVICE)

    def set_priority_status(self, name: str, status: str) -> None:
        """Set a station's priority status; any but ``outOfService`` means in service."""
        station = self.station(name)
        station.priority_status = status
        self._changed(station)

    def _changed(self, station: Station) -> None:
        station.updated_ms = self.timeline.now_ms
        self.charging.refresh(station)
