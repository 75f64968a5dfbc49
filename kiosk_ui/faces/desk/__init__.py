"""The regulator's desk: one file for each kind of work."""

from fastapi import APIRouter

from kiosk_ui.faces.desk import (
    alerts,
    holds,
    outbreak,
    overview,
    quarantine,
    recall_changes,
    recall_work,
    recalls,
    register,
    statistics,
    trace,
)

router = APIRouter()
for part in (
    alerts, trace, outbreak, recalls, recall_work, recall_changes, holds, register, quarantine,
    statistics, overview,
):  # fmt: skip
    router.include_router(part.router, prefix="/desk")
