"""The functions that the modules in functions/ declare, whether or not function_app.py registers them."""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Declared:
    """A function of the app: where it stands, what the worker calls, and its route if it has one."""

    module: str
    call: object
    route: str | None
    method: str = ""
    pattern: str = ""
    """Regular expression of the path."""

    @property
    def is_page(self):
        """Whether it is a page for people, or a form of one, and not of the API."""
        return self.route is not None and " /api/ui" in self.route


def _all():
    for path in sorted((ROOT / "functions").glob("*.py")):
        module = importlib.import_module(f"functions.{path.stem}")
        for builder in getattr(getattr(module, "bp", None), "_function_builders", ()):
            function = builder._function
            trigger = function.get_trigger().get_dict_repr()
            route, method, pattern = None, "", ""
            if trigger["type"] == "httpTrigger":
                [method] = [getattr(method, "value", method) for method in trigger["methods"]]
                route = f"{method} /api/{trigger['route'].replace('{*', '{')}"
                whole = re.sub(r"\{\*(\w+)\}", r"(?P<\1>.+)", trigger["route"])
                pattern = "/api/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", whole)
            yield (
                function.get_function_name(),
                Declared(f"functions/{path.name}", function.get_user_function(), route, method, pattern),
            )


#: Name of the function -> what is declared.
FUNCTIONS: dict[str, Declared] = dict(_all())
#: Those of the API, by route.
API: dict[str, Declared] = {
    made.route: made for made in FUNCTIONS.values() if made.route and not made.is_page
}
#: Pages and forms, by route.
PAGES: dict[str, Declared] = {made.route: made for made in FUNCTIONS.values() if made.is_page}
