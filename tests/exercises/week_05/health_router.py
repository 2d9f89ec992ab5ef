from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse


def probes_by_hand(life):
    router = APIRouter()

    @router.get("/healthz")
    async def healthz():
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz():
        words = {"status": "ready", "model_version": life.model_version}
        if life.model_version is None:
            words["status"] = "loading"
        if life.draining:
            words["status"] = "draining"
        return JSONResponse(words, status_code={"ready": 200}.get(words["status"], 503))

    return router


def remembered_at_import(life):
    ready, draining, version = life.model_version is not None, life.draining, life.model_version
    router = APIRouter()
    router.add_api_route("/healthz", lambda: {"status": "ok"})

    @router.get("/readyz")
    def readyz():
        word = "draining" if draining else "ready" if ready else "loading"
        return JSONResponse({"status": word, "model_version": version}, 200 if word == "ready" else 503)

    return router


def body_only(life):
    router = APIRouter()
    router.add_api_route("/healthz", lambda: {"status": "ok"})

    @router.get("/readyz")
    def readyz(request: Request):
        word = "draining" if life.draining else "ready" if life.model_version else "loading"
        return {"status": word, "model_version": life.model_version}

    return router


def one_probe_for_both(life):
    router = APIRouter()
    status = {True: 200, False: 503}

    @router.get("/healthz")
    def healthz():
        return JSONResponse({"status": "ok"}, status[not life.draining and life.model_version is not None])

    @router.get("/readyz")
    def readyz():
        word = "draining" if life.draining else "ready" if life.model_version else "loading"
        return JSONResponse({"status": word, "model_version": life.model_version}, status[word == "ready"])

    return router


def raised_with_the_body(life):
    router = APIRouter()
    router.add_api_route("/healthz", lambda: {"status": "ok"})

    @router.get("/readyz")
    def readyz():
        word = "draining" if life.draining else "ready" if life.model_version else "loading"
        body = {"status": word, "model_version": life.model_version}
        if word != "ready":
            raise HTTPException(503, body)
        return body

    return router


SECOND = probes_by_hand
VARIANTS = {
    "decided_at_the_start": remembered_at_import,
    "said_in_the_body_only": body_only,
    "unhealthy_while_loading": one_probe_for_both,
    "raises_when_not_ready": raised_with_the_body,
}
EQUIVALENT: dict[str, str] = {}
