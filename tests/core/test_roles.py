"""App roles: what each is for, and that a refusal names what to ask for."""

import pytest

from shared.core.errors import Forbidden
from shared.core.people import Person
from shared.core.roles import Right, Roles, insist


def test_an_application_does_not_act_even_where_one_role_is_for_all():
    roles = Roles(reader="All", approver="All", operator="All", data="All")
    with pytest.raises(Forbidden):
        insist(Person(id="a", name="a", roles=frozenset({"All"}), is_application=True), Right.VOTE, roles)


@pytest.mark.parametrize(
    ("held", "reads", "votes", "operates"),
    [
        (set(), False, False, False),
        ({"Someone.Elses"}, False, False, False),
        ({"FineTune.Reader"}, True, False, False),
        ({"FineTune.Operator"}, True, False, True),
        ({"FineTune.Approver"}, True, True, True),
        ({"finetune.approver"}, False, False, False),
    ],
)
def test_what_each_role_is_for(held, reads, votes, operates):
    someone = Person(id="o", name="Ada", roles=frozenset(held))
    for right, may in ((Right.READ, reads), (Right.VOTE, votes), (Right.OPERATE, operates)):
        if may:
            insist(someone, right, Roles())
        else:
            with pytest.raises(Forbidden, match="Ada does not have") as refusal:
                insist(someone, right, Roles())
            assert right.given_by(Roles())[0] in refusal.value.message
            assert right.given_by(Roles())[0] in refusal.value.remedy


def test_a_role_that_is_for_several_things_is_named_once():
    assert Right.READ.given_by(Roles(reader="A", approver="A", operator="B")) == ("A", "B")
