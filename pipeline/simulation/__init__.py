"""Simulated deliveries of all three consortia, of any size, for the demo, tests and benchmarks.

Belongs here: a believable world and what it delivers, faults included. Nothing here is about real people, and nothing
here reads a delivery.
"""

from pipeline.simulation.deliveries import SimulatedDelivery, SimulationSummary, simulate
from pipeline.simulation.districts import DistrictSize, read_district_sizes
from pipeline.simulation.faults import FaultyRow
from pipeline.simulation.monitor_surveys import simulate_surveys
from pipeline.simulation.world import World

__all__ = [
    "DistrictSize",
    "FaultyRow",
    "SimulatedDelivery",
    "SimulationSummary",
    "World",
    "read_district_sizes",
    "simulate",
    "simulate_surveys",
]
