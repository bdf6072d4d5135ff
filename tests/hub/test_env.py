from __future__ import annotations

from pathlib import Path

import pytest

from hub.env import Env, EnvError, read, with_password

BASE = Path("/srv/hubbub")


def given(**environ: str) -> Env:
    return read(environ, BASE)


def test_without_settings_everything_is_embedded_and_local() -> None:
    env = given()
    assert (env.port, env.mqtt_port, env.bind, env.mqtt_bind) == (8000, 1883, "127.0.0.1", "127.0.0.1")
    assert (env.database_url, env.redis_url, env.brokers) == (None, None, {})
    assert (env.device_rate_limit, env.chat_rate_limit, env.connection_limit) == (1000, 100, 50)
    assert env.file_limit == 10
    assert (env.request_rate_limit, env.space_quota_mb, env.space_reading_quota) == (100, 1000, 0)
    assert (env.demo, env.demo_password, env.debug) == (True, None, False)
    assert env.data_dir == BASE / "data"


def test_an_empty_setting_counts_as_missing() -> None:
    names = [
        *LIMITS,
        *FLAGS,
        *URLS,
        "PORT",
        "MQTT_PORT",
        "BIND",
        "MQTT_BIND",
        "DATA_DIR",
        "DEMO_PASSWORD",
        "PUBLIC_URL",
        "TRUSTED_PROXIES",
    ]
    assert given(**dict.fromkeys(names, "")) == given()


LIMITS = [
    "DEVICE_RATE_LIMIT",
    "VALUE_RATE_LIMIT",
    "BYTE_RATE_LIMIT",
    "CHAT_RATE_LIMIT",
    "CONNECTION_LIMIT",
    "MQTT_CONNECTION_LIMIT",
    "FILE_LIMIT",
    "REQUEST_RATE_LIMIT",
    "SPACE_QUOTA_MB",
    "SPACE_READING_QUOTA",
]
FLAGS = ["DEMO", "DEBUG"]
URLS = {"DATABASE_URL": "sqlite", "REDIS_URL": "redis", "MQTT_URL": "mqtt", "MQTT_WEBSOCKET_URL": "mqtt"}


@pytest.mark.parametrize("name", ["PORT", "MQTT_PORT", "MQTT_TLS_PORT"])
@pytest.mark.parametrize("text", ["0", "65536", "-1", "80.5", "8O80", " 8000", "٨٠٨٠", "1e3"])
def test_an_invalid_port_is_named(name: str, text: str) -> None:
    with pytest.raises(EnvError, match=f"^{name} must be a whole number from 1 to 65535"):
        given(**{name: text})


def test_proxies_are_addresses_and_networks() -> None:
    found = given(TRUSTED_PROXIES="127.0.0.1, 10.1.0.0/16,::1").trusted_proxies
    assert [str(network) for network in found] == ["127.0.0.1/32", "10.1.0.0/16", "::1/128"]
    assert given().trusted_proxies == ()


@pytest.mark.parametrize("text", ["proxy.example", "10.1.0.1/16", "127.0.0.1;::1", "*"])
def test_an_invalid_proxy_is_named(text: str) -> None:
    with pytest.raises(EnvError, match=r"^TRUSTED_PROXIES must be IP addresses or networks"):
        given(TRUSTED_PROXIES=text)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("text", ["-1", "many", "1.5", "10000000000"])
def test_an_invalid_limit_is_named(name: str, text: str) -> None:
    with pytest.raises(EnvError, match=f"^{name} must be a whole number"):
        given(**{name: text})


@pytest.mark.parametrize("name", LIMITS)
def test_zero_means_no_limit(name: str) -> None:
    assert getattr(given(**{name: "0"}), name.lower()) == 0


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_one_or_zero_in_any_spelling(name: str) -> None:
    for text, expected in (("1", True), ("0", False), ("TRUE", True), ("no", False), ("yes", True), ("False", False)):
        assert getattr(given(**{name: text}), name.lower()) is expected
    with pytest.raises(EnvError, match=f"^{name} must be 1 or 0, not 'maybe'"):
        given(**{name: "maybe"})


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    "text", ["localhost:1", "http://u:hunter2@h", "mysql://u:hunter2@h", "//u:hunter2@h", "hunter2"]
)
def test_a_url_of_another_kind_is_named_without_the_password_in_it(name: str, text: str) -> None:
    with pytest.raises(EnvError, match=f"^{name} must be a URL that starts with {URLS[name]}:") as error:
        given(**{name: text})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("rest", ["u:hunter2/3@h/d", "u:hunter2#@h", "h:99999", "[::1"])
def test_an_unreadable_url_is_named_without_the_password_in_it(name: str, rest: str) -> None:
    with pytest.raises(EnvError, match=f"^{name} must be a URL") as error:
        given(**{name: f"{URLS[name]}://{rest}"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "postgres://u:p@h:5432/d"),
        ("DATABASE_URL", "postgresql://u@h/d"),
        ("DATABASE_URL", "sqlite:////tmp/x.sqlite3"),
        ("REDIS_URL", "redis://h:6379/0"),
        ("REDIS_URL", "rediss://h"),
        ("REDIS_URL", "unix:///run/redis.sock"),
    ],
)
def test_a_url_of_the_right_kind_is_kept_unchanged(name: str, text: str) -> None:
    assert getattr(given(**{name: text}), name.lower()) == text


@pytest.mark.parametrize(
    ("text", "brokers"),
    [
        ("mqtt://bridge:p@h:1883", {"main": "mqtt://bridge:p@h:1883"}),
        ("roof=mqtts://h?ca=/etc/ca.pem", {"roof": "mqtts://h?ca=/etc/ca.pem"}),
        ("mqtt://h?ca=a=b", {"main": "mqtt://h?ca=a=b"}),
        (
            "roof=mqtts://bridge@10.0.0.2,cellar=mqtt://[::1]:1884",
            {"roof": "mqtts://bridge@10.0.0.2", "cellar": "mqtt://[::1]:1884"},
        ),
        (
            " mqtt://a  ,\n mqtt://b.example\tlast=mqtt://c, ",
            {"main": "mqtt://a", "b.example": "mqtt://b.example", "last": "mqtt://c"},
        ),
        (" , ", {}),
    ],
)
def test_brokers_have_names_and_keep_their_order(text: str, brokers: dict[str, str]) -> None:
    assert list(given(MQTT_URL=text).brokers.items()) == list(brokers.items())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mqtt://u:hunter2@h,mqtt://u:hunter2@b,mqtt://b:1884", "has two brokers 'b'"),
        ("roof=mqtt://u:hunter2@h roof=mqtt://u:hunter2@b", "has two brokers 'roof'"),
        ("main=mqtt://u:hunter2@h,main=mqtt://b", "has two brokers 'main'"),
        ("mqtt://u:hunter2@h,mqtt://u:hunter2@[::1]", "names a broker with something other than"),
        ("=mqtt://u:hunter2@h", "names a broker with something other than"),
        ("rôof=mqtt://u:hunter2@h", "names a broker with something other than"),
        (f"{'x' * 65}=mqtt://u:hunter2@h", "names a broker with something other than"),
        ("roof=http://u:hunter2@h", "must be a URL that starts with mqtt:"),
        ("mqtt://u:hunter2,3@h", "must be a URL"),
        ("mqtt://h,hunter2", "must be a URL"),
    ],
)
def test_ambiguous_brokers_are_named_without_the_password(text: str, problem: str) -> None:
    with pytest.raises(EnvError, match=f"^MQTT_URL {problem}") as error:
        given(MQTT_URL=text)
    assert "hunter2" not in str(error.value)


def test_a_data_folder_may_be_anywhere() -> None:
    assert given(DATA_DIR="state").data_dir == BASE / "state"
    assert given(DATA_DIR="/var/lib/hubbub").data_dir == Path("/var/lib/hubbub")


def test_origins_are_the_hub_s_own_addresses() -> None:
    env = given(PORT="8080", PUBLIC_URL="http://hub.example.org/, http://10.0.0.7:8000,")
    assert env.origins == [
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://hub.example.org",
        "http://10.0.0.7:8000",
    ]
    assert env.hosts == ["localhost", "127.0.0.1", "hub.example.org", "10.0.0.7"]


@pytest.mark.parametrize("other", ["", ",http://10.0.0.7:8000"])
def test_next_to_an_https_address_the_hub_s_own_ones_are_hosts_but_not_origins(other: str) -> None:
    """Health checks ask for them; a page from there must not act for anybody."""
    env = given(PUBLIC_URL=f"https://hub.example.org{other}", BIND="10.0.0.8")
    assert env.origins == ["https://hub.example.org", *filter(None, [other[1:]])]
    assert {"localhost", "127.0.0.1", "10.0.0.8", "hub.example.org"} <= set(env.hosts)
    assert env.requires_tls is not bool(other)


@pytest.mark.parametrize("name", ["BIND", "PUBLIC_URL"])
def test_ipv6_hosts_have_brackets_as_in_the_host_header(name: str) -> None:
    given_address = {"BIND": "fd00::7", "PUBLIC_URL": "http://[fd00::7]:8000"}[name]
    assert "[fd00::7]" in given(**{name: given_address}).hosts


def test_a_password_in_a_file_becomes_part_of_the_url(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a/b@c\n")
    file = f"password_file={tmp_path / 'password'}"
    assert with_password("REDIS_URL", f"redis://h:6379/0?{file}") == "redis://:a%2Fb%40c@h:6379/0"
    assert with_password("REDIS_URL", f"rediss://u@h?db=2&{file}") == "rediss://u:a%2Fb%40c@h?db=2"
    assert with_password("REDIS_URL", "redis://:p@h?db=2") == "redis://:p@h?db=2"
    with pytest.raises(EnvError, match=r"^REDIS_URL has a password and a password_file"):
        with_password("REDIS_URL", f"redis://:p@h?{file}")


def test_the_bound_address_is_an_origin_unless_it_means_all() -> None:
    assert "http://10.0.0.7:8000" in given(BIND="10.0.0.7").origins
    assert "http://[fd00::7]:8000" in given(BIND="fd00::7").origins
    for everywhere in ("0.0.0.0", "::"):
        assert given(BIND=everywhere).origins == given().origins


def test_a_browser_leaves_port_80_out_of_an_origin() -> None:
    assert given(PORT="80").origins == ["http://localhost", "http://127.0.0.1"]


@pytest.mark.parametrize(
    "text",
    [
        "hub.example.org",
        "ftp://hub",
        "https://",
        "https://hub/path",
        "https://hub?x=1",
        "https://hub,nothing",
        "*",
        "https://[hub",
        "https://hub:99999",
        "https://hub#x",
        "https://alice@hub",
    ],
)
def test_an_invalid_public_address_is_named(text: str) -> None:
    with pytest.raises(EnvError, match=r"^PUBLIC_URL must be"):
        given(PUBLIC_URL=text)
