"""Beside the instrument or in a control loop: frames out, results in. Never imports torch or fastapi."""

from paretoscope_client.receipt import Receipt
from paretoscope_client.rest import Client
from paretoscope_client.rest_async import AsyncClient
from paretoscope_client.rest_result import Picked, Result
from paretoscope_client.sender import FrameSender

__all__ = ["AsyncClient", "Client", "FrameSender", "Picked", "Receipt", "Result"]
