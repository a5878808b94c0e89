"""A coordinator that tells only those concerned, and never holds the loop for long."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any, override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

# A thousand stations are told in slices.
_SLICE_S = 0.005

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class ListenerContext:
    """A listener's context: what it follows, and what it shows of it."""

    subject_id: object
    change_key_fn: Callable[[Any], object] | None
    """Given the subject; the listener is called where it returns something else than before.

    None shows everything.
    """


@dataclass(slots=True)
class _Listener:
    update: CALLBACK_TYPE
    change_key_fn: Callable[[Any], object] | None
    shown: object = _NOTHING


class SelectiveCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """Calls the listeners of those contexts that were noted as changed.

    A context is any object, or a `ListenerContext` of one. Where the cloud was lost or is back, all
    listeners are called.
    """

    _was_successful = True
    _telling: asyncio.Task[None] | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Start without listeners."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._by_subject: dict[object, list[_Listener]] = {}
        self._changed: dict[object, bool] = {}
        """Subjects to be told of; true where all their listeners are to be called."""

    def subject(self, subject_id: object) -> object | None:
        """Return what views of an id are given; None while there is none."""
        raise NotImplementedError

    @override
    @callback
    def async_add_listener(
        self, update_callback: CALLBACK_TYPE, context: object = None
    ) -> Callable[[], None]:
        """Listen for changes of one context."""
        remove = super().async_add_listener(update_callback, context)
        followed = (
            context if isinstance(context, ListenerContext) else ListenerContext(context, None)
        )
        subject_id = followed.subject_id
        listener = _Listener(update_callback, followed.change_key_fn)
        if followed.change_key_fn and (subject := self.subject(subject_id)) is not None:
            listener.shown = followed.change_key_fn(subject)
        listeners = self._by_subject.setdefault(subject_id, [])
        listeners.append(listener)

        @callback
        def async_remove_listener() -> None:
            listeners.remove(listener)
            if not listeners and self._by_subject.get(subject_id) is listeners:
                del self._by_subject[subject_id]
            remove()

        return async_remove_listener

    @callback
    def async_note_changes(
        self, subject_ids: Iterable[object], *, is_for_all: bool = False
    ) -> None:
        """Note what `async_update_listeners` is to tell, if so wished whatever they show."""
        for subject_id in subject_ids:
            self._changed[subject_id] = is_for_all or self._changed.get(subject_id, False)

    @override
    @callback
    def async_update_listeners(self) -> None:
        """Tell what was noted."""
        if self.last_update_success != self._was_successful:
            self._was_successful = self.last_update_success
            self._changed |= dict.fromkeys(self._by_subject, True)
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
                subject_id = next(iter(self._changed))
                is_for_all = self._changed.pop(subject_id)
                subject = self.subject(subject_id)
                for listener in tuple(self._by_subject.get(subject_id, ())):
                    if listener.change_key_fn:
                        before = listener.shown
                        listener.shown = (
                            _NOTHING if subject is None else listener.change_key_fn(subject)
                        )
                        if listener.shown == before and not is_for_all:
                            continue
                    listener.update()
                    if monotonic() > slice_ends:
                        await asyncio.sleep(0)
                        slice_ends = monotonic() + _SLICE_S
        finally:
            self._telling = None
