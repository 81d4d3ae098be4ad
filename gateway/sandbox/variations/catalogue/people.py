"""Variations of keys, people, contents, groups and custom fields."""

from gateway.sandbox.variations.attributes import CustomFieldForm, GroupForm
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.parts import ContentForm, KeyForm, PersonForm
from gateway.sandbox.variations.population import PopulationForm

PEOPLE: dict[str, Variation] = {
    # keys
    "key-underscore": Variation(key=KeyForm(name="_id")),
    "key-result-id": Variation(key=KeyForm(name="resultId")),
    "key-number": Variation(key=KeyForm(shape="number")),
    "key-mongo": Variation(key=KeyForm(name="_id", shape="mongo")),
    "key-absent": Variation(key=KeyForm(name=None)),
    "key-null-until-started": Variation(key=KeyForm(null_until_started=True)),
    "attempts-unnumbered": Variation(key=KeyForm(name=None), population=PopulationForm(attempts=7)),
    "attempts-numbered": Variation(
        key=KeyForm(name=None), population=PopulationForm(attempts=7, attempt_numbers=True)
    ),
    "attempts-with-ids": Variation(population=PopulationForm(attempts=7)),
    # people
    "users-null": Variation(population=PopulationForm(null_users=5)),
    "user-only-id": Variation(user=PersonForm(shape="id_only")),
    "user-only-id-flat": Variation(user=PersonForm(shape="id_only", member="userId")),
    "user-two-names": Variation(user=PersonForm(name="split")),
    "user-flat": Variation(user=PersonForm(shape="flat")),
    "user-learner": Variation(user=PersonForm(member="learner")),
    "user-employee": Variation(user=PersonForm(member="employee", email="mail")),
    "user-participant": Variation(
        user=PersonForm(member="participant", id="participantId", name_member="displayName")
    ),
    "user-by-language": Variation(user=PersonForm(name="languages")),
    "user-email-only": Variation(
        user=PersonForm(id=None, name="absent", avatar=None),
        population=PopulationForm(emails="all"),
    ),
    "user-email-only-without-key": Variation(
        key=KeyForm(name=None),
        user=PersonForm(id=None, name="absent", avatar=None),
        population=PopulationForm(emails="all"),
    ),
    "user-name-absent": Variation(user=PersonForm(name="absent")),
    "user-names-null": Variation(population=PopulationForm(null_names=3)),
    "user-email-absent": Variation(user=PersonForm(email=None)),
    "user-number": Variation(user=PersonForm(id_number=True)),
    "user-underscore": Variation(user=PersonForm(id="_id")),
    # contents
    "contents-null": Variation(population=PopulationForm(null_contents=6)),
    "content-number": Variation(content=ContentForm(id_number=True)),
    "content-by-language": Variation(content=ContentForm(name="languages")),
    "content-course": Variation(content=ContentForm(member="course", name_member="title")),
    "content-flat": Variation(content=ContentForm(shape="flat")),
    "content-type-absent": Variation(content=ContentForm(type_member=None)),
    # groups
    "groups-absent": Variation(groups=GroupForm(place="absent")),
    "groups-ids": Variation(groups=GroupForm(shape="ids", member="groupIds")),
    "groups-ids-same-name": Variation(groups=GroupForm(shape="ids")),
    "groups-top-level": Variation(groups=GroupForm(place="row")),
    "groups-top-level-ids": Variation(
        groups=GroupForm(place="row", shape="ids", member="groupIds")
    ),
    "groups-text": Variation(groups=GroupForm(shape="text")),
    "groups-text-semicolon": Variation(groups=GroupForm(shape="text", separator="; ")),
    "groups-other-names": Variation(groups=GroupForm(id="groupId", name="title")),
    "groups-teams": Variation(groups=GroupForm(member="teams")),
    # custom fields
    "custom-object": Variation(fields=CustomFieldForm(shape="object")),
    "custom-typed": Variation(
        fields=CustomFieldForm(typed=True), population=PopulationForm(typed_fields=True)
    ),
    "custom-typed-object": Variation(
        fields=CustomFieldForm(shape="object", typed=True),
        population=PopulationForm(typed_fields=True),
    ),
    "custom-nested": Variation(fields=CustomFieldForm(shape="nested", id="id")),
    "custom-in-row": Variation(fields=CustomFieldForm(place="row")),
    "custom-attributes": Variation(fields=CustomFieldForm(member="attributes", id="id")),
    "custom-without-names": Variation(fields=CustomFieldForm(name=None)),
    "custom-flat": Variation(fields=CustomFieldForm(shape="flat")),
    "custom-absent": Variation(fields=CustomFieldForm(place="absent")),
}
