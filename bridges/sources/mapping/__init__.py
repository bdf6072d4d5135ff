"""The convention whose topics and payloads its owner describes, for whatever no other convention reads."""
