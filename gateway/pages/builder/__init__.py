"""The query builder: a form for people, the URL that it stands for, and what that answers."""
