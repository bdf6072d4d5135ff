"""The process's own counters, kept in memory and shown at `/metrics`: what was accepted, refused, sent and dropped."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

received = Counter("hubbub_messages_received", "Messages of devices that were accepted", ["kind"])
refused = Counter("hubbub_messages_refused", "Messages of devices that were refused", ["reason"])
sources_refused = Counter(
    "hubbub_source_messages_refused",
    "Messages at sources that were refused and belong to no device",
    ["convention", "reason"],
)
flagged = Counter("hubbub_samples_flagged", "Samples stored with another time than the device sent", ["reason"])
stored = Counter("hubbub_readings_stored", "Readings passed to the database")
batches = Counter("hubbub_batches_stored", "Transactions that stored readings")
store_failures = Counter("hubbub_store_failures", "Transactions that failed and were tried again")
dropped = Counter("hubbub_messages_dropped", "Messages dropped at a named limit", ["bound"])
delayed = Counter("hubbub_devices_delayed", "Times that a device over its limits had to wait")
over_limit = Counter(
    "hubbub_messages_over_limit",
    "Messages of devices over their limits that were stored after those of others",
)
batch_messages = Histogram(
    "hubbub_batch_messages", "Messages in a batch of a bridge", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000)
)
batch_seconds = Histogram(
    "hubbub_batch_seconds",
    "Time from a batch's first attempt to its commit, including retries while the database is unavailable",
    buckets=SECONDS,
)
publish_lag = Histogram(
    "hubbub_publish_lag_seconds",
    "Time from the receipt of a batch's oldest message until the whole batch is published",
    buckets=SECONDS,
)
frame_lag = Histogram(
    "hubbub_frame_lag_seconds",
    "Time from the receipt of the oldest message in a telemetry frame until the frame is written for its viewers",
    buckets=SECONDS,
)
waiting = Gauge("hubbub_messages_waiting", "Messages of a bridge that were waiting to be stored at its last batch")
layer_sent = Counter("hubbub_layer_events", "Events that the channel layer accepted", ["type"])
layer_failures = Counter("hubbub_layer_failures", "Events that the channel layer did not accept", ["type"])
layer_gaps = Counter("hubbub_layer_gaps", "Jumps in the running numbers of the channel layer")
connections = Gauge("hubbub_connections", "Open live connections")
frames_sent = Counter("hubbub_frames_sent", "Frames sent to live connections")
frames_kept_back = Counter("hubbub_frames_kept_back", "Telemetry frames not sent as such to viewers who fell behind")
readings_merged = Counter("hubbub_readings_merged", "Readings merged away for viewers who fell behind")
connections_closed = Counter("hubbub_connections_closed", "Live connections closed by the hub", ["code"])
connections_refused = Counter(
    "hubbub_connections_refused", "Live connections refused to people who had one closed because of what it sent"
)
errors = Counter("hubbub_errors", "Requests that were answered with an error", ["entrance", "code"])
connections_cut = Counter(
    "hubbub_connections_cut",
    "Connections cut because a client was too slow with the headers or the body of a request or read nothing of a"
    " response, was idle, its address had too many that had not signed in, or its account had too many",
    ["reason"],
)
accept_errors = Counter("hubbub_accept_errors", "Connections that could not be accepted, as when no descriptor is left")
pings_unanswered = Counter("hubbub_pings_unanswered", "Pings of WebSocket clients that came too fast to be answered")
requests_rejected = Counter(
    "hubbub_requests_rejected",
    "HTTP requests rejected before their page or endpoint was called: for a foreign host or origin, a body that is too"
    " large, or a large one of a stranger or beside too many others",
    ["reason"],
)
room_losses = Counter("hubbub_room_losses", "Rooms whose readers had to load them again", ["reason"])
typing_ignored = Counter("hubbub_typing_ignored", "Typing notices that were too frequent to be forwarded")
presence_failures = Counter("hubbub_presence_failures", "Reads of who is in a room that failed")
commands_sent = Counter("hubbub_commands_sent", "Commands passed to the broker")
commands_finished = Counter("hubbub_commands_finished", "Commands that reached a final status", ["status"])
commands_refused = Counter(
    "hubbub_commands_refused", "Commands beyond the number that may be open for a device at a time"
)
answers_late = Counter("hubbub_answers_late", "Answers that came after their command had ended without one")
room_messages = Counter("hubbub_room_messages", "Entries stored in the logs of rooms", ["kind"])
chat_refused = Counter("hubbub_chat_refused", "Messages, edits and removals of people that were refused", ["code"])
operations_refused = Counter(
    "hubbub_operations_refused", "Exports, downloads and the like beyond the number that may run at once", ["name"]
)
requests_refused = Counter("hubbub_requests_refused", "Requests of people beyond REQUEST_RATE_LIMIT", ["kind"])
sign_ins = Counter("hubbub_sign_ins", "Attempts to sign in with a password, by how they ended", ["outcome"])
sign_ins_unrecorded = Counter(
    "hubbub_sign_ins_unrecorded",
    "Sign-ins of devices whose network was not written down because too many waited or the database was unavailable",
)
exports = Counter(
    "hubbub_exports", "Exports of readings by how they ended: done, gone (the client disconnected) or failed", ["end"]
)
imported = Counter("hubbub_imported", "Values in imported files: stored, already present, or refused", ["outcome"])
samples_refused = Counter(
    "hubbub_samples_refused", "Values and items of messages that were not stored, by the reason", ["reason"]
)
decoded = Counter("hubbub_messages_decoded", "Messages given to decoders, by the outcome", ["outcome"])
decoder_workers_killed = Counter("hubbub_decoder_workers_killed", "Processes of decoders that had to be replaced")
samples_ignored = Counter("hubbub_samples_ignored", "Values of metrics that a manager has set to be ignored")
removed = Counter(
    "hubbub_rows_removed", "Readings and rollups that were removed because of their age or a quota", ["kind"]
)
files_swept = Counter("hubbub_files_swept", "Files that were deleted because no message refers to them")
readings_replaced = Counter(
    "hubbub_readings_replaced", "Readings whose value was replaced by a later one with the same time"
)
readings_late = Counter("hubbub_readings_late", "Readings that arrived after their minute had been rolled up")
job_failures = Counter("hubbub_job_failures", "Periodic jobs that failed and were tried again", ["job"])
