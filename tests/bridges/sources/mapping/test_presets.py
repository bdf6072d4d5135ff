"""The mappings that the hub brings with it, by messages as their programs send them."""

from __future__ import annotations

from typing import Any

import pytest

from bridges.sources.convention import Heard, Message, Publish
from bridges.sources.conventions import make
from bridges.sources.mapping.presets import all_presets
from devices.values import Attributes, StatusReport, Telemetry

AT = 1_796_032_600_000_000

BLUETOOTH = (
    '{"id":"A4:C1:38:AA:BB:CC","name":"Bedroom","rssi":-68,"brand":"Xiaomi","model":"TH Sensor","model_id":"LYWSD",'
    '"tempc":21.3,"tempf":70.34,"hum":44.7,"batt":81,"volt":2.91}'
)
RADIO = (
    '{"model":"Acurite-Tower","id":12043,"channel":"A","battery_ok":1,"temperature_C":3.4,"protocol":"x","rssi":-71}'
)
RTL_433 = (
    '{"time":"2026-11-30 11:00:00","model":"Acurite-Tower","id":12043,"channel":"A","battery_ok":1,"temperature_C":3.4,'
    '"humidity":71,"mic":"CHECKSUM"}'
)
RUUVI = (
    '{"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-64,"aoa":[],"gwts":1796032595,"ts":1796032594,"coords":"","dataFormat":5,'
    '"temperature":21.395,"humidity":44.2,"pressure":100755,"movementCounter":7,"voltage":2.993,"id":"E6:9F:BF:98:38:14"}'
)
STATS = (
    '{"cameras":{"front":{"camera_fps":5.1,"pid":42}},"detectors":{"coral":{"inference_speed":8.9,"pid":7}},'
    '"detection_fps":3.2,"service":{"uptime":3600,"version":"0.14.1"}}'
)
LINES = "cpu,cpu=cpu-total,host=pi usage_idle=98.5 1796032595000000000\nmem,host=pi used=5i 1796032595000000000"

EXAMPLES: list[tuple[str, str, str, dict[str, Any]]] = [
    # preset, topic, payload, (values | facts | online) by address
    ("openmqttgateway", "home/OMG/BTtoMQTT/A4C138AABBCC", BLUETOOTH,
     {"A4C138AABBCC": {"rssi": -68, "tempc": 21.3, "hum": 44.7, "batt": 81, "volt": 2.91}}),
    ("openmqttgateway", "home/OMG/RTL_433toMQTT/Acurite-Tower/A/12043", RADIO,
     {"Acurite-Tower-12043": {"battery_ok": 1, "temperature_C": 3.4, "rssi": -71}}),
    ("openmqttgateway", "home/OMG/SYStoMQTT", '{"uptime":60,"version":"v1.7","freemem":90000,"modules":["BT"]}',
     {"OMG": {"uptime": 60, "freemem": 90000}}),
    ("openmqttgateway", "home/OMG/LWT", "offline", {"OMG": False}),
    ("rtl433", "rtl_433/attic/events", RTL_433,
     {"Acurite-Tower-12043": {"battery_ok": 1, "temperature_C": 3.4, "humidity": 71}}),
    ("rtl433", "rtl_433/attic/events", '{"model":"Door","channel":2,"state":"open"}', {"Door-2": {"state": "open"}}),
    ("ruuvi", "ruuvi/C8:25:2D:8E:9C:2C/E6:9F:BF:98:38:14", RUUVI,
     {"E6:9F:BF:98:38:14": {"rssi": -64, "temperature": 21.395, "humidity": 44.2, "pressure": 100755,
                            "movementCounter": 7, "voltage": 2.993}}),
    ("ruuvi", "ruuvi/C8:25:2D:8E:9C:2C/gw_status", '{"state":"online"}', {"C8:25:2D:8E:9C:2C": True}),
    ("victron", "N/c0619ab12345/pvinverter/20/Ac/Power", '{"value":936}',
     {"c0619ab12345/pvinverter/20": {"Ac.Power": 936}}),
    ("victron", "N/c0619ab12345/pvinverter/20/Ac/L2/Power", '{"value":null}', {}),
    ("victron", "N/c0619ab12345/pvinverter/20/Ac/Power", "", {}),
    ("victron", "N/c0619ab12345/settings/0/Settings/LEDs/Enable", '{"max":1,"min":0,"value":1}', {}),
    ("wled", "wled/4a1b2c/g", "128", {"4a1b2c": {"brightness": 128}}),
    ("wled", "wled/4a1b2c/c", "#FFA000", {"4a1b2c": {"color": "#FFA000"}}),
    ("wled", "wled/4a1b2c/status", "offline", {"4a1b2c": False}),
    ("wled", "wled/4a1b2c/v", "<?xml version=\"1.0\" ?><vs></vs>", {}),
    ("valetudo", "valetudo/rockrobo/BatteryStateAttribute/level", "87", {"rockrobo": {"battery": 87}}),
    ("valetudo", "valetudo/rockrobo/StatusStateAttribute/status", "docked", {"rockrobo": {"status": "docked"}}),
    ("valetudo", "valetudo/rockrobo/AttachmentStateAttribute/mop", "true", {"rockrobo": {"attachment.mop": True}}),
    ("valetudo", "valetudo/rockrobo/$state", "lost", {"rockrobo": False}),
    ("valetudo", "valetudo/rockrobo/MapData/map-data", "binary", {}),
    ("frigate", "frigate/front_door/person", "2", {"front_door": {"person": 2}}),
    ("frigate", "frigate/front_door/person/active", "1", {"front_door": {"person.active": 1}}),
    ("frigate", "frigate/front_door/detect/state", "ON", {"front_door": {"detect": True}}),
    ("frigate", "frigate/available", "online", {"frigate": True}),
    ("frigate", "frigate/stats", STATS,
     {"frigate": {"cameras.front.camera_fps": 5.1, "detectors.coral.inference_speed": 8.9, "detection_fps": 3.2,
                  "service.uptime": 3600}}),
    ("telegraf", "telegraf/pi/cpu",
     '{"metrics":[{"name":"cpu","fields":{"usage_idle":98.5},"tags":{"host":"pi"},"timestamp":1796032595}]}',
     {"pi": {"cpu.usage_idle": 98.5}}),
    ("telegraf", "telegraf/pi/net", '{"name":"net","fields":{"in":5},"tags":{"host":"pi","interface":"eth0"}}',
     {"pi": {"net.eth0.in": 5}}),
    ("telegraf-influx", "telegraf/pi/cpu", LINES, {"pi": {"cpu.cpu-total.usage_idle": 98.5, "mem.used": 5}}),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "topic", "payload", "expected"), EXAMPLES)
def test_a_message_of_the_program(preset: str, topic: str, payload: str, expected: dict[str, Any]) -> None:
    made = make("mapping", "", {"preset": preset})
    found: dict[str, Any] = {}
    for one in made.hear(Message(topic, payload.encode(), AT)):
        assert isinstance(one, (Heard, Publish)), one
        if isinstance(one, Heard) and isinstance(one.report, Telemetry):
            assert one.report.skipped is None
            values = found.setdefault(one.address, {})
            values.update({sample.metric: sample.value for sample in one.report.samples})
        elif isinstance(one, Heard) and isinstance(one.report, StatusReport):
            found[one.address] = one.report.availability == "online"
    assert found == expected


COMMANDS: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    ("victron", "c0619ab12345/vebus/257", "set", {"Hub4.L1.AcPowerSetpoint": -200},
     "W/c0619ab12345/vebus/257/Hub4/L1/AcPowerSetpoint", '{"value":-200}'),
    ("wled", "4a1b2c", "set", {"brightness": 80}, "wled/4a1b2c", "80"),
    ("wled", "4a1b2c", "set", {"state": "OFF"}, "wled/4a1b2c", "OFF"),
    ("wled", "4a1b2c", "set", {"color": "#00FF00"}, "wled/4a1b2c/col", "#00FF00"),
    ("wled", "4a1b2c", "api", {"seg": [{"fx": 9}]}, "wled/4a1b2c/api", '{"seg":[{"fx":9}]}'),
    ("valetudo", "rockrobo", "set", {"operation": "HOME"},
     "valetudo/rockrobo/BasicControlCapability/operation/set", "HOME"),
    ("valetudo", "rockrobo", "set", {"locate": True}, "valetudo/rockrobo/LocateCapability/locate/set", "PERFORM"),
    ("frigate", "front_door", "set", {"detect": False}, "frigate/front_door/detect/set", "OFF"),
    ("frigate", "front_door", "set", {"motion": True}, "frigate/front_door/motion/set", "ON"),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "address", "name", "args", "topic", "payload"), COMMANDS)
def test_a_command_to_the_program(
    preset: str, address: str, name: str, args: dict[str, Any], topic: str, payload: str
) -> None:
    (found,) = make("mapping", "", {"preset": preset}).command(address, name, args, "c1")
    assert (found.topic, found.payload.decode()) == (topic, payload)


def test_a_Victron_device_is_kept_sending_and_keeps_its_given_name() -> None:
    made = make("mapping", "", {"preset": "victron"})
    topic = "N/c0619ab12345/battery/512/CustomName"
    named, beat = made.hear(Message(topic, b'{"value":"House battery"}', AT))
    assert isinstance(named, Heard)
    assert named.name == "House battery"
    assert beat == Publish("R/c0619ab12345/keepalive", b"", 0)
    (again,) = made.hear(Message("N/c0619ab12345/keepalive", b'{"value":1}', AT + 40_000_000))
    assert again == Publish("R/c0619ab12345/keepalive", b'{"keepalive-options":["suppress-republish"]}', 0)


def test_the_model_and_the_units_of_a_bluetooth_sensor_are_attributes() -> None:
    made = make("mapping", "", {"preset": "openmqttgateway"})
    facts: dict[str, Any] = {}
    for one in made.hear(Message("home/OMG/BTtoMQTT/A4C138AABBCC", BLUETOOTH.encode(), AT)):
        assert isinstance(one, Heard)
        assert one.via in ("OMG", "")
        if isinstance(one.report, Attributes):
            facts |= one.report.facts
    assert facts["model"] == "TH Sensor"
    assert facts["units.tempc"] == "°C"


def test_the_model_of_a_radio_sensor_is_an_attribute() -> None:
    made = make("mapping", "", {"preset": "rtl433"})
    found = [one for one in made.hear(Message("rtl_433/attic/events", RTL_433.encode(), AT)) if isinstance(one, Heard)]
    reports = [one.report for one in found if isinstance(one.report, Attributes)]
    assert {"model": "Acurite-Tower", "channel": "A"} in [report.facts for report in reports]
    assert found[0].name == "Acurite-Tower 12043"


@pytest.mark.parametrize("name", list(all_presets()))
def test_each_preset_works_and_reads_its_own_examples(name: str) -> None:
    preset = all_presets()[name]
    made = make("mapping", "", {"preset": name})
    assert (made.prefix, preset.title != "", len(preset.examples) > 0) == (preset.prefix, True, True)
    for example in preset.examples:
        found = list(made.hear(Message(example["topic"], example["payload"].encode(), AT)))
        assert any(isinstance(one, Heard) for one in found), example
