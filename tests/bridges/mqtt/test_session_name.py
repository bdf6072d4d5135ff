from __future__ import annotations

from bridges.mqtt.session_name import SessionName, retired

SECRET, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2


def test_the_names_cannot_be_guessed_and_the_client_id_does_not_show_the_group() -> None:
    name = SessionName.of("hubbub-bridge-2", SECRET)
    assert name.group == f"hubbub-{SECRET}"
    assert name.client_id.startswith("hubbub-bridge-2-")
    assert len(bytes.fromhex(name.client_id.rsplit("-", 1)[1])) == 16
    assert SECRET not in name.client_id
    assert name.outbound_client_id == f"{name.client_id}-out"
    assert SECRET not in repr(name)


def test_bridges_of_one_broker_share_a_group_and_no_client_id() -> None:
    one, two = (SessionName.of(f"hubbub-bridge-{n}", SECRET) for n in (1, 2))
    assert one.group == two.group
    assert one.client_id != two.client_id


def test_names_under_earlier_secrets_and_before_there_were_any_are_retired() -> None:
    assert retired("hubbub-bridge-1", [OTHER]) == [
        SessionName("hubbub-bridge-1", "hubbub"),
        SessionName.of("hubbub-bridge-1", OTHER),
    ]
