"""Azure Resource Manager: the account and its deployments; and what the project says of them."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.foundry.deployments import member
from local.foundry.errors import ArmError, ServiceError
from local.foundry.service import Foundry, read_json

_ACCOUNT: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{account}"


class ControlPlane:
    """Answers under `/subscriptions`, and the project's own list of deployments."""

    def __init__(self, foundry: Foundry) -> None:
        self._it = foundry

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
            Route(project, self.project_deployments),
            Route(project + "/{name}", self.project_deployments),
        ]

    async def put_deployment(self, request: Request) -> Response:
        """PUT a deployment: a long-running operation."""
        deployment, status = self._it.deployments.put(request.path_params["name"], await _content(request))
        shown = self._it.deployments.show(request.url.path, deployment)
        return JSONResponse(shown, status_code=status, headers=_operation(request, deployment))

    async def get_deployment(self, request: Request) -> Response:
        """GET a deployment."""
        deployment = self._it.deployments.get(request.path_params["name"])
        return JSONResponse(self._it.deployments.show(request.url.path, deployment))

    async def list_deployments(self, request: Request) -> Response:
        """GET all deployments."""
        rows = [
            self._it.deployments.show(f"{request.url.path}/{name}", self._it.deployments.get(name))
            for name in self._listed()
        ]
        return JSONResponse({"value": rows})

    def _listed(self) -> list[str]:
        hidden = self._it.control.lags.read("deployments")
        return [name for name in self._it.deployments.names() if name not in hidden]

    async def patch_deployment(self, request: Request) -> Response:
        """PATCH the SKU of a deployment."""
        present = self._it.deployments.get(request.path_params["name"])
        body = await _content(request)
        sku = {"name": present["sku"], "capacity": present["capacity"]} | member(body, "sku")
        version = present.get("version", "1")
        model = {"format": present["format"], "name": present["model"], "version": version}
        changed, _ = self._it.deployments.put(present["name"], {"sku": sku, "properties": {"model": model}})
        shown = self._it.deployments.show(request.url.path, changed)
        return JSONResponse(shown, status_code=202, headers=_operation(request, changed))

    async def delete_deployment(self, request: Request) -> Response:
        """DELETE a deployment: a long-running operation."""
        try:
            deleted = self._it.deployments.delete(request.path_params["name"])
        except ArmError as error:
            if error.status == 404:
                return Response(status_code=204)
            raise
        return Response(status_code=202, headers=_operation(request, deleted))

    async def operation(self, request: Request) -> Response:
        """GET the state of a long-running operation."""
        name = request.path_params["name"]
        return JSONResponse({"name": name, "status": self._it.deployments.operation(name)})

    async def get_account(self, request: Request) -> Response:
        """GET the account."""
        names = request.path_params
        shown = {
            "id": request.url.path,
            "name": names["account"],
            "type": "Microsoft.CognitiveServices/accounts",
            "kind": "AIServices",
            "location": "northcentralus",
            "sku": {"name": "S0"},
            "properties": {"provisioningState": "Succeeded", "customSubDomainName": names["account"]},
        }
        return JSONResponse(shown)

    async def project_deployments(self, request: Request) -> Response:
        """GET /api/projects/{project}/deployments[/{name}]."""
        if name := request.path_params.get("name"):
            if name not in self._it.deployments.names():
                raise ServiceError(404, "not_found", f"Deployment {name} not found")
            return JSONResponse(self._project_view(name))
        return JSONResponse({"value": [self._project_view(name) for name in self._listed()]})

    def _project_view(self, name: str) -> dict[str, Any]:
        deployment = self._it.deployments.get(name)
        return {
            "type": "ModelDeployment",
            "name": name,
            "modelName": deployment["model"],
            "modelVersion": deployment.get("version", "1"),
            "modelPublisher": deployment["format"],
            "capabilities": {"chat_completion": "true"},
            "sku": {"name": deployment["sku"], "capacity": deployment["capacity"]},
        }


async def _content(request: Request) -> dict[str, Any]:
    """The JSON object that a write carries, refused in Resource Manager's shape."""
    try:
        return await read_json(request)
    except ServiceError as error:
        raise ArmError(400, "InvalidRequestContent", error.message) from error


def _operation(request: Request, deployment: dict[str, Any]) -> dict[str, str]:
    where = f"{request.url.scheme}://{request.url.netloc}/operations/{deployment['operation']}"
    return {"Azure-AsyncOperation": f"{where}?api-version=2025-09-01"}
