from pathlib import Path

import pytest

from bridges.mqtt.address import AddressError, BrokerAddress, FileUnusable


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://127.0.0.1:18830", BrokerAddress("127.0.0.1", 18830)),
        ("mqtt://bridge:pa%2Fss@broker.example", BrokerAddress("broker.example", 1883, "bridge", "pa/ss")),
        ("mqtts://broker.example", BrokerAddress("broker.example", 8883, tls=True)),
        ("mqtt://[::1]:1884", BrokerAddress("::1", 1884)),
        ("mqtts://h?ca=/a%20b/ca.pem", BrokerAddress("h", 8883, tls=True, ca=Path("/a b/ca.pem"))),
        (
            "mqtts://bridge@h/?cert=c.pem&key=k.pem&password_file=p",
            BrokerAddress(
                "h", 8883, "bridge", tls=True, cert=Path("c.pem"), key=Path("k.pem"), password_file=Path("p")
            ),
        ),
    ],
)
def test_finds_host_port_and_login(url: str, broker: BrokerAddress):
    assert BrokerAddress.from_url(url) == broker


@pytest.mark.parametrize(
    "url",
    [
        "",
        "broker.example:1883",
        "http://broker.example",
        "mqtt://",
        "mqtt://h:99999",
        "mqtt://h:x",
        "mqtt://a..b",
        "mqtt://h/path",
        "mqtt://h#hunter2",
        "mqtts://h?hunter2=/ca.pem",
        "mqtts://h?ca",
        "mqtts://h?ca=",
        "mqtts://h?ca=a&ca=b",
        "mqtt://h?ca=/ca.pem",
        "mqtts://h?key=/key.pem",
        "mqtt://h?password_file=/p",
        "mqtt://u:hunter2@h?password_file=/p",
    ],
)
def test_refuses_what_is_not_an_address(url: str):
    with pytest.raises(AddressError) as caught:
        BrokerAddress.from_url(url)
    assert "hunter2" not in str(caught.value)


def test_reads_the_password_of_a_file(tmp_path: Path):
    (tmp_path / "password").write_text("hunter2 \n")
    address = BrokerAddress.from_url(f"mqtt://bridge@h?password_file={tmp_path}/password")
    assert address.password is None
    assert address.with_secrets() == BrokerAddress("h", 1883, "bridge", "hunter2 ")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("ca={0}/none", "ca: {0}/none cannot be used: No such file or directory"),
        ("ca={0}", "ca: {0} cannot be used: Is a directory"),
        ("ca={0}/nonsense", "ca: {0}/nonsense cannot be used"),
        ("cert={0}/none", "cert: {0}/none cannot be used: No such file or directory"),
        ("cert={0}/nonsense&key={0}/none", "key: {0}/none cannot be used: No such file or directory"),
        ("cert={0}/nonsense", "cert, key: {0}/nonsense and {0}/nonsense are not a certificate and its key in PEM"),
        ("password_file={0}/none", "password_file: {0}/none cannot be used: No such file or directory"),
        ("password_file={0}/empty", "password_file: {0}/empty is empty"),
        ("password_file={0}/bytes", "password_file: {0}/bytes cannot be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, query: str, problem: str):
    (tmp_path / "nonsense").write_text("no PEM")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    address = BrokerAddress.from_url(f"mqtts://u@h?{query.format(tmp_path)}")
    with pytest.raises(FileUnusable) as caught:
        address.with_secrets()
    assert str(caught.value).startswith(problem.format(tmp_path))


def test_another_program_gets_the_authorities_and_no_login():
    address = BrokerAddress.from_url("mqtts://u:hunter2@h?ca=/a%20b/ca.pem&cert=/c.pem")
    assert address.for_others() == "mqtts://h:8883?ca=%2Fa%20b%2Fca.pem"
    assert BrokerAddress.from_url(address.for_others()).ca == Path("/a b/ca.pem")
    assert BrokerAddress("h", 1883, "u", "hunter2").for_others() == "mqtt://h:1883"


def test_does_not_repeat_a_password():
    with pytest.raises(AddressError) as caught:
        BrokerAddress.from_url("http://user:hunter2@broker.example")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(address := BrokerAddress.from_url("mqtt://user:hunter2@broker.example"))
    assert "hunter2" not in repr(address)


def test_prints_without_the_login():
    assert str(BrokerAddress.from_url("mqtt://me@[::1]:1884")) == "mqtt://[::1]:1884"
