"""A client of the app's HTTP API that shares no code with the command line."""

from __future__ import annotations

from typing import Any

import httpx2

from local.cloud import CloudInfo


class ApiError(Exception):
    """The app answered with an error."""

    def __init__(self, status: int, error: dict[str, str]) -> None:
        super().__init__(f"{status} {error.get('code')}: {error.get('message')} {error.get('remedy', '')}")
        self.status, self.error = status, error


class Client:
    """Calls the app as one of the cloud's identities."""

    def __init__(self, info: CloudInfo, identity: str = "approver") -> None:
        self._http = httpx2.Client(
            base_url=f"{info.url}/api",
            headers={"Authorization": f"Bearer {info.token(identity)}"},
            timeout=30,
            trust_env=False,
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def _get(self, path: str, **query: str) -> Any:
        return self._answer(self._http.get(path, params=query))

    def _answer(self, response: httpx2.Response) -> Any:
        if response.status_code >= 400:
            try:
                error = response.json()["error"]
            except (ValueError, KeyError):
                error = {"code": "no_json", "message": response.text[:200]}
            raise ApiError(response.status_code, error)
        return response.json()

    def runs(self) -> list[dict[str, Any]]:
        """The newest runs."""
        return list(self._get("/runs")["runs"])

    def run(self, run_id: str) -> dict[str, Any]:
        """One run."""
        return dict(self._get(f"/runs/{run_id}"))

    def artifact(self, run_id: str, name: str) -> bytes:
        """The bytes of an artifact."""
        response = self._http.get(f"/runs/{run_id}/artifacts/{name}")
        if response.status_code >= 400:
            self._answer(response)
        return response.content

    def pipeline(self, name: str) -> dict[str, Any]:
        """A pipeline: its champion and the deployment before."""
        return dict(self._get(f"/pipelines/{name}"))

    def decide(self, run_id: str, gate: str, decision: str, digest: str, comment: str) -> dict[str, Any]:
        """Decide a gate."""
        body = {"decision": decision, "digest": digest, "comment": comment}
        return dict(self._answer(self._http.post(f"/runs/{run_id}/gates/{gate}", json=body)))

    def change(self, run_id: str, what: str) -> dict[str, Any]:
        """Cancel or retry a run."""
        return dict(self._answer(self._http.post(f"/runs/{run_id}/{what}", json={})))

    def rejudge(self, run_id: str) -> dict[str, Any]:
        """Have a run judged again by the pipeline file of today."""
        return self.change(run_id, "rejudge")
