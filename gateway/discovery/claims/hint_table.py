"""The wordings of validation errors, each with what it hints at.

Patterns capture a member (`name`, or several as `names`), a number, the allowed `values` or a
`type`, and never what the request had. `inner` marks wordings whose location is
the parent of the member.
Sources: the default messages of class-validator, Joi, Zod 3 and 4, Ajv, Fastify, Pydantic 1 and 2,
jsonschema, FluentValidation, ASP.NET, System.Text.Json, Newtonsoft, Hibernate Validator, Jackson,
Spring, go-playground/validator, encoding/json, serde, msgspec, Laravel and Django REST.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class HintKind(StrEnum):
    """The kinds of hints that an error gives."""

    UNKNOWN = "unknown"
    REQUIRED = "required"
    HEADER = "header"
    ENUM = "enum"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    MOST_VALUES = "most_values"
    TYPE = "type"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording; `type` is the type or format that it always expects."""

    kind: HintKind
    pattern: re.Pattern[str]
    type: str = ""
    inner: bool = False


_NAME = r"(?<![\w$@.\[\]/-])[\"'`]?(?P<name>[A-Za-z_$@][\w$@.\[\]/-]{0,120}?)[\"'`]?"
_LONG_NAME = r"(?:(?:each value in|nested property|the|field|property|body|data)[ ]+)?" + _NAME
_QUOTED = r"[\"'`](?P<name>[^\"'`]{1,120})[\"'`]"
_NUMBER = r"(?P<number>-?\d{1,12}(?:\.\d{1,6})?)"
_BE = r"(?:must|should|has to|may|can|needs to|to)"
_LIST = r"(?P<values>.{1,2000})"


def _row(kind: HintKind, pattern: str, expected: str = "", *, inner: bool = False) -> Wording:
    spelled = pattern
    for word, text in (("<LN>", _LONG_NAME), ("<N>", _NAME), ("<Q>", _QUOTED), ("<#>", _NUMBER),
                       ("<BE>", _BE), ("<LIST>", _LIST)):  # fmt: skip
        spelled = spelled.replace(word, text)
    return Wording(kind, re.compile(spelled, re.IGNORECASE), expected, inner)


_UNKNOWN = (
    _row(HintKind.UNKNOWN, r"(?:(?P<parent>[\w.\[\]]+)\.)?property <N> should not exist"),
    _row(
        HintKind.UNKNOWN,
        r"unrecognized key\W*s?\)?(?: in object)?:?\s*(?P<names>.{1,500})",
        inner=True,
    ),
    _row(HintKind.UNKNOWN, r"extra (?:inputs|fields) (?:are )?not permitted"),
    _row(
        HintKind.UNKNOWN,
        r"additional properties are not allowed \((?P<names>.{1,500}?) w(?:as|ere)",
        inner=True,
    ),
    _row(
        HintKind.UNKNOWN, r"unknown field <Q>(?:, expected (?:one of )?(?P<values>.*))?", inner=True
    ),
    _row(
        HintKind.UNKNOWN,
        r"unrecognized (?:field|property|parameter|member|name) <Q>"
        r"(?:.*known properties: (?P<values>[^\]]*))?",
    ),
    _row(HintKind.UNKNOWN, r"JSON property <Q> could not be mapped to any"),
    _row(HintKind.UNKNOWN, r"could not find member <Q> on object"),
    _row(
        HintKind.UNKNOWN,
        r"(?:unexpected|unknown|unsupported|unrecognized|additional|extra|invalid)"
        r" (?:property|field|member|parameter|key|attribute|argument|option)s?:? <Q>",
    ),
    _row(
        HintKind.UNKNOWN,
        r"<Q> is not (?:allowed|permitted|a (?:known|valid|recognized) (?:field"
        r"|property|parameter|member))\b(?! to be)",
    ),
    _row(HintKind.UNKNOWN, r"^<N> is (?:not allowed|unknown|not a known (?:field|property))\.?$"),
)
_HEADERS = (
    _row(
        HintKind.HEADER,
        r"(?:missing|required)(?: \w+){0,2} header:? [\"'`]?(?P<name>[A-Za-z][\w-]+)",
    ),
    _row(
        HintKind.HEADER,
        r"header [\"'`]?(?P<name>[A-Za-z][\w-]+)[\"'`]? (?:is|was|must|has|needs)\b",
    ),
    _row(
        HintKind.HEADER,
        r"(?P<name>\bX-[\w-]+\b)[\"'`]?(?: \w+)? (?:is|was) (?:required|missing|not"
        r" (?:set|present|provided))",
    ),
    _row(HintKind.HEADER, r"(?:missing|provide|set|send) (?:the )?[\"'`]?(?P<name>X-[\w-]+)"),
)
_LISTS = (
    _row(HintKind.ENUM, r"invalid enum value\. expected <LIST>, received"),
    _row(HintKind.ENUM, r"invalid (?:option|discriminator value)[:.] expected (?:one of )?<LIST>"),
    _row(
        HintKind.ENUM,
        r"not one of the values accepted for enum class: ?\[(?P<values>[^\]]{1,2000})",
    ),
    _row(HintKind.ENUM, r"unknown variant .{1,80}?, expected (?:one of )?<LIST>"),
    _row(
        HintKind.ENUM,
        r"<LN> <BE> be (?:equal to )?(?:one|any) of(?: the)?(?: following| allowed)?"
        r"(?: values)?[: ]*<LIST>",
    ),
    _row(
        HintKind.ENUM,
        r"(?:is not|must be|should be|be|expected) (?:one|any) of(?: the)?(?: following"
        r"| allowed| permitted)?(?: values)?[: ]*<LIST>",
    ),
    _row(
        HintKind.ENUM,
        r"(?:allowed|valid|permitted|accepted|possible|supported)"
        r" (?:values|options|states)(?: are| include)?:? <LIST>",
    ),
    _row(
        HintKind.ENUM,
        r"(?:input should be|value is not a valid enumeration member; permitted:)"
        r" (?P<values>'.{1,2000})",
    ),
    _row(HintKind.ENUM, r"validation for <Q> failed on the 'oneof' tag"),
    _row(HintKind.ENUM, r"<LN> <BE> be a valid enum value"),
    _row(HintKind.ENUM, r"^invalid (?:enum )?value(?= - at|$)"),
)
_REQUIRED = (
    _row(HintKind.REQUIRED, r"must have required property <Q>", inner=True),
    _row(
        HintKind.REQUIRED,
        r"missing (?:a )?(?:required )?(?:field|property|member|parameter"
        r"|properties including|creator property|argument|value)s?:? (?:for )?<Q>",
        inner=True,
    ),
    _row(
        HintKind.REQUIRED,
        r"missing (?:required )?(?:field|property|member|parameter)s?:? <N>(?:$|[ ,.])",
    ),
    _row(HintKind.REQUIRED, r"invalid input: expected (?P<type>\w+), received undefined"),
    _row(HintKind.REQUIRED, r"expected (?P<type>\w+), received undefined"),
    _row(HintKind.REQUIRED, r"<Q> (?:field )?(?:is a |is )?required"),
    _row(
        HintKind.REQUIRED,
        r"<LN>(?: field| property)? (?:is (?:a )?required|is missing|was not provided)",
    ),
    _row(HintKind.REQUIRED, r"validation for <Q> failed on the 'required\w*' tag"),
    _row(
        HintKind.REQUIRED,
        r"<LN> (?:must|should|may|can) ?not be (?:null|undefined|empty|blank|none)",
    ),
    _row(
        HintKind.REQUIRED,
        r"(?:^|[^\w])(?:field required|required|this field (?:is required|may not"
        r" be (?:null|blank))|must not be (?:null|empty|blank)|none is not an allowed value)\.?$",
    ),
)
_COUNTS = (
    _row(HintKind.MOST_VALUES, r"<LN> must contain no more than <#> elements"),
    _row(
        HintKind.MOST_VALUES,
        r"<LN> must contain (?:less than or equal to|at most) <#> (?:item|element)",
    ),
    _row(
        HintKind.MOST_VALUES,
        r"(?:not have more than|at most|no more than|to have <=|maximum of) ?<#>"
        r" (?:item|element|value|id|entr)",
    ),
    _row(HintKind.MOST_VALUES, r"size must be between \d+ and <#>"),
    _row(HintKind.MOST_VALUES, r"maximum length of '?<#>'?"),
)
_NUMBERS = (
    _row(HintKind.MAXIMUM, r"<LN> <BE> be between (?P<least>-?\d+) and <#>"),
    _row(HintKind.MAXIMUM, r"(?:is not )?between (?P<least>-?\d+) and <#>"),
    _row(
        HintKind.MAXIMUM,
        r"<LN> (?:(?:must|should|may|can) ?not (?:be (?:greater|more|larger|higher)"
        r" than|exceed)|<BE> be (?:less|lower|smaller) than or equal (?:to )?|<BE> be (?:<=|at most"
        r"|no more than|max(?:imum)?)) ?'?<#>(?!\d* (?:char|letter|item|element))",
    ),
    _row(HintKind.MAXIMUM, r"max(?:imum)?(?: allowed)? (?P<name>\w+)(?: is|:| =) ?<#>"),
    _row(
        HintKind.MAXIMUM,
        r"(?:less than or equal to|to be <=|<=|at most|must not exceed|cannot exceed"
        r"|exceeds?(?: the)? (?:maximum|limit)(?: \w+)?(?: of)?|greater than the maximum of"
        r"|max(?:imum)?(?: \w+){0,3}(?: is|:| of| =)?|up to)"
        r" ?'?<#>(?!\d* (?:char|letter|item|element))",
    ),
    _row(HintKind.MAXIMUM, r"<LN> must be less than '?(?P<below>-?\d+)"),
    _row(HintKind.MAXIMUM, r"<#> or (?:less|fewer|lower)"),
    _row(HintKind.MAXIMUM, r"validation for <Q> failed on the '(?:max|lte|lt)' tag"),
    _row(
        HintKind.MINIMUM,
        r"<LN> (?:(?:must|should) not be (?:less|lower|smaller) than|<BE> be (?:greater"
        r"|more|larger) than or equal (?:to )?|<BE> be (?:>=|at least)) ?'?<#>",
    ),
    _row(
        HintKind.MINIMUM,
        r"(?:greater than or equal to|to be >=|>=|at least|less than the minimum of)"
        r" ?'?<#>(?!\d* (?:char|letter|item|element))",
    ),
    _row(HintKind.MINIMUM, r"<LN> must be greater than '?(?P<above>-?\d+)"),
    _row(HintKind.MINIMUM, r"(?:<LN> )?must be a positive (?:number|integer)"),
    _row(HintKind.MINIMUM, r"validation for <Q> failed on the '(?:min|gte|gt)' tag"),
)
_FORMATS = (
    _row(HintKind.FORMAT, r"<LN> must be a valid ISO ?8601(?: date)?(?: string)?", "date-time"),
    _row(
        HintKind.FORMAT,
        r"<LN> must be (?:in )?(?:a valid )?ISO ?(?:8601)? ?(?:date)? ?(?:string|format)?$",
        "date-time",
    ),
    _row(HintKind.FORMAT, r"<LN> must be a Date(?: instance)?$", "date-time"),
    _row(HintKind.FORMAT, r"<LN> must be a valid date(?:-?time)?(?: string)?", "date-time"),
    _row(HintKind.FORMAT, r"<LN> must match format \"(?P<type>[\w-]+)\""),
    _row(HintKind.FORMAT, r"must match format \"(?P<type>[\w-]+)\""),
    _row(
        HintKind.FORMAT, r"invalid (?:ISO )?(?P<type>datetime|date|uuid|email|url)\b(?!.*expected)"
    ),
    _row(HintKind.FORMAT, r"(?:valid|ISO) (?P<type>datetime|date|timestamp|uuid|guid)\b"),
    _row(HintKind.FORMAT, r"<LN> must be a (?:valid )?(?P<type>uuid|guid|mongodb id)\b"),
    _row(HintKind.FORMAT, r"(?P<type>YYYY-MM-DD(?!T)|epoch|unix timestamp|milliseconds|RFC ?3339)"),
    _row(
        HintKind.FORMAT,
        r"(?:converted to|of type|deserialize value of type) [\w.`\[\]<]*?"
        r"(?P<type>DateTimeOffset|DateTime|DateOnly|LocalDate(?:Time)?|OffsetDateTime|Instant"
        r"|time\.Time|Guid|UUID)\b",
    ),
)
_TYPES = (
    _row(
        HintKind.TYPE,
        r"<LN> must be (?:an? )?(?:valid )?(?P<type>integer|number|string|boolean|array"
        r"|object|list|numeric|int)\b",
    ),
    _row(HintKind.TYPE, r"<LN> must be either (?P<type>object) or array"),
    _row(
        HintKind.TYPE,
        r"(?:input should be|value is not|is not|must be) (?:an? )?(?:valid )?"
        r"(?P<type>integer|number|string|boolean|array|list|object|dict(?:ionary)?|bool|str|int"
        r"|float"
        r"|decimal)\b",
    ),
    _row(
        HintKind.TYPE,
        r"expected (?:an? )?[\"'`]?(?P<type>\w+)[\"'`]?(?: \| null)?,? (?:received|got)\b",
    ),
    _row(HintKind.TYPE, r"expected `(?P<type>\w+)` - at\b"),
    _row(HintKind.TYPE, r"is not of type [\"'`](?P<type>\w+)"),
    _row(
        HintKind.TYPE,
        r"cannot unmarshal \w+ into Go (?:struct field [\w]+\.(?P<name>[\w.]+)|value)"
        r" of type (?P<type>[\w.\[\]*]+)",
    ),
    _row(
        HintKind.TYPE,
        r"converted to (?:[\w.]*\.)?(?P<type>Int\d+|Double|Decimal|Boolean|String|List"
        r"|IEnumerable|\w+\[\])",
    ),
    _row(HintKind.TYPE, r"deserialize value of type [`'\"]?(?:[\w.]*\.)?(?P<type>\w+)"),
)

WORDINGS = (
    *_HEADERS, *_UNKNOWN, *_LISTS, *_REQUIRED, *_COUNTS, *_NUMBERS, *_FORMATS, *_TYPES,
)  # fmt: skip

CODES = {
    "unrecognized_keys": HintKind.UNKNOWN, "additionalproperties": HintKind.UNKNOWN,
    "unevaluatedproperties": HintKind.UNKNOWN, "object.unknown": HintKind.UNKNOWN,
    "extra_forbidden": HintKind.UNKNOWN, "value_error.extra": HintKind.UNKNOWN,
    "whitelistvalidation": HintKind.UNKNOWN,
    "required": HintKind.REQUIRED, "any.required": HintKind.REQUIRED, "missing": HintKind.REQUIRED,
    "value_error.missing": HintKind.REQUIRED, "isdefined": HintKind.REQUIRED,
    "notnull": HintKind.REQUIRED, "notempty": HintKind.REQUIRED, "notblank": HintKind.REQUIRED,
    "enum": HintKind.ENUM, "any.only": HintKind.ENUM, "invalid_enum_value": HintKind.ENUM,
    "invalid_value": HintKind.ENUM, "literal_error": HintKind.ENUM,
    "maximum": HintKind.MAXIMUM, "number.max": HintKind.MAXIMUM,
    "less_than_equal": HintKind.MAXIMUM,
    "minimum": HintKind.MINIMUM, "number.min": HintKind.MINIMUM,
    "greater_than_equal": HintKind.MINIMUM,
    "maxitems": HintKind.MOST_VALUES, "array.max": HintKind.MOST_VALUES,
    "arraymaxsize": HintKind.MOST_VALUES, "too_long": HintKind.MOST_VALUES,
    "format": HintKind.FORMAT, "date.base": HintKind.FORMAT, "date.format": HintKind.FORMAT,
    "datetime_parsing": HintKind.FORMAT, "type": HintKind.TYPE, "invalid_type": HintKind.TYPE,
}  # fmt: skip
"""The machine-readable codes of libraries that send some beside the text."""

TYPES = {
    "int": "integer", "int16": "integer", "int32": "integer", "int64": "integer", "long": "integer",
    "integer": "integer", "uint": "integer", "number": "number", "numeric": "number",
    "float": "number",
    "float64": "number", "double": "number", "decimal": "number", "bigdecimal": "number",
    "string": "string", "str": "string", "bool": "boolean", "boolean": "boolean", "array": "array",
    "list": "array", "ienumerable": "array", "arraylist": "array", "object": "object",
    "dict": "object", "dictionary": "object", "map": "object", "datetime": "date-time",
    "datetimeoffset": "date-time", "offsetdatetime": "date-time", "localdatetime": "date-time",
    "instant": "date-time", "time.time": "date-time", "timestamp": "date-time", "date": "date",
    "dateonly": "date", "localdate": "date", "yyyy-mm-dd": "date", "date-time": "date-time",
    "rfc3339": "date-time", "rfc 3339": "date-time", "uuid": "uuid", "guid": "uuid",
    "epoch": "epoch", "unix timestamp": "epoch", "milliseconds": "epoch-milliseconds",
    "email": "email", "url": "uri", "mongodb id": "mongodb-id",
}  # fmt: skip
"""Spellings of types and formats in messages -> the words of JSON Schema."""
