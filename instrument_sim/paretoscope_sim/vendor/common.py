"""The vendor's errors, by their names and with their real texts."""

from __future__ import annotations


class ApiException(Exception):
    """The client cannot do this."""


class ApplicationServerException(ApiException):
    """The instrument's server refused."""


class InvalidOperationException(Exception):
    """Not possible in the present state."""


NOT_RUNNING = "Cannot perform a call because the client is not running."
INSERT_REFUSED = "ApplicationServerException: The insert operation is not allowed in Unknown state."
