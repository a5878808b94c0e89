"""Which user a request comes from."""

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import UnknownUser


async def async_user(hass: HomeAssistant, context: Context | None, policy: str) -> User | None:
    """Return the user of a context; None where Home Assistant itself asks, which may do all.

    Raises UnknownUser for a user that does not exist (any more) or is not active.
    """
    if context is None or context.user_id is None:
        return None
    user = await hass.auth.async_get_user(context.user_id)
    if user is None or not user.is_active:
        raise UnknownUser(context=context, permission=policy, user_id=context.user_id)
    return user
