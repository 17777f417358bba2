import pytest

from paretoscope_client import Client
from service.conftest import Service
from service.conftest import service as starting  # noqa: F401


@pytest.fixture(scope="session")
def service(starting: Service) -> Service:  # noqa: F811
    """The real service, its worker warm."""
    with Client(starting.url) as client:
        client.wait_ready(timeout_s=100.0)
    return starting
