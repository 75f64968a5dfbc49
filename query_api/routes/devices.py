"""Device routes: every device that the asker may know of, and one with all there is to know."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from query_api import device_schemas, devices
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Cursor, Limit
from query_api.views import cursor_of, key_of, position

DeviceInquiry = Annotated[Inquiry, asks("device")]
DeviceText = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=["till-1"])]

router = APIRouter(prefix="/v1/devices", tags=["devices"])


@router.get("")
def listed(
    asked: DeviceInquiry, after: Cursor = None, limit: Limit = 100
) -> device_schemas.DevicePage:
    """Devices by name: heartbeat, tape, clock, use, and what may be missing."""
    with asked.snapshot() as reader:
        found = devices.lines(reader, key_of(after, 1)[0], limit + 1)
        at = position(reader)
        shown = found[:limit]
        asked.note({merchant for one in shown for merchant in one.merchants})
    more = cursor_of(shown[-1].device) if len(found) > limit else None
    return device_schemas.DevicePage(devices=shown, next=more, position=at)


@router.get("/stops")
def stops(
    asked: DeviceInquiry,
    since: Annotated[int, Query(ge=0, le=2**53, description="where the stop stands in the record")],
) -> device_schemas.StopReach:
    """How far a hold or recall has got among the scanners that are connected."""
    with asked.snapshot() as reader:
        return devices.stop_reach(reader, since, everything=asked.reach.everything)


@router.get("/{device}")
def one(asked: DeviceInquiry, device: DeviceText) -> device_schemas.DeviceDetail:
    """A device with its mandates, tapes, gaps and use."""
    with asked.snapshot() as reader:
        found = devices.detail(reader, device, everything=asked.reach.everything)
        asked.note({mandate.merchant for mandate in found.mandates})
    return found
