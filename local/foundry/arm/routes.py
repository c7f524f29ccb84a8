"""The routes of Resource Manager: the account and its deployments; also the project's own view of its deployments."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.foundry.arm.deployments import Deployments
from local.foundry.arm.shapes import operation_headers, page
from local.foundry.arm.subscription import LOCATION, Subscription
from local.foundry.arm.writes import member
from local.foundry.common.bodies import read_json
from local.foundry.common.errors import ArmError, ServiceError
from local.foundry.common.offer import Offer
from local.foundry.common.store import Store
from local.foundry.control.state import Lags

_ACCOUNT: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{account}"


class ResourceManager:
    """Answers what is asked under `/subscriptions` and `/operations`, and the project's list of deployments."""

    def __init__(self, store: Store, offer: Offer, deployments: Deployments, lags: Lags) -> None:
        self._deployments, self._lags = deployments, lags
        self._subscription = Subscription(store, offer, deployments)

    def routes(self) -> list[Route]:
        """The routes."""
        one = f"{_ACCOUNT}/deployments/{{name}}"
        project = "/api/projects/{project}/deployments"
        return [
            Route(one, self.put_deployment, methods=["PUT"]),
            Route(one, self.get_deployment),
            Route(one, self.patch_deployment, methods=["PATCH"]),
            Route(one, self.delete_deployment, methods=["DELETE"]),
            Route(f"{_ACCOUNT}/deployments", self.list_deployments),
            Route(_ACCOUNT, self.get_account),
            Route("/operations/{name}", self.operation),
            Route("/operations/{name}/result", self.operation_result),
            *self._subscription.routes(_ACCOUNT),
            Route(project, self.project_deployments),
            Route(project + "/{name}", self.project_deployments),
        ]

    async def put_deployment(self, request: Request) -> Response:
        """PUT a deployment: a long-running operation."""
        deployment, status = self._deployments.put(request.path_params["name"], await _content(request))
        shown = self._deployments.show(request.url.path, deployment)
        return JSONResponse(shown, status_code=status, headers=self._headers(request, deployment))

    async def get_deployment(self, request: Request) -> Response:
        """GET a deployment."""
        deployment = self._deployments.get(request.path_params["name"])
        return JSONResponse(self._deployments.show(request.url.path, deployment))

    async def list_deployments(self, request: Request) -> Response:
        """GET all deployments."""
        rows = [
            self._deployments.show(f"{request.url.path}/{name}", self._deployments.get(name))
            for name in self._listed()
        ]
        return JSONResponse(page(request, rows))

    def _listed(self) -> list[str]:
        hidden = self._lags.read("deployments")
        return [name for name in self._deployments.names() if name not in hidden]

    async def patch_deployment(self, request: Request) -> Response:
        """PATCH the SKU or the tags of a deployment: a long-running operation, if anything changes."""
        body = await _content(request)
        tags = member(body, "tags") if "tags" in body else None
        patched, has_changed = self._deployments.patch(request.path_params["name"], member(body, "sku"), tags)
        shown = self._deployments.show(request.url.path, patched)
        if not has_changed:
            return JSONResponse(shown)
        return JSONResponse(shown, status_code=202, headers=self._headers(request, patched))

    async def delete_deployment(self, request: Request) -> Response:
        """DELETE a deployment: a long-running operation."""
        try:
            deleted = self._deployments.delete(request.path_params["name"])
        except ArmError as error:
            if error.status == 404:
                return Response(status_code=204)
            raise
        return Response(status_code=202, headers=self._headers(request, deleted))

    async def operation(self, request: Request) -> Response:
        """GET the state of a long-running operation."""
        name = request.path_params["name"]
        status, deployment = self._deployments.operation(name)
        shown: dict[str, Any] = {"id": request.url.path, "name": name, "status": status}
        if status == "Failed" and deployment is not None:
            shown["error"] = {"code": "DeploymentFailed", "message": deployment["trouble"]}
        headers = {}
        if status == "InProgress" and deployment is not None:
            headers["Retry-After"] = str(int(self._deployments.left_s(deployment)))
        return JSONResponse(shown, headers=headers)

    async def operation_result(self, request: Request) -> Response:
        """GET the result of a long-running operation: the deployment, or nothing if it was deleted."""
        status, deployment = self._deployments.operation(request.path_params["name"])
        if status == "InProgress" and deployment is not None:
            return Response(status_code=202, headers=self._headers(request, deployment))
        if deployment is None:
            return Response(status_code=204)
        resource = request.query_params.get("resource", "")
        return JSONResponse(self._deployments.show(resource, deployment))

    def _headers(self, request: Request, deployment: dict[str, Any]) -> dict[str, str]:
        resource = request.query_params.get("resource", request.url.path)
        left_s = self._deployments.left_s(deployment)
        return operation_headers(request, deployment["operation"], resource, left_s)

    async def get_account(self, request: Request) -> Response:
        """GET the account."""
        names = request.path_params
        endpoint = f"{request.url.scheme}://{request.url.netloc}/"
        shown = {
            "id": request.url.path,
            "name": names["account"],
            "type": "Microsoft.CognitiveServices/accounts",
            "kind": "AIServices",
            "location": LOCATION,
            "sku": {"name": "S0"},
            "etag": '"stand-in"',
            "tags": {},
            "properties": {
                "provisioningState": "Succeeded",
                "customSubDomainName": names["account"],
                "endpoint": endpoint,
                "endpoints": {"AI Foundry API": endpoint, "OpenAI Language Model Instance API": endpoint},
                "publicNetworkAccess": "Enabled",
                "disableLocalAuth": True,
                "allowProjectManagement": True,
                "defaultProject": "local",
                "associatedProjects": ["local"],
            },
        }
        return JSONResponse(shown)

    async def project_deployments(self, request: Request) -> Response:
        """GET /api/projects/{project}/deployments[/{name}]."""
        if name := request.path_params.get("name"):
            if name not in self._deployments.names():
                raise ServiceError(404, "not_found", f"Deployment {name} not found")
            return JSONResponse(self._project_view(name))
        return JSONResponse({"value": [self._project_view(name) for name in self._listed()]})

    def _project_view(self, name: str) -> dict[str, Any]:
        deployment = self._deployments.get(name)
        return {
            "type": "ModelDeployment",
            "name": name,
            "modelName": deployment["model"],
            "modelVersion": deployment["version"],
            "modelPublisher": deployment["format"],
            "capabilities": {"chat_completion": "true"},
            "sku": {"name": deployment["sku"], "capacity": deployment["capacity"]},
        }


async def _content(request: Request) -> dict[str, Any]:
    """The JSON object that a write carries.

    Raises:
        ArmError: 400.
    """
    try:
        return await read_json(request)
    except ServiceError as error:
        raise ArmError(400, "InvalidRequestContent", error.message) from error
