"""The link: carries a tape to the ledger over MQTT, for weeks offline if it must."""

import logging
import sqlite3
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ledger.events import wire
from scanners.sending import Sending
from scanners.tape import Tape
from scanners.tcp import no_delay

log = logging.getLogger("suyuan.link")

KEEPALIVE_S = 30
RECONNECT_MAX_S = 30
# How often the link looks for work when nobody wakes it.
IDLE_S = 0.5
STATE_S = 30.0
# How long a broker that is reached may bring no answer before intake itself is asked; then twice as long, and so on.
UNHEARD_S, UNHEARD_MAX_S = 2.0, 60.0
DRAINED_S = 2.0

Listener = Callable[[wire.AnswerBody], None]
# Takes a retained message of the ledger's; False for one that is not its own, or an older one.
Taker = Callable[[bytes], bool]
# Hands an envelope to intake itself and returns its answer, if there is one.
HandIn = Callable[[bytes], bytes | None]
# Puts an envelope on its way; tests and demonstrations send twice, late or in another order.
Publish = Callable[[str, bytes], None]


class BrokerAddress(NamedTuple):
    """Where a broker is, and how both sides know each other over TLS; in plain without."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class Retained(NamedTuple):
    """What the broker keeps for whoever comes: its topics, and of the stop list the version known here."""

    topics: Mapping[str, Taker]
    stops: Callable[[], int]


class Link:
    """One tape's connection to its ledger: batches out, answers in, state retained with a will."""

    def __init__(
        self,
        tape: Tape,
        sending: Sending,
        *,
        ledger: str,
        broker: BrokerAddress,
        on_answer: Listener | None = None,
        retained: Retained | None = None,
        publish: Publish | None = None,
        hand_in: HandIn | None = None,
    ) -> None:
        self._hand_in = hand_in
        self._heard, self._patience = time.monotonic(), UNHEARD_S
        topics, self._stops = retained or Retained({}, lambda: 0)
        self._retained = dict(topics)
        self._tape = tape
        self._sending = sending
        self._ledger = ledger
        self._address = (broker.host, broker.port)
        self._on_answer = on_answer
        self._publish = publish or self._send
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._online = False
        self._said = float("-inf")
        self._said_waiting = self._said_stops = 0
        # Whether it was ever tried, and ever came through: what a hand is told at the end.
        self.started = False
        self.reached = False
        self._client = mqtt.Client(
            # Nobody else knows it: who connected under it would throw this one out.
            CallbackAPIVersion.VERSION2,
            client_id=f"suyuan-{uuid.uuid4()}",
            clean_session=True,
        )
        if broker.tls is not None:
            self._client.tls_set_context(broker.tls)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived
        self._client.on_socket_open = no_delay
        self._client.reconnect_delay_set(1, RECONNECT_MAX_S)
        self._session = str(uuid.uuid4())
        will = self._signed_state(online=False)
        self._client.will_set(self._state_topic(), will, qos=1, retain=True)
        self._pump: threading.Thread | None = None

    @property
    def online(self) -> bool:
        """Whether the broker is reached; what the ledger has is said by receipts alone."""
        return self._online

    def start(self) -> None:
        """Connects in the background and keeps sending until `stop`."""
        self.started = True
        self._client.connect_async(*self._address, keepalive=KEEPALIVE_S)
        self._client.loop_start()
        self._pump = threading.Thread(target=self._run, daemon=True)
        self._pump.start()

    def wake(self) -> None:
        """Says that something was put on the tape."""
        self._wake.set()

    def stop(self) -> None:
        """Says good-bye and leaves the broker."""
        self._ended.set()
        self._wake.set()
        if self._pump is not None:
            self._pump.join(5)
        if self._online:
            self._say_state(online=False)
        self._client.disconnect()
        self._client.loop_stop()

    def tell(self, topic: str, payload: bytes) -> bool:
        """Says something that is nothing to keep; False while the broker is away, for it is gone then."""
        if not self._online:
            return False
        return self._client.publish(topic, payload, qos=0).rc == mqtt.MQTT_ERR_SUCCESS

    def wait_drained(self, timeout_s: float) -> bool:
        """Waits until every report has its receipt; False when the time ran out."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._tape.count_waiting() == 0:
                return True
            self.wake()
            time.sleep(0.02)
        return False

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(IDLE_S)
            self._wake.clear()
            try:
                self._ask_intake(time.monotonic())
                if not self._online:
                    continue
                with self._lock:
                    envelopes = self._sending.poll(time.monotonic())
                for envelope in envelopes:
                    topic = wire.batches_topic(self._ledger, self._tape.id)
                    self._publish(topic, envelope)
                if self._owes_state(time.monotonic() - self._said):
                    self._said = time.monotonic()
                    self._say_state(online=True)
            except (OSError, sqlite3.OperationalError) as error:
                log.warning("the tape cannot be read now: %s", error)

    def _ask_intake(self, now: float) -> None:
        """Asks intake itself when nothing comes back: a broker does nothing for who was revoked, and is silent about it."""
        if self._hand_in is None or not self.reached or self._tape.count_waiting() == 0:
            self._heard, self._patience = now, UNHEARD_S
            return
        if now < self._heard + self._patience:
            return
        self._heard, self._patience = now, min(UNHEARD_MAX_S, 2 * self._patience)
        with self._lock:
            envelope = self._sending.by_another_way(now)
        if envelope is not None and (answer := self._hand_in(envelope)) is not None:
            self._take_answer(answer)

    def _send(self, topic: str, envelope: bytes) -> None:
        self._client.publish(topic, envelope, qos=1)

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            log.warning("the broker refused the link: %s", code)
            return
        client.subscribe(wire.answers_topic(self._ledger, self._tape.id), qos=1)
        for topic in self._retained:
            client.subscribe(topic, qos=1)
        with self._lock:
            self._sending.connected()
        # What was said before may have been lost, and its will may stand in its place.
        self._said = float("-inf")
        self._online = self.reached = True
        self._wake.set()

    def _disconnected(self, _c: Any, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        self._online = False
        log.info("offline, the tape keeps everything: %s", code)

    def _arrived(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            self._take(message)
        except (OSError, sqlite3.OperationalError) as error:
            # What could not be noted comes again for the asking; the link must outlive a full disk.
            log.warning("what the ledger said could not be noted: %s", error)

    def _take(self, message: mqtt.MQTTMessage) -> None:
        for topic, take in self._retained.items():
            if mqtt.topic_matches_sub(topic, message.topic):
                # One that is cleared has no bytes; a whole list says how many parts it has.
                if message.payload and not take(bytes(message.payload)):
                    log.warning("%s: not the ledger's, or an older one, was ignored", topic)
                return
        self._take_answer(bytes(message.payload))

    def _take_answer(self, payload: bytes) -> None:
        with self._lock:
            body = self._sending.answered(payload, time.monotonic())
        if body is None:
            log.info("an answer that the ledger did not give to what was sent was ignored")
            return
        if isinstance(body, wire.Receipt):
            self._heard, self._patience = time.monotonic(), UNHEARD_S
        if self._on_answer is not None:
            self._on_answer(body)
        self._wake.set()

    def _owes_state(self, since_s: float) -> bool:
        if self._stops() != self._said_stops:
            # An officer who stopped something waits to see which scanners know.
            return True
        if since_s > DRAINED_S and self._said_waiting:
            # Who looks at the list of devices is not told of a heap that is long gone.
            return self._tape.count_waiting() == 0 or since_s > STATE_S
        return since_s > STATE_S

    def _say_state(self, *, online: bool) -> None:
        self._client.publish(
            self._state_topic(), self._signed_state(online=online), qos=1, retain=True
        )

    def _signed_state(self, *, online: bool) -> bytes:
        self._said_waiting, self._said_stops = self._tape.count_waiting(), self._stops()
        body = wire.encode(
            wire.DeviceState(
                device=self._tape.device,
                online=online,
                tape=self._tape.id,
                waiting=self._said_waiting,
                fill_percent=min(100, self._tape.fill_percent()),
                time=datetime.now(UTC),
                session=self._session,
                stops=self._said_stops,
            )
        )
        signature = self._tape.key.sign(wire.state_message(body))
        signed = wire.SignedState(body=body, key=self._tape.key.id, signature=signature)
        return wire.encode(signed)

    def _state_topic(self) -> str:
        return wire.state_topic(self._ledger, self._tape.device)
