"""The words of generated data: ordinary ones, and ones that break careless clients.

The order of every tuple matters: an inserted word changes the data of every seed.
"""

FIRST_NAMES = (
    "Anna", "Ben", "Chloé", "Dmitri", "Elif", "Farah", "Gustavo", "Hana", "Ivan", "Jürgen",
    "Karin", "Liam", "Mia", "Noor", "Oluwaseun", "Priya", "Quentin", "Rosa", "Søren", "Tomás",
    "Ulrike", "Vera", "Wei", "Ximena", "Yusuf", "Zoë",
)  # fmt: skip

LAST_NAMES = (
    "Adler", "Brown", "Castro", "D'Arcy", "Eriksen", "Fischer", "García", "Haddad", "Ivanova",
    "Jansen", "Kowalski", "Lindqvist", "Müller", "Nguyen", "O'Neill", "Pereira", "Quist", "Rossi",
    "Schmidt", "Tanaka", "Ünal", "van der Berg", "Weiß", "Xu", "Y\u0131lmaz", "Žukauskas",
)  # fmt: skip

AWKWARD_TEXTS = (
    "",
    " ",
    " leading blank",
    "trailing blank ",
    "two  blanks",
    "O'Neill; DROP TABLE users",
    'Robert "Bobby" Tables',
    "'",
    "''",
    "R&D + Q/A = 100% #1?",
    "C:\\temp\\new",
    "%27 or 1 eq 1",
    "a_b%c*d",
    "Łukasz Żółć",
    "Zoe\u0308 with a combining diaeresis",
    "Straße",
    "山田 太郎",
    "김민준",
    "مريم الهاشمي",
    "👩‍💻 Ada 🚀",
    "=1+1",
    "tab\there",
    "line\nbreak",
    "comma, semicolon; colon:",
    "null",
    "true",
    "0012",
    "<b>bold</b>",
    "long " * 60 + "name",
)

AWKWARD_ID_ENDS = (
    " 'quoted'", "/part", "%2F", " blank", "+plus", "-ü", "#hash", "&and", "?ask", "\\", '"', "=",
)  # fmt: skip

CONTENT_TYPES = ("COURSE", "PROGRAM", "DOCUMENT", "EVENT", "QUIZ")

TOPICS = (
    "Fire safety", "Data protection", "First aid", "Welcome aboard", "Code of conduct",
    "Negotiation", "Leadership", "Forklift licence", "Éthique des affaires", "Hygiene & HACCP",
    "Excel: from 0 to 100%", "Cybersecurity", "Sales 101", "Wohlfühlen im Büro",
)  # fmt: skip

GROUP_NAMES = (
    "Everyone", "Berlin", "São Paulo", "R&D", "Sales / EMEA", "Night shift", "Managers' circle",
    "新入社員", "50% part-time", " Contractors ", "",
)  # fmt: skip

CUSTOM_FIELDS = (
    (
        "cf_department", "Department",
        ("Sales", "R&D", "Finance", "Human Resources", "Logistics", "Café & Küche", "", "50% desk"),
    ),
    (
        "cf_region", "Region",
        ("EMEA", "North America", "LATAM", "Asia/Pacific", "DACH", "Côte d'Ivoire"),
    ),
    (
        "cf_job_title", "Job Title",
        (
            "Engineer", "Senior Engineer", "Account Manager", "Nurse", "Auditor",
            'Head of "Special" Projects', "Driver + Courier", "営業部長", " Trainee ",
            "C#/C++ Developer",
        ),
    ),
)  # fmt: skip
"""The id, the name and the values of each field."""
