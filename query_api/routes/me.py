"""Who asks: the account, its roles, and how far they reach."""

from fastapi import APIRouter

from ledger.rules.access import TABLE, reach
from query_api import people_schemas
from query_api.people import Asker

router = APIRouter(prefix="/v1", tags=["people"])


@router.get("/me")
def me(asker: Asker) -> people_schemas.Me:
    """Who the token says you are, and what that lets you see and do; a consumer without one."""
    subject, may = asker.subject, []
    for resource, action in dict.fromkeys((resource, action) for _, resource, action in TABLE):
        found = reach(subject, resource, action)
        if found.anything():
            may.append(
                people_schemas.May(
                    resource=resource,
                    action=action,
                    everything=found.everything,
                    merchants=sorted(found.merchants),
                    markets=sorted(found.markets),
                    areas=sorted(found.areas),
                )
            )
    roles = [people_schemas.RoleHeld(role=one.role, over=list(one.over)) for one in subject.grants]
    return people_schemas.Me(account=subject.account or None, roles=roles, may=may)
