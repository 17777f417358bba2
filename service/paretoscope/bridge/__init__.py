"""Frames in over ZeroMQ: sans-IO rules, one socket loop; acknowledges what is durable."""

from paretoscope.bridge.loop import Bridge

__all__ = ["Bridge"]
