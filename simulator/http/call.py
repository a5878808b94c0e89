"""A request, as endpoints see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .. import validate
from ..json_values import JsonObject
from ..world.world import World

PAGE_SIZE = 750


@dataclass(slots=True, kw_only=True)
class Call:
    """A request of an account to one of its worlds."""

    world: World
    params: Mapping[str, str]
    query: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> object:
        """The body's JSON; None if there is none."""
        return validate.parse_json(self.raw)

    @property
    def body_object(self) -> JsonObject:
        """The body, which has to be an object."""
        return validate.an_object(self.body, "The body")

    def page[T](self, entries: list[T]) -> list[T]:
        """Return the page of the query."""
        page = validate.query_integer(self.query.get("page"), "page", default=1, minimum=1)
        return entries[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]

    @property
    def since_ms(self) -> int:
        """The query's ``since``, epoch milliseconds."""
        return validate.query_integer(self.query.get("since"), "since", default=0, minimum=0)


type Handler = Callable[[Call], object]
