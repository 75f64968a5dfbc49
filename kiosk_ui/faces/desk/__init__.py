"""The regulator's desk: one file for each kind of work."""

from fastapi import APIRouter

from kiosk_ui.faces.desk import (
    alerts,
    holds,
    outbreak,
    overview,
    quarantine,
    recalls,
    register,
    statistics,
    trace,
)

router = APIRouter()
for part in (alerts, trace, outbreak, recalls, holds, register, quarantine, statistics, overview):
    router.include_router(part.router, prefix="/desk")
