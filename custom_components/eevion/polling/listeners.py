"""A coordinator that calls only listeners of changes, and in slices of the event loop's time."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

# Longest time of calling listeners without a yield to the event loop.
_SLICE_S = 0.005

_UNSET = object()


@dataclass(frozen=True, slots=True)
class ListenerContext:
    """A listener's context: its subject, and the values of the subject that it depends on."""

    subject_id: object
    change_key_fn: Callable[[Any], object] | None
    """Returns the values of the subject that decide whether the listener is called.

    None calls the listener on every change.
    """


@dataclass(slots=True)
class _Listener:
    update: CALLBACK_TYPE
    change_key_fn: Callable[[Any], object] | None
    change_key: object = _UNSET


class SelectiveCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """Calls the listeners of the contexts that were marked as changed.

    A context is any object, or a `ListenerContext` of one. Where the connection to the cloud is
    lost or restored, all listeners are called.
    """

    _was_successful = True
    _update_task: asyncio.Task[None] | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Initialize without listeners."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._by_subject: dict[object, list[_Listener]] = {}
        self._changed: dict[object, bool] = {}
        """The changed subjects; True calls their listeners whatever `change_key_fn` returns."""

    def subject(self, subject_id: object) -> object | None:
        """Return the argument of `change_key_fn` for a subject; None while there is none."""
        raise NotImplementedError

    @override
    @callback
    def async_add_listener(
        self, update_callback: CALLBACK_TYPE, context: object = None
    ) -> Callable[[], None]:
        """Add a listener for changes of one context; return a function that removes it."""
        remove = super().async_add_listener(update_callback, context)
        followed = (
            context if isinstance(context, ListenerContext) else ListenerContext(context, None)
        )
        subject_id = followed.subject_id
        listener = _Listener(update_callback, followed.change_key_fn)
        if followed.change_key_fn and (subject := self.subject(subject_id)) is not None:
            listener.change_key = followed.change_key_fn(subject)
        self._by_subject.setdefault(subject_id, []).append(listener)
        return partial(self._async_remove_listener, subject_id, listener, remove)

    @callback
    def _async_remove_listener(
        self, subject_id: object, listener: _Listener, remove: CALLBACK_TYPE
    ) -> None:
        listeners = self._by_subject[subject_id]
        listeners.remove(listener)
        if not listeners:
            del self._by_subject[subject_id]
        remove()

    @callback
    def async_mark_changed(
        self, subject_ids: Iterable[object], *, is_for_all: bool = False
    ) -> None:
        """Mark subjects as changed for `async_update_listeners`.

        `is_for_all` calls their listeners whatever `change_key_fn` returns.
        """
        for subject_id in subject_ids:
            self._changed[subject_id] = is_for_all or self._changed.get(subject_id, False)

    @override
    @callback
    def async_update_listeners(self) -> None:
        """Call the listeners of the subjects that were marked as changed."""
        if self.last_update_success != self._was_successful:
            self._was_successful = self.last_update_success
            self._changed |= dict.fromkeys(self._by_subject, True)
        if self._update_task is None and self._changed and self.config_entry:
            # Eager: the calls of few listeners are done before this returns.
            task = self.config_entry.async_create_task(
                self.hass, self._async_call_listeners(), f"{self.name} listeners", eager_start=True
            )
            self._update_task = None if task.done() else task

    async def _async_call_listeners(self) -> None:
        slice_ends = monotonic() + _SLICE_S
        try:
            while self._changed:
                subject_id = next(iter(self._changed))
                is_for_all = self._changed.pop(subject_id)
                subject = self.subject(subject_id)
                for listener in tuple(self._by_subject.get(subject_id, ())):
                    if change_key_fn := listener.change_key_fn:
                        change_key = _UNSET if subject is None else change_key_fn(subject)
                        if change_key == listener.change_key and not is_for_all:
                            continue
                        listener.change_key = change_key
                    listener.update()
                    if monotonic() > slice_ends:
                        await asyncio.sleep(0)
                        slice_ends = monotonic() + _SLICE_S
        finally:
            self._update_task = None
