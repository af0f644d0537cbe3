"""The simulator and Vedette with an example's own files, as scripts/demo starts them, but on free ports."""
import json
import re
import shutil

from support import ROOT, SIMULATOR, ProcessTest, fetch, get_json, wait_for


class DemoTest(ProcessTest):
    """Starts the simulator in `setUp`; `start_example` starts Vedette with its files beside it."""

    def setUp(self):
        super().setUp()
        self.simulator = self.start([SIMULATOR, "--listen", "127.0.0.1:0", "--smtp", "127.0.0.1:0",
                                     "--services", "127.0.0.1:0"], "simulator")
        ready = wait_for("the simulator's first line",
                         lambda: re.search(r"inbox (http://\S+)/inbox  mail (\S+)  services", self.simulator.output()))
        self.control, self.smtp = ready[1], ready[2]

    def start_example(self, name):
        """A copy of the example whose addresses are those of this simulator."""
        example = ROOT / "examples" / name
        shutil.copytree(example / "rules", self.folder / "rules")
        config = (example / "vedette.yml").read_text()
        for number, service in enumerate(get_json(self.control + "/services")):
            config = config.replace(f"127.0.0.1:{7900 + number}/", f"127.0.0.1:{service['port']}/")
        config = config.replace("http://127.0.0.1:7890", self.control).replace("127.0.0.1:7891", self.smtp)
        return self.start_vedette(config)

    def post(self, path):
        status, _, body = fetch(self.control + path, method="POST", data=b"")
        self.assertEqual(status, 200, body)

    def inbox(self, kind, contains):
        """The messages of one kind that contain a text, newest first."""
        return [one for one in get_json(self.control + "/inbox.json")
                if one["kind"] == kind and contains in json.dumps(one, ensure_ascii=False)]
