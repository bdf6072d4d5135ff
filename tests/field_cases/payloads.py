"""Payloads in the shapes that devices in the field send, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.values import Value


@dataclass(frozen=True)
class FieldCase:
    """`stored` by metric; `skipped` and `refused` are reasons, by key and of the whole message. `flagged` is the count
    of a time that was replaced by that of receipt."""

    sender: str
    payload: bytes
    stored: dict[str, Value] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    flagged: str = ""
    hint: str = ""


TELEMETRY = [
    FieldCase(
        "Tasmota's SENSOR message of a plug with two channels",
        b'{"Time":"2026-03-01T08:30:00","ENERGY":{"TotalStartTime":"2025-01-02T03:04:05","Total":1.5,"Power":[12.5,0],'
        b'"Voltage":231},"TempUnit":"C"}',
        {
            "Time": "2026-03-01T08:30:00",
            "ENERGY.TotalStartTime": "2025-01-02T03:04:05",
            "ENERGY.Total": 1.5,
            "ENERGY.Power.0": 12.5,
            "ENERGY.Power.1": 0.0,
            "ENERGY.Voltage": 231.0,
            "TempUnit": "C",
        },
    ),
    FieldCase(
        "status of a Shelly switch of the second generation",
        b'{"id":0,"output":true,"apower":7.5,"aenergy":{"total":98.5,"by_minute":[0.0,1.5,2.0]},"temperature":{"tC":41}}',
        {
            "id": 0.0,
            "output": True,
            "apower": 7.5,
            "aenergy.total": 98.5,
            "aenergy.by_minute.0": 0.0,
            "aenergy.by_minute.1": 1.5,
            "aenergy.by_minute.2": 2.0,
            "temperature.tC": 41.0,
        },
    ),
    FieldCase(
        "uplink of The Things Stack: its list of gateways holds objects",
        b'{"end_device_ids":{"device_id":"soil"},"correlation_ids":["as:up:1"],"uplink_message":{"f_port":2,'
        b'"decoded_payload":{"moisture":38.5},"rx_metadata":[{"rssi":-101,"snr":4.5}]}}',
        {
            "end_device_ids.device_id": "soil",
            "correlation_ids.0": "as:up:1",
            "uplink_message.f_port": 2.0,
            "uplink_message.decoded_payload.moisture": 38.5,
        },
        {"uplink_message.rx_metadata": "invalid_shape"},
    ),
    FieldCase(
        "location of OwnTracks with the regions that the phone is in",
        b'{"_type":"location","lat":48.5,"lon":9.25,"batt":77,"inregions":["Work","City"]}',
        {
            "_type": "location",
            "lat": 48.5,
            "lon": 9.25,
            "batt": 77.0,
            "inregions.0": "Work",
            "inregions.1": "City",
        },
    ),
    FieldCase(
        "ESPHome's sensor without a reading",
        b'{"temperature":NaN,"humidity":55.5}',
        {"humidity": 55.5},
        {"temperature": "not_finite"},
    ),
    FieldCase(
        "serial number of 64 bits without a sign",
        b'{"serial":18446744073709551000,"pressure":987.5}',
        {"pressure": 987.5},
        {"serial": "out_of_range"},
    ),
    FieldCase(
        "log that is longer than a text value",
        b'{"log":"%s","uptime":5}' % (b"z" * 2000),
        {"uptime": 5.0},
        {"log": "text_too_long"},
    ),
    FieldCase("bare number on one topic", b"19.5", refused="invalid_shape", hint='{"value": 19.5}'),
    FieldCase("ESPHome's nan", b"nan", refused="invalid_json", hint="there is no value in it"),
    FieldCase("bare word on one topic", b"off", refused="invalid_json", hint='send {"value": "off"}'),
    FieldCase("text after a NUL", b'\0{"a":1}', refused="nul_character"),
    FieldCase("text before the NUL of a C string", b'{"a":1}\0', {"a": 1.0}),
    FieldCase("text after a byte order mark", b'\xef\xbb\xbf{"a":1}', {"a": 1.0}),
    FieldCase("line of mosquitto_pub -l", b'{"a":1}\r\n', {"a": 1.0}),
    FieldCase("numbers in quotes", b'{"t":"21.5","on":"true"}', {"t": "21.5", "on": "true"}),
    FieldCase("numbers with their unit", '{"t":"20.5 ℃"}'.encode(), {"t": "20.5 ℃"}),
    FieldCase("Victron's value that is not known", b'{"value":[]}'),
    FieldCase("empty message", b"", refused="empty_payload"),
    FieldCase(
        "Zigbee2MQTT's empty action", b'{"action":"","battery":90,"color":null}', {"action": "", "battery": 90.0}
    ),
    FieldCase(
        "seconds for milliseconds",
        b'{"ts":%(seconds)d,"values":{"v":3}}',
        refused="older_than_retention",
        hint="looks like seconds",
    ),
    FieldCase("milliseconds in quotes", b'{"ts":"%(ms)d","values":{"v":3}}', {"v": 3.0}),
    FieldCase(
        "Ruuvi's gateway: a time among the values",
        b'{"gw_mac":"AA:BB","rssi":-60,"aoa":[],"ts":"%(seconds)d","data":"0201"}',
        refused="timestamp_misplaced",
        hint='send {"ts": …, "values": {…}}',
    ),
    FieldCase("ChirpStack's nanoseconds", b'{"ts":"%(day)sT00:00:00.123456789+00:00","values":{"v":1}}', {"v": 1.0}),
    FieldCase("clock that was never set", b'{"ts":5000,"values":{"p":7}}', {"p": 7.0}, flagged="clock_not_set"),
    FieldCase("Shelly before it knows the time", b'{"ts":null,"values":{"tC":19}}', {"tC": 19.0}),
    FieldCase("gzip", bytes.fromhex("1f8b080000000000020363"), refused="invalid_utf8", hint="looks like gzip"),
    FieldCase("CBOR", bytes.fromhex("a16174fb4035800000000000"), refused="invalid_utf8", hint="looks like CBOR"),
    FieldCase("Sparkplug B", bytes.fromhex("08f2dbbfcfad331200"), refused="invalid_utf8", hint="looks like Protobuf"),
    FieldCase(
        "InfluxDB's line protocol",
        b"air,room=attic t=21.5 1700000000000000000",
        refused="invalid_json",
        hint="InfluxDB",
    ),
    FieldCase(
        "Telegraf's batch",
        b'{"metrics":[{"name":"cpu","fields":{"idle":98.5}}]}',
        refused="invalid_shape",
    ),
    FieldCase(
        "names with punctuation and pictures",
        '{"Temp (°C)/in":1,"🌡 hall":2,"a/b":3,"a b":4,"x.y":5,"x":{"z":6}}'.encode(),
        {"Temp (°C)/in": 1.0, "🌡 hall": 2.0, "a/b": 3.0, "a b": 4.0, "x.y": 5.0, "x.z": 6.0},
    ),
]

STATUSES = {
    b'{"state":"online"}': "online",
    b"Online": "online",
    b"Offline": "offline",
    b"true": "online",
    b"false": "offline",
}
"""Of Zigbee2MQTT, Tasmota and Shelly."""
