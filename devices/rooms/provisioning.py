"""The effects of spaces, members and devices in rooms.

A space begins with its General room, a device with a room of its own; a new member is welcomed in every room of the
space, and a device that moves takes its room along.
"""

from __future__ import annotations

import secrets

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from devices.channel import fanout
from devices.channel.events import MessagesStored
from devices.errors import Invalid, Refusal
from devices.log import entries, origins
from devices.log.entries import NewEntry
from devices.log.models import Room
from devices.registry import devices
from devices.registry.models import Device
from devices.registry.sources import addresses
from devices.registry.sources.models import FoundDevice, Source
from devices.rooms import read_markers, rooms, webhooks
from devices.rooms.models import Webhook
from devices.spaces import members, spaces
from devices.spaces.models import Member, Space
from devices.values import MessageKind, Role, now_us

MAX_CHILDREN = 1_000
"""Devices that a gateway may speak for."""


def create_space(slug: str, name: str, manager: AbstractBaseUser) -> Space:
    """A new space with its first manager and its first room.

    Raises `Invalid` on a bad or taken slug and on a bad name.
    """
    with transaction.atomic():
        space = spaces.create(slug, name)
        rooms.create(space, rooms.GENERAL)
        set_role(space, manager, Role.MANAGER)
    return space


def set_role(space: Space, person: AbstractBaseUser, role: Role) -> None:
    """Makes the person a member with this role, and welcomes a new one.

    Raises `Invalid` if nobody would be left to manage the space.
    """
    with transaction.atomic():
        if members.set_role(space, person, role):
            webhooks.give_way(space, person.get_username())
            events = _welcome(space, person)
            transaction.on_commit(lambda: fanout.publish_from_sync(events))


def create_device(
    uid: str, space: Space, name: str = "", broker: str = "", *, is_gateway: bool = False
) -> tuple[Device, str]:
    """A new device with its room, and the device's secret. Takes and raises what `registry.devices.create` does."""
    with transaction.atomic():
        device, secret = devices.create(uid, space, name, broker, is_gateway=is_gateway)
        Room.objects.create(space_id=device.space_id, device=device)
    return device, secret


def add_child(gateway_id: int, uid: str) -> None:
    """Makes the gateway speak for the device of this uid, which is created if there is none.

    Raises `Refusal` where it may not: a device that exists must be of the gateway's space, never have sent anything,
    and belong to no other gateway and no source.
    """
    with transaction.atomic():
        gateway = Device.objects.select_for_update(no_key=True).get(pk=gateway_id)
        device = Device.objects.select_for_update(no_key=True).filter(uid=uid).first()
        if device is not None and not _may_become_child(device, gateway):
            raise Refusal("not_a_child", key=uid)
        if gateway.children.count() >= MAX_CHILDREN:
            raise Refusal("too_many_children", key=uid)
        try:
            device = device or create_device(uid, gateway.space)[0]
        except Invalid:  # another process has created it since
            raise Refusal("not_a_child", key=uid) from None
        device.gateway, device.broker = gateway, gateway.broker
        device.save(update_fields=["gateway", "broker"])


def _may_become_child(device: Device, gateway: Device) -> bool:
    is_free = not device.heard_at and device.gateway_id is None and not device.is_gateway
    return is_free and device.space_id == gateway.space_id and not device.addresses.exists()


def adopt(source: Source, found: FoundDevice, uid: str = "", name: str = "", *, answers: bool = False) -> Device:
    """Makes a device of one that was found at the source, with what is known of it. `uid` may be that of a device of
    the same space, which then gets the address. Raises `Invalid`.

    `answers`: whether devices of its convention answer commands.
    """
    with transaction.atomic():
        device = _without_address(source, uid) if uid else None
        if device is None:
            device, _ = create_device(
                uid or _free_uid(found), source.space, _display_name(name or found.name or found.address)
            )
            device.attributes, device.answers = found.attributes, answers
            device.save(update_fields=["attributes", "answers"])
        addresses.assign(source, found.address, device, found.name)
    return device


def _free_uid(found: FoundDevice) -> str:
    """Made from its key. A device of that uid may be a quite different one, which must not be taken over."""
    taken = Device.objects.filter(uid=found.key).exists()
    return f"{found.key[:55]}-{secrets.token_hex(4)}" if taken else found.key


def _display_name(text: str) -> str:
    """A device may call itself anything."""
    return "".join(char for char in text if char.isprintable())[:120]


def _without_address(source: Source, uid: str) -> Device | None:
    """The device of this uid, if it can get the address: it is in the source's space and has none."""
    return Device.objects.filter(uid=uid, space=source.space_id, addresses__isnull=True).first()


def move_device(device: Device, space: Space) -> None:
    """Puts the device, with its readings and its room, into another space.

    The log goes with the device: people who may watch it now may read everything in it. Webhooks end, since
    programs of the space before know their addresses.
    """
    with transaction.atomic():
        before = device.space
        devices.move(device, space)
        Room.objects.filter(device=device.pk).update(space=space)
        Webhook.objects.filter(room__device=device.pk).delete()  # in this order: making a webhook locks the room
        stay = Member.objects.filter(space=before).values("user")
        new = Member.objects.filter(space=space).exclude(user__in=stay)
        read_markers.skip(new.values_list("user", flat=True), Room.objects.filter(device=device.pk))


def _welcome(space: Space, person: AbstractBaseUser) -> list[MessagesStored]:
    """Announces a new member in every room of the space; no earlier message counts as unread for them."""
    now, origin = now_us(), origins.of_person(person)
    joined = [
        NewEntry(
            room_id=room_id,
            kind=MessageKind.JOINED,
            at=now,
            origin=origin,
            by=person.get_username(),
            author_id=person.pk,
        )
        for room_id in Room.objects.filter(space=space).values_list("pk", flat=True)
    ]
    written = entries.append(joined)
    read_markers.skip([person.pk], [message.room for message in written.messages])
    return written.events
