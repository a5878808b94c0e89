"""What the statistics hold of a session, as a ledger stores it."""

import pytest

from custom_components.eevion.accounting.posted import LONGEST_SESSION_S, Posted
from custom_components.eevion.storage.values import StoredDataError

BEGIN = 1_790_000_000.0


def test_stored() -> None:
    longest = BEGIN + LONGEST_SESSION_S
    assert Posted.from_json([7, 3, BEGIN, longest]) == Posted(7, 3, BEGIN, longest)


@pytest.mark.parametrize("end", [BEGIN - 1, BEGIN + LONGEST_SESSION_S + 1])
def test_a_session_that_cannot_be(end: float) -> None:
    with pytest.raises(StoredDataError):
        Posted.from_json([7, 3, BEGIN, end])
