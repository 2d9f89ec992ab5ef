import contextlib


def door_as_a_class(app, door, always):
    class Guarded:
        async def __call__(self, scope, receive, send):
            if scope.get("path") in always or scope["type"] == "lifespan":
                return await app(scope, receive, send)
            if not door.closed:
                with self.inside():
                    return await app(scope, receive, send)
            start = {"type": "http.response.start", "status": 503}
            await send(
                start | {"headers": [(b"Connection", b"close"), (b"Retry-After", b"1"), (b"Content-Length", b"0")]}
            )
            return await send({"type": "http.response.body"})

        @contextlib.contextmanager
        def inside(self):
            door.inside = door.inside + 1
            try:
                yield
            finally:
                door.inside = door.inside - 1

    return Guarded().__call__


def counted_by_hand(app, door, always):
    async def guarded(scope, receive, send):
        if scope["type"] != "http" or scope["path"] in always:
            return await app(scope, receive, send)
        if door.closed:
            await send({"type": "http.response.start", "status": 503, "headers": CLOSING})
            return await send({"type": "http.response.body", "body": b"", "more_body": False})
        door.inside += 1
        await app(scope, receive, send)
        door.inside -= 1
        return None

    return guarded


CLOSING = [(b"connection", b"close"), (b"retry-after", b"1")]


def cancellation_forgotten(app, door, always):
    async def guarded(scope, receive, send):
        if scope["type"] == "http" and scope["path"] not in always:
            if door.closed:
                await send({"type": "http.response.start", "status": 503, "headers": CLOSING})
                await send({"type": "http.response.body", "body": b""})
                return
            door.inside += 1
            try:
                await app(scope, receive, send)
            except Exception:
                door.inside -= 1
                raise
            door.inside -= 1
        else:
            await app(scope, receive, send)

    return guarded


def no_way_for_probes(app, door, always):
    async def guarded(scope, receive, send):
        counted = scope["type"] == "http" and scope["path"] not in always
        if door.closed and scope["type"] == "http":
            await send({"type": "http.response.start", "status": 503, "headers": CLOSING})
            await send({"type": "http.response.body"})
            return
        door.inside += counted
        try:
            await app(scope, receive, send)
        finally:
            door.inside -= counted

    return guarded


SECOND = door_as_a_class
VARIANTS = {
    "errors_stay_inside": counted_by_hand,
    "gone_clients_stay_inside": cancellation_forgotten,
    "probes_refused": no_way_for_probes,
}
EQUIVALENT: dict[str, str] = {}
