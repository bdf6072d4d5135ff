from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.mqtt_tls import Certificate, CertificateUnusable
from tests.support.certificates import CertificateFiles, make_certificate


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_one_setting_without_the_other_is_named(files: CertificateFiles) -> None:
    with pytest.raises(CertificateUnusable, match="MQTT_TLS_CERT needs MQTT_TLS_KEY"):
        Certificate(files.cert, None)
    with pytest.raises(CertificateUnusable, match="MQTT_TLS_KEY needs MQTT_TLS_CERT"):
        Certificate(None, files.key)


def test_a_missing_file_is_named_with_its_setting(files: CertificateFiles, tmp_path: Path) -> None:
    with pytest.raises(CertificateUnusable, match=r"^MQTT_TLS_KEY: .*gone\.pem cannot be read: No such file"):
        Certificate(files.cert, tmp_path / "gone.pem")


def test_files_that_do_not_belong_together_are_refused(files: CertificateFiles, tmp_path: Path) -> None:
    other = make_certificate(tmp_path)
    with pytest.raises(CertificateUnusable, match="are not a certificate and its key in PEM"):
        Certificate(files.cert, other.key)


def test_replaced_files_are_loaded_and_bad_ones_reported(
    files: CertificateFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    used = CertificateFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
    shutil.copy(files.cert, used.cert)
    shutil.copy(files.key, used.key)
    certificate = Certificate(used.cert, used.key)
    certificate.reload_if_changed()
    assert caplog.text == ""
    used.cert.write_text("not a certificate")
    certificate.reload_if_changed()
    certificate.reload_if_changed()
    assert caplog.text.count("stays as it is: MQTT_TLS_CERT and MQTT_TLS_KEY") == 1
    make_certificate(tmp_path, "renewed")
    certificate.reload_if_changed()
    assert "the broker has a new certificate" in caplog.text
