"""The routes of Resource Manager for models, SKUs and quotas: of the account, of the one region, of the subscription."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.foundry.arm.deployments import Deployments, rate_limits
from local.foundry.arm.quotas import serves, usage_name
from local.foundry.arm.shapes import moment, page
from local.foundry.common import clock
from local.foundry.common.catalogue import MODELS, Model, base_of, is_tuned
from local.foundry.common.offer import NEVER, Offer, Phase
from local.foundry.common.store import Store

LOCATION: Final = "northcentralus"
_PROVIDER: Final = "/subscriptions/{subscription}/providers/Microsoft.CognitiveServices"
_KIND, _ACCOUNT_SKU = "AIServices", "S0"
_CAPACITY: Final = {"minimum": 1, "maximum": 1_000_000, "step": 1, "default": 10}
_CAPABILITIES: Final = {
    "area": "US",
    "chatCompletion": "true",
    "jsonObjectResponse": "true",
    "responses": "true",
}
_TRAINING: Final = {"FineTuneTokensMaxValue": "2000000000"}


class Subscription:
    """Answers what is offered; nothing here can be written."""

    def __init__(self, store: Store, offer: Offer, deployments: Deployments) -> None:
        self._store, self._offer, self._deployments = store, offer, deployments

    def routes(self, account: str) -> list[Route]:
        """The routes; `account` is the path of an account."""
        location = f"{_PROVIDER}/locations/{{location}}"
        return [
            Route(f"{account}/models", self.account_models),
            Route(f"{account}/skus", self.account_skus),
            Route(f"{account}/usages", self.account_usages),
            Route(f"{account}/deployments/{{name}}/skus", self.deployment_skus),
            Route(f"{location}/models", self.location_models),
            Route(f"{location}/usages", self.location_usages),
            Route(f"{location}/modelCapacities", self.capacities),
            Route(f"{_PROVIDER}/modelCapacities", self.capacities),
            Route(f"{_PROVIDER}/skus", self.skus),
        ]

    # Models

    async def account_models(self, request: Request) -> Response:
        """GET the models that the account can deploy: the base models, and those that were tuned in it."""
        return JSONResponse(page(request, [*self._base_models(), *self._tuned_models()]))

    async def location_models(self, request: Request) -> Response:
        """GET the base models of a region; all regions are the same one."""
        rows = [{"kind": _KIND, "skuName": _ACCOUNT_SKU, "model": model} for model in self._base_models()]
        return JSONResponse(page(request, rows))

    def _base_models(self) -> list[dict[str, Any]]:
        return [self._base_model(model) for model in sorted(set(MODELS.values()), key=lambda m: m.dated)]

    def _base_model(self, model: Model) -> dict[str, Any]:
        skus = dict.fromkeys((*model.base_skus, *model.tuned_skus))
        tuning = {
            "fineTune": "true",
            "inference": str(bool(model.tuned_skus)).lower(),
            "chatCompletion": "true",
        }
        limits = _TRAINING | {"FineTuneTokensMaxValuePerExample": str(model.example_tokens_max)}
        return self._facts(model, "base") | {
            "name": model.name,
            "version": model.version,
            "isDefaultVersion": True,
            "skus": [self._sku(model, sku, of_tuned=sku not in model.base_skus) for sku in skus],
            "capabilities": _CAPABILITIES | limits | _trained(model),
            "finetuneCapabilities": tuning,
            "systemData": _changed(0.0),
        }

    def _tuned_models(self) -> list[dict[str, Any]]:
        return [
            self._tuned_model(name, base, at)
            for name, at in self._store.tuned_models()
            if (base := base_of(name)) is not None
        ]

    def _tuned_model(self, name: str, base: Model, at: float) -> dict[str, Any]:
        return self._facts(base, "tuned") | {
            "name": name,
            "version": "1",
            "isDefaultVersion": True,
            "baseModel": {"format": base.formats[0], "name": base.name, "version": base.version},
            "skus": [self._sku(base, sku, of_tuned=True) for sku in base.tuned_skus],
            "capabilities": _CAPABILITIES | {"fineTune": "true", "inference": "true"},
            "systemData": _changed(at),
        }

    def _facts(self, model: Model, phase: Phase) -> dict[str, Any]:
        offer = self._offer
        days = (offer.retires_on(model, "training"), offer.retires_on(model, phase))
        return {
            "format": model.formats[0],
            "maxCapacity": 3,
            "deprecation": {
                "fineTune": f"{days[0]}T00:00:00Z",
                "inference": f"{days[1]}T00:00:00Z",
                "deprecationStatus": "Tentative" if days[1] == NEVER else "Planned",
            },
            "lifecycleStatus": self._lifecycle(model, phase),
        }

    def _lifecycle(self, model: Model, phase: Phase) -> str:
        offer, now = self._offer, clock.now()
        if offer.is_over(model, phase, now):
            return "Deprecated"
        if phase == "base" and offer.is_over(model, "deprecating", now):
            return "Deprecating"
        return "Preview" if model.is_preview else "GenerallyAvailable"

    def _sku(self, model: Model, sku: str, *, of_tuned: bool) -> dict[str, Any]:
        ends = self._offer.retires_on(model, "tuned" if of_tuned else "base")
        return {
            "name": sku,
            "usageName": usage_name(model, sku, of_tuned=of_tuned),
            "capacity": _CAPACITY,
            "deprecationDate": f"{ends}T00:00:00Z",
            "rateLimits": rate_limits(1),
        }

    # SKUs

    async def account_skus(self, _request: Request) -> Response:
        """GET the SKUs of the account itself."""
        sku = {"name": _ACCOUNT_SKU, "tier": "Standard"}
        return JSONResponse({"value": [{"resourceType": "Microsoft.CognitiveServices/accounts", "sku": sku}]})

    async def deployment_skus(self, request: Request) -> Response:
        """GET the SKUs that a deployment can be changed to."""
        deployment = self._deployments.get(request.path_params["name"])
        model = serves(deployment)
        base = base_of(model)
        names = () if base is None else base.tuned_skus if is_tuned(model) else base.base_skus
        kind = "Microsoft.CognitiveServices/accounts/deployments"
        rows = [{"resourceType": kind, "sku": {"name": name}, "capacity": _CAPACITY} for name in names]
        return JSONResponse(page(request, rows))

    async def skus(self, request: Request) -> Response:
        """GET the SKUs of accounts in the subscription."""
        shown = {
            "resourceType": "accounts",
            "name": _ACCOUNT_SKU,
            "tier": "Standard",
            "kind": _KIND,
            "locations": [LOCATION.upper()],
            "restrictions": [],
        }
        return JSONResponse(page(request, [shown]))

    # Quotas

    async def account_usages(self, _request: Request) -> Response:
        """GET the quotas that the account's deployments take from; without pages."""
        return JSONResponse({"value": self._usages()})

    async def location_usages(self, request: Request) -> Response:
        """GET all quotas of a region."""
        accounts = [usage.show() for usage in self._deployments.quotas().accounts()]
        return JSONResponse(page(request, [*accounts, *self._usages()]))

    def _usages(self) -> list[dict[str, Any]]:
        quotas = self._deployments.quotas()
        names = (
            usage_name(model, sku, of_tuned=of_tuned)
            for model in sorted(set(MODELS.values()), key=lambda m: m.dated)
            for of_tuned, skus in ((False, model.base_skus), (True, model.tuned_skus))
            for sku in skus
        )
        return [quotas.tuned().show(), *(quotas.of(name).show() for name in names)]

    async def capacities(self, request: Request) -> Response:
        """GET how much of a model's capacity is left, by SKU."""
        model = MODELS.get(request.query_params.get("modelName", ""))
        if model is None or request.query_params.get("modelVersion") not in {model.version, "1"}:
            return JSONResponse({"value": []})
        quotas = self._deployments.quotas()
        shown = {"format": model.formats[0], "name": model.name, "version": model.version}
        subscription = request.path_params["subscription"]
        where = f"/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/locations/{LOCATION}"
        rows = []
        for sku in dict.fromkeys((*model.base_skus, *model.tuned_skus)):
            left = {}
            for key, of_tuned in (("availableCapacity", False), ("availableFinetuneCapacity", True)):
                usage = quotas.of(usage_name(model, sku, of_tuned=of_tuned))
                has_it = sku in (model.tuned_skus if of_tuned else model.base_skus)
                left[key] = max(0, usage.limit - usage.current) if has_it else 0
            rows.append(
                {
                    "id": f"{where}/models/{shown['format']}.{model.name}.{model.version}/skuCapacities/{sku}",
                    "type": "Microsoft.CognitiveServices/locations/models/skuCapacities",
                    "name": sku,
                    "location": LOCATION,
                    "properties": {"model": shown, "skuName": sku} | left,
                }
            )
        return JSONResponse(page(request, rows))


def _trained(model: Model) -> dict[str, str]:
    """By what a model can be tuned."""
    named = {"fineTune": True} | {
        key: kind in model.training_types
        for key, kind in (("globalFineTune", "globalstandard"), ("devTierFineTune", "developertier"))
    }
    return {key: str(value).lower() for key, value in named.items()}


def _changed(at: float) -> dict[str, Any]:
    who = {"createdBy": "Microsoft", "createdByType": "Application", "createdAt": moment(at)}
    return who | {
        "lastModifiedBy": "Microsoft",
        "lastModifiedByType": "Application",
        "lastModifiedAt": moment(at),
    }
