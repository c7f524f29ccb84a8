"""Azure Functions finds the app here.  No logic: each blueprint is registered, nothing else."""

import azure.functions as func

from functions.advancing import bp as advancing
from functions.datasets import bp as datasets
from functions.gates import bp as gates
from functions.health import bp as health
from functions.lists import bp as lists
from functions.openapi import bp as openapi
from functions.pages import bp as pages
from functions.pages_acts import bp as pages_acts
from functions.pages_run import bp as pages_run
from functions.pipelines import bp as pipelines
from functions.polling import bp as polling
from functions.runs import bp as runs

app = func.FunctionApp(
    http_auth_level=func.AuthLevel.ANONYMOUS
)  # App Service authentication is the guard: docs/security.md
for blueprint in (
    datasets,
    polling,
    advancing,
    gates,
    runs,
    pipelines,
    lists,
    health,
    openapi,
    pages,
    pages_acts,
    pages_run,
):
    app.register_functions(blueprint)
