"""The queries of alerts and workbook, by name."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALERTS = json.loads((ROOT / "infra/alerts.json").read_text())
WORKBOOK = json.loads((ROOT / "infra/workbook.json").read_text())
QUERIES = {f"alert {alert['name']}": "\n".join(alert["query"]) for alert in ALERTS} | {
    f"workbook {item['name']}": item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3
}
