"""Parameters that several routes take: the form of what stands in an address."""

from typing import Annotated

from fastapi import Path, Query

from ledger.values.ids import ID_FORM
from query_api.views import LIMIT_MAX

MerchantText = Annotated[str, Path(pattern=f"^{ID_FORM}$", examples=["m-017"])]
PremisesText = Annotated[str, Path(pattern=f"^{ID_FORM}$", examples=["m-017-a"])]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=4000)]
