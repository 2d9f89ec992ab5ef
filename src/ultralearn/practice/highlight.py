"""Source code as HTML that is readable in the book, in Colab and in JupyterLab, in light and in dark."""

from html import escape

from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

# The book's style sheet sets the variables for light and dark; elsewhere the mid-tone stands in, readable on both.
COLORS: list[tuple[_TokenType, str]] = [
    (Comment, "var(--ul-code-comment, #7d8590)"),
    (String, "var(--ul-code-string, #2f8f4e)"),
    (Number, "var(--ul-code-number, #b7651a)"),
    (Keyword, "var(--ul-code-keyword, #9a5fd6)"),
    (Operator.Word, "var(--ul-code-keyword, #9a5fd6)"),
    (Operator, "var(--ul-code-operator, #7d8590)"),
    (Name.Function, "var(--ul-code-name, #2f7fd0)"),
    (Name.Builtin, "var(--ul-code-name, #2f7fd0)"),
]


def highlight(source: str) -> str:
    """A `<pre>` of the source with inline colors: no style sheet has to be there."""
    parts = []
    for token, text in PythonLexer(stripall=True).get_tokens(source):
        color = next((color for kind, color in COLORS if token in kind), None)
        parts.append(f'<span style="color:{color}">{escape(text)}</span>' if color else escape(text))
    code = "".join(parts).rstrip("\n")
    return f'<pre style="overflow-x:auto;margin:0.5em 0;line-height:1.45" tabindex="0"><code>{code}</code></pre>'
