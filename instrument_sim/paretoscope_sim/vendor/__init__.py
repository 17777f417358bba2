"""A stand-in for the microscope vendor's Python client, of the same surface, with faults on demand.

The real package is proprietary. Code written against this one imports it by another name only:

    from paretoscope_sim.vendor import TemMicroscopeClient            # instead of the vendor's package
    from paretoscope_sim.vendor.enumerations import DetectorType      # .enumerations
    from paretoscope_sim.vendor.structures import StagePosition       # .structures
    from paretoscope_sim.vendor.common import ApiException            # autoscript_core.common
"""

from paretoscope_sim.vendor.client import TemMicroscopeClient
from paretoscope_sim.vendor.common import ApiException, ApplicationServerException, InvalidOperationException
from paretoscope_sim.vendor.faults import FAULTS, FaultPlan, Schedule
from paretoscope_sim.vendor.instrument import SimulatedInstrument
from paretoscope_sim.vendor.structures import AdornedImage, StagePosition, StemAcquisitionSettings

__all__ = [
    "FAULTS", "AdornedImage", "ApiException", "ApplicationServerException", "FaultPlan",
    "InvalidOperationException", "Schedule", "SimulatedInstrument", "StagePosition",
    "StemAcquisitionSettings", "TemMicroscopeClient",
]  # fmt: skip
