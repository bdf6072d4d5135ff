"""What the endpoints of rooms take and give, as the OpenAPI document shows it.

Times are milliseconds since 1970 UTC. Fields with a default are left out where they do not apply.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from devices.log.models import MAX_KEY
from devices.log.text import MAX_TEXT

MAX_SEQ = 2**63 - 1

Seq = Annotated[int, Field(ge=0, le=MAX_SEQ)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RoomFacts(BaseModel):
    id: int
    name: str = Field(description="the device's, the room's own, or the username of the other in a conversation")
    device: str | None = Field(description="uid of the device whose room it is")
    space: str | None = Field(description="slug; null for a conversation of two people")
    seq: int = Field(description="of the newest message")
    read: int = Field(description="seq up to which you have read")
    unread: int = Field(description="chat messages after that")
    mentions: int = Field(description="those of them that name you")
    active_at: int | None = Field(description="when somebody last said something")
    with_: str = Field("", alias="with", description="username of the other; in a conversation alone")


class RoomList(BaseModel):
    items: list[RoomFacts] = Field(description="the newest talk first")
    count: int = Field(description="all that there are, whatever the limit")


class RoomName(_Given):
    name: str


class FileFacts(BaseModel):
    """Where `width` and `height` are there, it is an image that browsers may show."""

    id: int
    name: str
    type: str = Field(description="media type; of an image as recognised, else guessed by the name")
    size: int = Field(description="bytes")
    width: int = 0
    height: int = 0


class MessageFacts(BaseModel):
    seq: int = Field(description="place in the room's log, from 1, without holes")
    at: int
    kind: str = Field(description="chat, command, answer, note, chart, availability, joined, edit or removal")
    origin: str = Field(description="person, bot, device or hub")
    author: str
    text: str
    data: dict[str, Any] = Field({}, description="by kind")
    key: str = Field("", description="the sender's own name for it")
    of: int = Field(0, description="seq of the message that is answered, edited or removed")
    edited_at: int = 0
    removed_at: int = 0
    files: list[FileFacts] = []


class MessageList(BaseModel):
    seq: int = Field(description="of the room's newest message: while the last item is below it there are more")
    items: list[MessageFacts] = Field(description="oldest first")


class FoundMessage(MessageFacts):
    id: int
    room: int


class FoundList(BaseModel):
    items: list[FoundMessage] = Field(description="newest first")
    next: int | None = Field(description="`before` of the next page; null after the last one")


class RevisionFacts(BaseModel):
    text: str
    until: int = Field(description="when it was edited or removed")
    by: str = Field(description="who did it")


class RevisionList(BaseModel):
    items: list[RevisionFacts] = Field(description="oldest first; without the text that stands now")


class NewMessage(_Given):
    text: str = Field(description=f"1 to {MAX_TEXT:,} characters; what begins with / is a chat command")
    key: str | None = Field(
        None, description=f"your own name for it, up to {MAX_KEY} characters: sent again it is the same message"
    )


class NewText(_Given):
    text: str


class Posted(BaseModel):
    seq: int


class DirectPosted(BaseModel):
    room: int = Field(description="the conversation of the two")
    seq: int


class ReadUpTo(_Given):
    seq: Seq


class MemberFacts(BaseModel):
    username: str
    bot: bool = Field(description="a program with an account of its own")


class MemberList(BaseModel):
    items: list[MemberFacts]


class PersonFacts(MemberFacts):
    blocked: bool = Field(description="you take no private messages of theirs")


class PersonList(BaseModel):
    items: list[PersonFacts]


class ChatCommandFacts(BaseModel):
    name: str
    usage: str = Field(description="such as `/get METRIC`")
    help: str


class ChatCommandList(BaseModel):
    items: list[ChatCommandFacts]


class ConversationFacts(RoomFacts):
    last: MessageFacts | None


class Inbox(BaseModel):
    direct: int = Field(description="unread private messages")
    mentions: int = Field(description="unread messages, in any room, that name you")
    unread: int = Field(description="unread messages in rooms of spaces")
    conversations: list[ConversationFacts] = Field(description="at most 200, the newest talk first")
    rooms: list[RoomFacts] = Field(description="those with something unread; at most 200")


class WebhookFacts(BaseModel):
    id: int
    name: str = Field(description="in whose name it speaks")
    created_by: str | None
    created_at: int


class WebhookList(BaseModel):
    items: list[WebhookFacts]


class WebhookName(_Given):
    name: str = Field(description="1 to 64 printable characters")


class WebhookMade(WebhookFacts):
    url: str = Field(description="where to post; shown this once")
