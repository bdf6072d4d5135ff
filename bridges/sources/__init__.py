"""Devices that speak a convention of their own, at any broker: heard, found, and commanded.

A `Convention` (`convention.py`, one module for each below `conventions/`) turns messages into reports of devices by
their addresses, and commands into messages. A `Source` (`source.py`) feeds it and hands its reports to the pipeline;
`listening.py` does so for brokers that the hub connects to, `bridges.embedded` for the embedded one.
"""
