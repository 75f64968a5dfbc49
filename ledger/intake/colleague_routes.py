"""Who may work on alerts: the colleagues that an officer chooses from, who gives some away."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from ledger.accounts.subjects import PgSubjects
from ledger.intake.door_routes import Doorway, refused
from ledger.intake.responses import json_response, problem
from ledger.rules.access import reach
from ledger.rules.refusal import Refusal


def colleague_router(way: Doorway, subjects: PgSubjects) -> APIRouter:
    """Builds the route. Whoever is no officer is not told which accounts there are."""
    router = APIRouter(prefix="/intake")

    @router.get("/colleagues")
    async def colleagues(request: Request) -> Response:
        if isinstance(found := way.who(request), Refusal):
            return refused(found)
        if not reach(found.subject, "colleague", "read").everything:
            return problem(403, "role-lacks", "officers alone are told who their colleagues are")
        people = await run_in_threadpool(subjects.officers)
        return json_response({"colleagues": [one._asdict() for one in people]})

    return router
