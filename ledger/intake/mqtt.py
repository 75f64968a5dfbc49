"""Intake over MQTT: batches in, answers out; the broker is a pipe that proves nothing."""

import logging
import socket
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ledger.events import wire
from ledger.intake.committer import Committer

log = logging.getLogger("suyuan.intake")

KEEPALIVE_S = 30
# Answers are small and a broker that is away takes none; what is lost is asked for again.
RECONNECT_MAX_S = 5


class MqttIntake:
    """Subscribes to the batches of all tapes of a ledger and publishes the committer's answers."""

    def __init__(
        self, committer: Committer, *, ledger: str, host: str, port: int, share: str
    ) -> None:
        self._committer = committer
        self._ledger = ledger
        # What a broker that has just started must be told.
        self.on_connected: list[Callable[[], None]] = []
        self._address = (host, port)
        pattern = wire.batches_topic(ledger, "+")
        self._topic = f"$share/{share}/{pattern}" if share else pattern
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
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
        """Whether the broker is reached."""
        return bool(self._client.is_connected())

    def retain(self, topic: str, payload: bytes) -> None:
        """Leaves a message on its topic for whoever subscribes; nothing while the broker is away."""
        if self._client.is_connected():
            self._client.publish(topic, payload, qos=1, retain=True)

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            log.warning("the broker refused intake: %s", code)
            return
        client.subscribe(self._topic, qos=1)
        for tell in self.on_connected:
            tell()
        log.info("intake listens on %s at %s:%s", self._topic, *self._address)

    def _arrived(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not self._committer.submit(bytes(message.payload), self._reply):
            log.warning("the queue is full; a batch was left to be sent again")

    def _reply(self, tape: str, answer: bytes) -> None:
        self._client.publish(wire.answers_topic(self._ledger, tape), answer, qos=0)


def no_delay(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    """Switches Nagle's algorithm off; with it a scan's round trip is 90 ms instead of 2."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
