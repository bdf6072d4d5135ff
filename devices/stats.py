"""Our own counters, kept in memory and shown by `/metrics`: what was taken, refused, sent and dropped."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

received = Counter("hubbub_messages_received", "Messages taken from devices", ["kind"])
refused = Counter("hubbub_messages_refused", "Messages of devices that were refused", ["reason"])
flagged = Counter("hubbub_samples_flagged", "Samples stored otherwise than claimed", ["reason"])
stored = Counter("hubbub_readings_stored", "Readings handed to the database")
batches = Counter("hubbub_batches_stored", "Transactions that stored readings")
store_failures = Counter("hubbub_store_failures", "Transactions that failed and are tried again")
dropped = Counter("hubbub_messages_dropped", "Messages dropped at a named bound", ["bound"])
layer_failures = Counter("hubbub_layer_failures", "Events that the channel layer did not take", ["type"])
layer_gaps = Counter("hubbub_layer_gaps", "Jumps in the running numbers of the channel layer")
connections = Gauge("hubbub_connections", "Open live connections")
frames_sent = Counter("hubbub_frames_sent", "Frames sent to live connections")
readings_merged = Counter("hubbub_readings_merged", "Readings merged away for viewers who fell behind")
connections_closed = Counter("hubbub_connections_closed", "Live connections closed by the hub", ["code"])
commands_sent = Counter("hubbub_commands_sent", "Commands handed to the broker")
commands_finished = Counter("hubbub_commands_finished", "Commands that reached a final status", ["status"])
exports = Counter("hubbub_exports", "Exports of readings by how they ended: done, gone (the client) or failed", ["end"])
imported = Counter("hubbub_imported", "Values of imported files: stored, present already, or refused", ["outcome"])
samples_refused = Counter("hubbub_samples_refused", "Samples left out of messages that were stored otherwise")
removed = Counter("hubbub_rows_removed", "Readings and rollups removed for their age", ["kind"])
readings_late = Counter("hubbub_readings_late", "Readings that came after their minute had been rolled up")
job_failures = Counter("hubbub_job_failures", "Periodic jobs that failed and are tried again", ["job"])
