"""Home Assistant's store, with the failure of its last write."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError


class CheckedStore[T: Mapping[str, Any]](Store[T]):
    """A store that keeps the failure of its last write, which Home Assistant only logs."""

    failure: WriteError | None = None

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        self.failure = None
        try:
            await super()._async_write_data(data)
        except WriteError as err:
            self.failure = err
            raise
