// The shapes of what the hub sends, as docs/protocol/websocket.md describes them.

export type Value = number | boolean | string;
/** A time in milliseconds and the value that was reported for it. */
export type Point = [ms: number, value: Value];
/** The points of each metric, oldest first. */
export type PointsByMetric = Record<string, Point[]>;
/** The newest point of each metric. */
export type Latest = Record<string, Point>;
export type Attributes = Record<string, Value>;
/** The name under which a device sends a metric, and the name that it was given. */
export type Aliases = Record<string, string>;
export type Status = "online" | "offline" | "stale" | "unknown";

export interface DeviceSnapshot {
  device: { uid: string; name: string; attributes: Attributes; aliases?: Aliases; clock_offset_s?: number };
  availability: Status;
  availability_at: number | null;
  via?: string;
  latest: Latest;
}

export interface AvailabilityPush {
  device: string;
  status: Status;
  at: number;
  via?: string;
}

export type CommandStatus = "queued" | "sent" | "succeeded" | "failed" | "timed_out" | "unconfirmed";

export interface CommandPush {
  id: string;
  device: string;
  name: string;
  args?: Record<string, unknown>;
  status: CommandStatus;
  result?: unknown;
  error?: string;
  by?: string;
  at?: number;
  issued_at?: number;
  changed_at?: number;
  expires_at?: number;
  /** The answer came after the command had ended; `error` is empty if the device has done it. */
  late?: boolean;
}

export interface WireError {
  code: string;
  message: string;
  retry: boolean;
}

export interface FileInfo {
  id: number;
  name: string;
  size: number;
  width?: number;
  height?: number;
}

/** An entry of a room's log. */
export interface Entry {
  seq: number;
  at: number;
  kind: string;
  origin: string;
  author: string;
  text: string;
  key?: string;
  /** The entry that an edit, a removal or an answer belongs to. */
  of?: number;
  /** Depends on the kind: mentions and values of a message, name and arguments of a command, status of an answer. */
  data?: any;
  files?: FileInfo[];
  edited_at?: number;
  removed_at?: number;
  removed_by?: string;
}

/** The snapshot of a room: its last entries, or those after the requested seq. */
export interface RoomSnapshot {
  messages: Entry[];
  seq: number;
  presence: string[];
  read?: number;
  unread?: number;
}

export type MessagePush = Entry & { type: "message"; room: number };

export interface ActivityPush {
  type: "activity";
  room: number;
  seq: number;
  at: number;
  author: string;
  text: string;
  mention: boolean;
}

export interface DirectPush {
  type: "direct";
  from: string;
  to: string;
  room: number;
  seq: number;
  at: number;
  text: string;
}

export interface ReadPush {
  type: "read";
  room: number;
  seq: number;
  unread: number;
  mentions: number;
  /** The room's newest seq when the hub counted. */
  newest?: number;
}

export type ConnectionState = "connecting" | "open" | "waiting" | "stopped";

/** What a connection emits: its own state, and every push under its type. */
export interface ConnectionEvents {
  state: { state: ConnectionState; retryAt?: number; signIn?: boolean };
  welcome: { type: "welcome"; user: string; time: number };
  telemetry: { type: "telemetry"; n: number; devices: Record<string, PointsByMetric>; dropped?: number };
  availability: AvailabilityPush;
  command: CommandPush;
  message: MessagePush;
  presence: { room: number; joined: string[]; left: string[] };
  typing: { room: number; user: string };
  activity: ActivityPush;
  direct: DirectPush;
  read: ReadPush;
  resync: { streams: string[]; reason: string };
  unsubscribed: { stream: string; reason?: string };
  ping: unknown;
}
