import sys

import pytest

from ultralearn.cli import serve


def test_serve_takes_a_free_port_of_this_machine_and_wants_a_site(tmp_path, monkeypatch, capsys):
    with pytest.raises(FileNotFoundError, match="make book"):
        serve.server(tmp_path)
    monkeypatch.setattr(sys, "argv", ["serve", str(tmp_path)])
    with pytest.raises(SystemExit, match="make book"):
        serve.main()
    (tmp_path / "index.html").write_text("hello")
    opened = []
    monkeypatch.setattr(serve.webbrowser, "open", opened.append)

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(serve.ThreadingHTTPServer, "serve_forever", interrupted)
    serve.main()
    assert opened[0].startswith("http://127.0.0.1:")
    assert opened[0] in capsys.readouterr().out
