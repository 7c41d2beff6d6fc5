"""MQTT 3.1.1 through paho: the only module that knows paho, and the rules that its behaviour makes necessary.

Each connection has a paho client of its own, used once. So nothing paho keeps can outlive a link (it would send all of
it at once on reconnect), and rebuilding the client after a dead network thread is the ordinary way and no special one.
The network thread is ours and only runs `Client.loop`; its callbacks only enqueue. A supervisor thread watches it.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sync.engine import tls as tls_files
from sync.engine import troubles
from sync.engine.tls import FilesError, TlsFiles
from sync.engine.transport import Chance, Clock, FullJitter, Inbox, LinkState, Message, Will, check_publish

log = logging.getLogger(__name__)

Positive = Annotated[int, msgspec.Meta(ge=1)]

_LOOP_TIMEOUT_S = 1.0
"""How long `Client.loop` sleeps at most; a publish or a byte from the broker wakes it at once."""
_GOODBYE_TIMEOUT_S = 1.0
"""How long a DISCONNECT may take to leave before the socket is shut."""


class MqttSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the broker is and how patient the link is. The credentials are handed in apart, never printed."""

    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    keepalive_s: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 30
    connect_timeout_ms: Positive = 5_000
    """For the TCP connect; `stop` may have to wait this long for a host that swallows packets."""
    handshake_timeout_ms: Positive = 10_000
    """From the start of an attempt until the subscriptions stand."""
    reconnect_base_ms: Positive = 1_000
    reconnect_cap_ms: Positive = 120_000
    stable_ms: Positive = 10_000
    """A link that stood this long resets the back-off; a flapping one does not."""
    outstanding_max: Positive = 64
    """Publishes without the broker's answer; above it nothing is accepted, for paho's queue must not be ours."""
    inbox_max: Positive = 1_024
    watch_ms: Positive = 500
    """How often the supervisor looks at a link; a thread that ends wakes it at once."""


class MqttTransport:
    """A `Transport` over a broker, kept connected until stopped."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        username: str,
        password: str,
        subscriptions: Sequence[str],
        clock: Clock,
        chance: Chance,
        will: Will | None = None,
        tls: Callable[[], TlsFiles] | None = None,
    ) -> None:
        """Set up; nothing is opened before `start`.

        Args:
            settings: where, and how patient.
            client_id: `{store}-{epoch}-{node}-{chance}` for a store, `hub-{tenant}-{chance}` for a hub; two clients with one id
                throw each other out, so a store must not be able to guess the hub's, nor a copy of a store its own.
            username: `store-<id>-<epoch>` or `hub`; the broker's rights hang on it. Empty where a certificate stands for it.
            password: the token of the user; never logged.
            subscriptions: topic filters, taken with QoS 1 and made again on each connection.
            clock: tells when a link has been stable and when a handshake took too long.
            chance: draws the reconnect delays.
            will: published by the broker, QoS 1, not retained, when the link ends without `stop`.
            tls: gives the files for a connection over TLS, 1.2 at least and with the host's name checked; None for none.
        """
        self._settings = settings
        self._client_id = client_id
        self._username = username
        self._password = password
        self._subscriptions = tuple(subscriptions)
        self._clock = clock
        self._will = will
        self._tls = tls
        self._backoff = FullJitter(settings.reconnect_base_ms, settings.reconnect_cap_ms, chance)
        self._inbox = Inbox(settings.inbox_max)
        self._publishing = threading.Lock()
        self._stopping = threading.Event()
        self._supervisor: threading.Thread | None = None
        self._link: Link | None = None
        self._refusal: str | None = None
        self._trouble = ""
        self._threads_died = 0

    @property
    def connected(self) -> bool:
        """Whether the link is up now."""
        link = self._link
        return link is not None and link.up

    @property
    def dropped(self) -> int:
        """How many incoming messages found the inbox full."""
        return self._inbox.dropped

    @property
    def refusal(self) -> str | None:
        """What the broker last refused (the sign-in, a subscription), in its words; None when it refused nothing."""
        return self._refusal

    @property
    def trouble(self) -> str:
        """Why the link does not stand, one of `troubles.CODES`; empty while it does, or before anything went wrong."""
        return "" if self.connected else self._trouble

    @property
    def network_threads_died(self) -> int:
        """How many network threads ended by an exception and were replaced."""
        return self._threads_died

    def start(self) -> None:
        """Begin to connect in the background; a second call is our own mistake."""
        assert self._supervisor is None, "a transport is started once"
        self._supervisor = threading.Thread(
            target=self._supervise, name=f"mqtt-supervisor-{self._client_id}", daemon=True
        )
        self._supervisor.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        """Hand a message to the link, see `Transport.publish`."""
        check_publish(topic, payload, qos)
        # This lock is never taken in a callback: paho holds locks of its own there and would deadlock with us.
        with self._publishing:
            link = self._link
            if link is None or not link.up or link.outstanding >= self._settings.outstanding_max:
                return False
            link.handed_over += 1
            try:
                return link.client.publish(topic, payload, qos=qos, retain=retain).rc is MQTTErrorCode.MQTT_ERR_SUCCESS
            except OSError:
                # Paho's own thread closed the link at this very moment: nothing was taken, and `poll` tells of the end.
                return False

    def renew(self) -> None:
        """End the connection, so that the next one has the certificate and the link keys of now."""
        link = self._link
        if link is not None:
            link.part()

    def listen(self, subscriptions: Sequence[str]) -> None:
        """Listen to other topics, see `MovingTransport.listen`."""
        with self._publishing:
            self._subscriptions = tuple(subscriptions)
            if self._link is not None:
                self._link.listen(self._subscriptions)

    def poll(self, timeout_s: float) -> Message | LinkState | None:
        """Give the next thing that happened, see `Transport.poll`."""
        return self._inbox.take(timeout_s)

    def stop(self) -> None:
        """Say goodbye, end both threads and wait for them; a second call does nothing."""
        self._stopping.set()
        link, supervisor = self._link, self._supervisor
        if link is not None:
            link.part()
        if supervisor is not None:
            supervisor.join()

    def _supervise(self) -> None:
        """Keep one link after the other until stopped; the back-off lies between them, not before the first."""
        while not self._stopping.is_set():
            link: Link | None = None
            try:
                with self._publishing:
                    # Whoever changes the topics finds either no link yet or this one, never one that is half made.
                    link = Link(self._new_client(), self._client_id, self._subscriptions, self._inbox)
                    self._link = link
                self._watch(link)
            except FilesError as error:
                # A key or certificate that cannot be read stays a state, not the end: it may be put right any minute.
                if self._trouble != "no_certificate":
                    log.error("transport.no_certificate", extra={"client": self._client_id, "error": str(error)})  # noqa: TRY400 - the sentence says it all
                self._trouble = "no_certificate"
            except Exception:  # the supervisor loop: what fails here must not end the reconnecting
                log.exception("transport.supervisor_failed", extra={"client": self._client_id})
            finally:
                if link is not None:
                    self._bury(link)
            if self._stopping.wait(self._backoff.next_ms() / 1_000):
                break

    def _watch(self, link: "Link") -> None:
        """Run a link and return when it is over: lost, refused, dead, too slow to come up, or no longer wanted."""
        settings = self._settings
        began_ms = self._clock.monotonic_ms()
        up_since_ms: int | None = None
        link.run(settings.host, settings.port, settings.keepalive_s)
        while not self._stopping.is_set():
            link.thread.join(settings.watch_ms / 1_000)
            if self._network_thread_ended(link):
                return
            now_ms = self._clock.monotonic_ms()
            if link.up and up_since_ms is None:
                up_since_ms = now_ms
                self._refusal = link.refusal
                self._trouble = ""
                log.info("transport.up", extra={"client": self._client_id, "refused": link.refusal})
            elif up_since_ms is None and now_ms - began_ms >= settings.handshake_timeout_ms:
                return
            elif up_since_ms is not None and now_ms - up_since_ms >= settings.stable_ms:
                self._backoff.reset()

    def _network_thread_ended(self, link: "Link") -> bool:
        """Look at the thread itself: after a raised callback paho still says it is connected (reference, §2)."""
        return not link.thread.is_alive()

    def _bury(self, link: "Link") -> None:
        """End a link for good and say why it ended."""
        link.part()
        link.bury()
        self._link = None
        if link.died:
            self._threads_died += 1
            log.error("transport.network_thread_died", extra={"client": self._client_id})
        if link.refusal is not None and link.refusal != self._refusal:
            log.warning("transport.refused", extra={"client": self._client_id, "reason": link.refusal})
        if link.refusal is not None:
            self._refusal = link.refusal
        # What says nothing about itself says nothing against what was known.
        if link.trouble and link.trouble != self._trouble:
            self._trouble = link.trouble
            log.warning("transport.trouble", extra={"client": self._client_id, "trouble": link.trouble})
        if link.was_up:
            log.info("transport.down", extra={"client": self._client_id})

    def _new_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        if self._username:
            client.username_pw_set(self._username, self._password)
        if self._tls is not None:
            client.tls_set_context(tls_files.context(self._tls()))
        client.connect_timeout = self._settings.connect_timeout_ms / 1_000
        client.max_inflight_messages_set(self._settings.outstanding_max)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=False)
        return client


class Link:
    """One connection: its client, its network thread, and what the callbacks learn about it."""

    def __init__(self, client: Client, client_id: str, subscriptions: Sequence[str], inbox: Inbox) -> None:
        self.client = client
        self.refusal: str | None = None
        self.trouble = ""
        self.up = False
        self.was_up = False
        self.died = False
        self.handed_over = 0
        self.thread = threading.Thread(target=self._carry, name=f"mqtt-network-{client_id}", daemon=True)
        self._subscriptions = subscriptions
        self._inbox = inbox
        self._answered = 0
        self._turning = threading.Lock()
        self._socket: socket.socket | None = None
        self._address = ("", 0, 0)
        client.on_socket_open = self._socket_opened
        # With a write callback set, paho never writes on the thread that publishes; the network thread does, alone.
        client.on_socket_register_write = self._write_wanted
        client.on_connect = self._connack
        client.on_subscribe = self._suback
        client.on_message = self._arrived
        client.on_publish = self._answer
        client.on_disconnect = self._disconnected
        client.on_log = self._logged

    @property
    def outstanding(self) -> int:
        """Publishes without the broker's answer. Each of the two counters has one writing thread, so no lock."""
        return self.handed_over - self._answered

    def run(self, host: str, port: int, keepalive_s: int) -> None:
        """Start the network thread, which connects and then carries."""
        self._address = (host, port, keepalive_s)
        self.thread.start()

    def listen(self, subscriptions: Sequence[str]) -> None:
        """Change what this connection listens to; one that does not stand yet will ask for the new topics.

        The two may cross with the first subscriptions of a connection: then it hears of too much, never of too little.
        """
        before, self._subscriptions = self._subscriptions, subscriptions
        fresh = [topic_filter for topic_filter in subscriptions if topic_filter not in set(before)]
        stale = [topic_filter for topic_filter in before if topic_filter not in set(subscriptions)]
        if self.client.is_connected():
            if fresh:
                self.client.subscribe([(topic_filter, 1) for topic_filter in fresh])
            if stale:
                self.client.unsubscribe(stale)

    def part(self) -> None:
        """Say goodbye if there is still someone to say it to, and leave anyway."""
        # A network thread that ends at this very moment closes the pair of sockets that paho wakes itself through.
        with contextlib.suppress(OSError):
            self.client.disconnect()

    def bury(self) -> None:
        """Wait for the network thread and give back every socket; called by the supervisor once."""
        while self.thread.is_alive():
            self.thread.join(_GOODBYE_TIMEOUT_S)
            # Each time anew: a connect that takes longer than the goodbye has its socket only afterwards.
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        self._fall()
        # Closes paho's sockets and forgets the callbacks, which hold this link.
        self.client.reinitialise()

    def _carry(self) -> None:
        """Connect, then run paho's loop until the link is over. An exception of a callback ends this thread."""
        self.died = True  # until one of the two ordinary ends is reached
        host, port, keepalive_s = self._address
        try:
            self.client.connect(host, port, keepalive_s)
        except OSError as error:
            log.debug("transport.no_broker", extra={"host": host, "port": port, "error": str(error)})
            self.trouble = troubles.of_error(error)
            self.died = False
            return
        while self.client.loop(_LOOP_TIMEOUT_S) is MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        self.died = False

    def _rise(self) -> None:
        with self._turning:
            if not self.up:
                self.up = self.was_up = True
                self._inbox.tell(LinkState.UP)

    def _fall(self) -> None:
        with self._turning:
            if self.up:
                self.up = False
                self._inbox.tell(LinkState.DOWN)

    # What follows runs on the network thread, with locks of paho's held: it only notes and enqueues.

    def _socket_opened(self, _client: Client, _userdata: object, opened: object) -> None:
        if isinstance(opened, socket.socket):
            self._socket = opened
            # paho leaves Nagle on: 40 ms a round trip, measured as a factor of 6.2 with one batch in flight.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _write_wanted(self, _client: Client, _userdata: object, _socket: object) -> None:
        """Nothing to do: `Client.loop` asks by itself whether there is something to write."""

    def _connack(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.refusal = f"sign-in: {reason}"
            self.trouble = "sign_in_refused"
        elif self._subscriptions:
            client.subscribe([(topic_filter, 1) for topic_filter in self._subscriptions])
        else:
            self._rise()

    def _suback(
        self, _client: Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [topic for topic, reason in zip(self._subscriptions, reasons, strict=False) if reason.is_failure]
        if refused:
            self.refusal = f"subscription: {', '.join(refused)}"
        self._rise()

    def _arrived(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        # A broker may send retained messages before it confirms the subscription (MQTT 3.1.1 §3.8.4).
        self._rise()
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        self._inbox.add(Message(topic, bytes(message.payload), message.retain))

    def _answer(
        self, _client: Client, _userdata: object, _mid: int, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._answered += 1

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._fall()

    def _logged(self, _client: Client, _userdata: object, level: int, line: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self.trouble = troubles.of_text(line) or self.trouble
