"""Check the manifests of deploy/kubernetes against the schemas of Kubernetes, and what schemas can't know.

    python check_kubernetes.py BINARY MANIFEST...

Unknown fields are errors. Prints {"objects": [kind, ...], "version": of the schemas} as JSON. Needs: kubernetes-validate.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

# The oldest version that has all fields that are used, and the newest that the package knows.
VERSIONS = ("1.33", kubernetes_validate.latest_version())


def flags(binary: str) -> set[str]:
    said = subprocess.run([binary, "run", "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z-]+", said))


def check_job(job: dict, known: set[str], maps: set[str]) -> None:
    spec, template = job["spec"], job["spec"]["template"]["spec"]
    (container,) = template["containers"]
    arguments = container["args"]
    assert arguments[0] == "run" and "auto" in arguments, arguments
    unknown = [word for word in arguments if word.startswith("--") and word not in known]
    assert not unknown, f"the program has no {unknown}"
    partitions = [entry["value"] for entry in container["env"] if entry["name"] == "CODA_PIPE_PARTITIONS"]
    assert partitions == [str(spec["completions"])], f"{partitions} for {spec['completions']} completions"
    assert spec["completionMode"] == "Indexed" and spec["parallelism"] == spec["completions"]
    # What podFailurePolicy and backoffLimitPerIndex ask for.
    assert template["restartPolicy"] == "Never"
    assert template["terminationGracePeriodSeconds"] > 20, "the program may take 20 seconds to end"
    rules = spec["podFailurePolicy"]["rules"]
    codes = {(rule["action"], code) for rule in rules for code in rule.get("onExitCodes", {}).get("values", [])}
    assert codes == {("FailJob", 2), ("Ignore", 75), ("Ignore", 130)}, codes
    names = {rule["onExitCodes"]["containerName"] for rule in rules if "onExitCodes" in rule}
    assert names == {container["name"]}, names
    volumes = {volume["name"]: volume for volume in template["volumes"]}
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == set(volumes), f"mounted {mounts}, there are {set(volumes)}"
    used = {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
    assert used <= maps, f"{used - maps} is no ConfigMap here"


def check_pipeline(binary: str, text: str, job: dict) -> None:
    """The program takes the pipeline, which is given the container's processors, and never goes on without a card."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    cpus = container["resources"]["requests"]["cpu"]
    for line in ('devices = "cuda"', f"workers = {cpus}", f"threads = {cpus}"):
        assert f"\n{line}\n" in text, f"no {line} in\n{text}"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "pipeline.toml")
        path.write_text(text, encoding="utf-8")
        # A command that reads the pipeline and nothing that it names.
        command = [binary, "slurm", str(path), "--tasks", "1", "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def main() -> None:
    binary, *manifests = sys.argv[1:]
    known, kinds = flags(binary), []
    for path in map(pathlib.Path, manifests):
        objects = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        for one in objects:
            for version in VERSIONS:
                kubernetes_validate.validate(one, version, strict=True)
            kinds.append(one["kind"])
        maps = {one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"}
        claims = {one["metadata"]["name"] for one in objects if one["kind"] == "PersistentVolumeClaim"}
        about = path.read_text(encoding="utf-8").split("\napiVersion")[0]
        for one in objects:
            if one["kind"] == "Job":
                check_job(one, known, set(maps))
                check_pipeline(binary, maps["coda-pipe-pipeline"]["pipeline.toml"], one)
                mounted = one["spec"]["template"]["spec"]["volumes"]
                mounted = {volume["persistentVolumeClaim"]["claimName"] for volume in mounted if "persistentVolumeClaim" in volume}
                # What is not made here is named where it is said what there must be.
                assert all(f"claim {claim}," in about for claim in mounted - claims), mounted - claims
    print(json.dumps({"objects": kinds, "version": VERSIONS[-1]}))


if __name__ == "__main__":
    main()
