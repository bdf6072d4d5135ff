from __future__ import annotations

from dashboards.live.errors import CLOSE_CODE_OF, CLOSE_CODES, ERRORS, HTTP_STATUS_OF, CloseCode
from devices.errors import RETRY


def test_each_close_code_and_error_says_whether_to_come_back() -> None:
    assert {int(code): advice.reconnect for code, advice in CLOSE_CODES.items()} == {
        1009: False,
        1012: True,
        4400: False,
        4401: False,
        4404: False,
        4408: True,
        4429: True,
    }
    assert set(CLOSE_CODES) == set(CloseCode)
    assert RETRY.items() <= ERRORS.items()


def test_each_refusal_at_the_entrance_is_a_known_error() -> None:
    assert CLOSE_CODE_OF.keys() <= ERRORS.keys()
    assert HTTP_STATUS_OF.keys() <= ERRORS.keys()
