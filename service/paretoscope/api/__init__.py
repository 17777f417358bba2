"""The HTTP face of the service: results, the operator's choice, events and the dashboard, from the store.

No numerics are imported here: a page or a control loop that asks for a result never waits for a kernel.
"""

from paretoscope.api.app import create_app
from paretoscope.api.settings import ApiSettings

__all__ = ["ApiSettings", "create_app"]
