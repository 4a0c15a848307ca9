"""Simulated door phones that speak the real protocol (device-protocol.md 1.5)."""

from device_adapters.simulator.fleet import Access, Fleet, PluggedIn
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.profiles import PROFILES, Profile

__all__ = ["PROFILES", "Access", "Fleet", "Phone", "PluggedIn", "Profile"]
