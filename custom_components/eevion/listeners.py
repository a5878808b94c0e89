"""A coordinator that tells only those concerned, and never holds the loop for long."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic
from typing import override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

# A thousand stations are told in slices.
_SLICE_S = 0.01


class SelectiveCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """Calls the listeners of those contexts that were noted as changed.

    Where the cloud was lost or is back, all listeners are called.
    """

    _was_successful = True
    _telling: asyncio.Task[None] | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Start without listeners."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._by_context: dict[object, list[CALLBACK_TYPE]] = {}
        self._changed: dict[object, None] = {}

    @override
    @callback
    def async_add_listener(
        self, update_callback: CALLBACK_TYPE, context: object = None
    ) -> Callable[[], None]:
        """Listen for changes of one context."""
        remove = super().async_add_listener(update_callback, context)
        listeners = self._by_context.setdefault(context, [])
        listeners.append(update_callback)

        @callback
        def async_remove_listener() -> None:
            listeners.remove(update_callback)
            if not listeners and self._by_context.get(context) is listeners:
                del self._by_context[context]
            remove()

        return async_remove_listener

    @callback
    def async_note_changes(self, contexts: Iterable[object]) -> None:
        """Note what `async_update_listeners` is to tell."""
        self._changed |= dict.fromkeys(contexts)

    @override
    @callback
    def async_update_listeners(self) -> None:
        """Tell what was noted."""
        if self.last_update_success != self._was_successful:
            self._was_successful = self.last_update_success
            self.async_note_changes(self._by_context)
        if self._telling is None and self._changed and self.config_entry:
            # Eager: few listeners are told before this returns.
            telling = self.config_entry.async_create_task(
                self.hass, self._async_tell(), f"{self.name} tells", eager_start=True
            )
            self._telling = None if telling.done() else telling

    async def _async_tell(self) -> None:
        slice_ends = monotonic() + _SLICE_S
        try:
            while self._changed:
                context = next(iter(self._changed))
                del self._changed[context]
                for listener in list(self._by_context.get(context, ())):
                    listener()
                    if monotonic() > slice_ends:
                        await asyncio.sleep(0)
                        slice_ends = monotonic() + _SLICE_S
        finally:
            self._telling = None
