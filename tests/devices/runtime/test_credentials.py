from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from devices.runtime.credentials import hash_secret, hash_token, new_secret, new_token, secret_matches
from tests.support.servers import find


def test_secrets_and_tokens_hold_256_random_bits() -> None:
    assert len(bytes.fromhex(new_secret())) == 32
    assert len(base64.urlsafe_b64decode(new_token().removeprefix("hubbub_") + "=")) == 32
    assert len({new_secret() for _ in range(100)} | {new_token() for _ in range(100)}) == 200


def test_a_secret_matches_its_hash_and_no_other() -> None:
    secret = new_secret()
    hashed = hash_secret(secret)
    assert secret not in hashed
    assert secret_matches(secret, hashed)
    assert not secret_matches(new_secret(), hashed)
    assert not secret_matches("", hashed)
    assert not secret_matches(secret.upper(), hashed)


def test_equal_secrets_have_different_hashes() -> None:
    assert hash_secret("a") != hash_secret("a")


@pytest.mark.parametrize(
    "hashed", ["", "x", "$7$", "$7$101$!$!", "$7$many$AAAA$AAAA", "$7$0$AAAA$AAAA", "$6$101$AAAA$AAAA"]
)
def test_a_broken_hash_matches_nothing(hashed: str) -> None:
    assert not secret_matches("", hashed)


@pytest.mark.parametrize("secret", ["", "é🙂", "\ud800", "a\0b", "x" * 100_000])
def test_any_text_can_be_checked(secret: str) -> None:
    assert not secret_matches(secret, hash_secret("right"))
    assert len(hash_token(secret)) == 64


def test_a_hash_made_by_mosquitto_is_accepted(tmp_path: Path) -> None:
    file, secret = tmp_path / "passwords", new_secret()
    command = [find("mosquitto_passwd"), "-c", "-b", "-H", "sha512-pbkdf2", str(file), "pump-1", secret]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:  # older versions have no -H and use this hash by default
        subprocess.run([find("mosquitto_passwd"), "-c", "-b", str(file), "pump-1", secret], check=True)
    hashed = file.read_text().strip().removeprefix("pump-1:")
    assert hashed.startswith("$7$")
    assert secret_matches(secret, hashed)
    assert not secret_matches(new_secret(), hashed)
