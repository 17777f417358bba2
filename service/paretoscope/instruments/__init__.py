"""Instruments as child processes of the service: started, stopped and watched as the store says."""

from paretoscope.instruments.catalogue import catalogue
from paretoscope.instruments.reconciler import Reconciler

__all__ = ["Reconciler", "catalogue"]
