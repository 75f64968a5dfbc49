"""The stage over HTTP, on loopback alone: what the story's page asks for."""

import threading
from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import FileResponse

from suyuan.demo.stage import Stage
from suyuan.throw_away import ThrowAway


def build(stage: Stage, accounts: Sequence[ThrowAway]) -> FastAPI:
    """Builds the application around a stage and the accounts that end with it."""
    app = FastAPI(title="Suyuan stage", openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/stage")
    def state() -> dict[str, object]:
        people = [
            {"account": one.account, "name": one.name, "password": one.password,
             "role": one.grants[0].role}
            for one in accounts
        ]  # fmt: skip
        return stage.state() | {"people": people}

    @app.post("/stage/{step}")
    def step(step: str) -> dict[str, object]:
        try:
            return stage.do(step)
        except KeyError as error:
            raise HTTPException(404, "no such step") from error

    @app.get("/stage/bundle.zip")
    def bundle() -> Response:
        if not stage.bundle.exists():
            return Response("no bundle was made yet", 404)
        return FileResponse(stage.bundle, filename="bundle.zip", media_type="application/zip")

    return app


def serve(app: FastAPI, port: int) -> uvicorn.Server:
    """Serves in a thread of its own until it is told to exit."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()
    return server
