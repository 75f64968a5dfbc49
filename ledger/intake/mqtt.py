"""Intake over MQTT: batches in, answers out; the broker is a pipe that proves nothing."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ledger.events import wire
from ledger.intake.committer import Committer
from ledger.limits import Buckets
from ledger.settings import Settings

log = logging.getLogger("suyuan.intake")

KEEPALIVE_S = 30
# Answers are small and a broker that is away takes none; what is lost is asked for again.
RECONNECT_MAX_S = 5


# Batches of one tape: more than any scanner makes, less than would hold the others up.
TAPE_PER_S, TAPE_BURST = 500.0, 2000.0
# One line in so many: the flood shall not go on in the log.
FLOODS_TOLD = 10_000


class MqttIntake:
    """Subscribes to the batches of all tapes of a ledger and publishes the committer's answers."""

    def __init__(
        self,
        committer: Committer,
        *,
        ledger: str,
        host: str,
        port: int,
        share: str,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._committer = committer
        self._ledger = ledger
        # What a broker that has just started must be told.
        self.on_connected: list[Callable[[], None]] = []
        # Takes what a device says of itself: (device, payload, whether the broker had kept it).
        self.on_state: Callable[[str, bytes, bool], None] | None = None
        # Takes what a kiosk's scanner says is held before it: (device, payload).
        self.on_look: Callable[[str, bytes], None] | None = None
        self._by_tape = Buckets(per_s=TAPE_PER_S, burst=TAPE_BURST, monotonic=time.monotonic)
        self.flooded = 0
        self._address = (host, port)
        pattern = wire.batches_topic(ledger, "+")
        self._topic = f"$share/{share}/{pattern}" if share else pattern
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.on_connect = self._connected
        self._client.on_message = self._arrived
        self._client.on_socket_open = no_delay
        self._client.reconnect_delay_set(1, RECONNECT_MAX_S)

    def start(self) -> None:
        """Connects in the background and stays connected; a broker that is away is tried again."""
        self._client.connect_async(*self._address, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Leaves the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        """Whether the broker is reached, and somebody listens to it here."""
        thread = self._client._thread
        return bool(self._client.is_connected()) and thread is not None and thread.is_alive()

    def retain(self, topic: str, payload: bytes) -> None:
        """Leaves a message on its topic for whoever subscribes; nothing while the broker is away."""
        if self._client.is_connected():
            self._client.publish(topic, payload, qos=1, retain=True)

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            log.warning("the broker refused intake: %s", code)
            return
        client.subscribe(self._topic, qos=1)
        if self.on_state is not None:
            client.subscribe(wire.state_topic(self._ledger, "+"), qos=1)
        if self.on_look is not None:
            client.subscribe(wire.looks_topic(self._ledger, "+"), qos=1)
        for tell in self.on_connected:
            tell()
        log.info("intake listens on %s at %s:%s", self._topic, *self._address)

    def _arrived(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            self._take(message)
        except Exception:
            # paho's thread would end with it, and nothing would be heard of anybody any more.
            log.exception("a message could not be taken", extra={"topic": message.topic[:200]})

    def _take(self, message: mqtt.MQTTMessage) -> None:
        if self._by_tape.take(message.topic):
            # One that floods waits for its answers as others do; it sends again.
            self.flooded += 1
            if self.flooded % FLOODS_TOLD == 1:
                log.warning("a flood is dropped", extra={"topic": message.topic[:200]})
            return
        if self.on_state is not None and message.topic.endswith("/state"):
            self.on_state(message.topic.split("/")[-2], bytes(message.payload), message.retain)
            return
        if self.on_look is not None and message.topic.endswith("/looks"):
            self.on_look(message.topic.split("/")[-2], bytes(message.payload))
            return
        if not self._committer.submit(bytes(message.payload), self._reply):
            log.warning("the queue is full; a batch was left to be sent again")

    def _reply(self, tape: str, answer: bytes) -> None:
        self._client.publish(wire.answers_topic(self._ledger, tape), answer, qos=0)


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Returns how intake checks its broker and shows that it is intake; None for a broker in plain."""
    if not settings.mqtt_authority:
        return None
    context = ssl.create_default_context(cafile=settings.mqtt_authority)
    if settings.mqtt_certificate:
        context.load_cert_chain(settings.mqtt_certificate, settings.mqtt_key)
    return context


def no_delay(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    """Switches Nagle's algorithm off; with it a scan's round trip is 90 ms instead of 2."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
