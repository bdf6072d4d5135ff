from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.deploy.client import ORIGIN, Browser, Device, make_certificate, secret_in
from tests.deploy.containers import Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All containers of the file, with TLS at the proxy."""
    folder = tmp_path_factory.mktemp("stack")
    made = Stack(folder, PUBLIC_URL=ORIGIN, SCHEME="https", MQTT_PUBLIC_URL="mqtt://mqtt.hub.test")
    make_certificate(folder, made["proxy"].address)
    if os.getuid() == 0:
        (folder / "server.key").chmod(0o644)  # as documented, since nginx is not root in its container
    with made:
        yield made


@pytest.fixture(scope="package")
def manager(stack: Stack) -> Browser:
    """The first manager of the first space."""
    *_, password = stack.manage("createspace", "lab", "--name", "Lab", "--manager", "anna").split()
    browser = Browser(stack["proxy"].address, stack.folder)
    assert browser.sign_in("anna", password).headers["location"] == "/"
    return browser


@pytest.fixture(scope="package")
def pump(stack: Stack, manager: Browser) -> Iterator[Device]:
    """A device that was added on the page a moment before it connects."""
    device = Device(stack["mosquitto"].address, "pump", secret_in(manager.add_device("pump")))
    device.await_connection()
    yield device
    device.stop()
