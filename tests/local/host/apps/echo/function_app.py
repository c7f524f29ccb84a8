"""An app that tells a table of text lines what happened to it."""

import json
import os
import pathlib
import time
from typing import List  # noqa: UP035

import azure.functions as func
from azurefunctions.extensions.bindings import blob

LOG = pathlib.Path(os.environ["ECHO_LOG"])
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def tell(kind, **facts):
    with LOG.open("a") as log:
        log.write(json.dumps({"kind": kind} | facts) + "\n")


@app.function_name("on_blob")
@app.blob_trigger(
    arg_name="client", path="inbox/{name}", connection="DATA", source=func.BlobSource.LOGS_AND_CONTAINER_SCAN
)
@app.queue_output(arg_name="out", queue_name="work", connection="DATA")
def on_blob(client: blob.BlobClient, out: func.Out[str]) -> None:
    tell("blob", name=client.blob_name, content=client.download_blob().readall().decode())
    if "bad" in client.blob_name:
        raise ValueError("bad blob")
    out.set(f"from {client.blob_name}")


@app.function_name("on_poison")
@app.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection="DATA")
def on_poison(message: func.QueueMessage) -> None:
    tell("poison", message=message.get_json())


@app.function_name("on_work")
@app.queue_trigger(arg_name="message", queue_name="work", connection="DATA")
def on_work(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    tell("work", text=text, tries=message.dequeue_count)
    if "slow" in text and message.dequeue_count == 1:
        time.sleep(60)
    if "bad" in text:
        raise ValueError("bad message")


@app.function_name("on_work_poison")
@app.queue_trigger(arg_name="message", queue_name="work-poison", connection="DATA")
def on_work_poison(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    tell("work-poison", text=text, tries=message.dequeue_count)
    if "worse" in text:
        raise ValueError("bad message, again")


@app.function_name("on_time")
@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%", run_on_startup=False)
def on_time(timer: func.TimerRequest) -> None:
    tell("time", past_due=timer.past_due, process=os.getpid())
    time.sleep(1.2)
    tell("time over", process=os.getpid())


@app.function_name("say")
@app.route(route="say/{what}", methods=["GET"])
@app.queue_output(arg_name="out", queue_name="work", connection="DATA")
def say(req: func.HttpRequest, out: func.Out[List[str]]) -> func.HttpResponse:  # noqa: UP006
    if req.route_params["what"] == "boom":
        raise RuntimeError("secret inside")
    out.set(req.params.get("queue", "").split(",") if req.params.get("queue") else [])
    seen = {
        "what": req.route_params["what"],
        "query": dict(req.params),
        "principal": req.headers.get("X-MS-CLIENT-PRINCIPAL"),
        "name": req.headers.get("X-MS-CLIENT-PRINCIPAL-NAME"),
    }
    return func.HttpResponse(
        json.dumps(seen), mimetype="application/json", status_code=202, headers={"X-Own": "1"}
    )


@app.function_name("files")
@app.route(route="files/{*path}", methods=["GET", "POST"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"{req.method} {req.route_params['path']} {req.get_body().decode()}")
