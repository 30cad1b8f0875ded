# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What each engine is told of NVIDIA's runtime, and how it comes to read it. Pure.

Docker reloads, which ends nothing. containerd restarts: its containers have shims that live on, but a Docker
whose service is bound to containerd's stops with it, and its containers do too unless live-restore is set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._catalog.container import CONTAINERD_MERGES, PODMAN_WITH_CDI, cri_plugins
from .._catalog.versions import at_least
from .._plan import Blocker, Step
from . import containerd, docker
from .json_text import dumped
from .state import Conf, ContainerState, conf_kept, containerd_has, engine_row, runtime_default
from .steps import AskContainers, EngineFile, Reload
from .toml import BadToml, parsed
from .wish import CONTAINERD, DOCKER, ENGINES, PODMAN, ContainerWish

_FLAGS = ("--add-runtime", "--default-runtime")
_LEAVE_OUT = "or leave %s out: engines: [%s]"


@dataclass
class Changes:
    """What is to be done about engines, and what is to be said."""

    steps: List[Step] = field(default_factory=list)
    blockers: List[Blocker] = field(default_factory=list)
    questions: List[Any] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    rows: Dict[str, Any] = field(default_factory=dict)
    record: Dict[str, Any] = field(default_factory=dict)
    chosen: Tuple[str, ...] = ()
    #: Will Docker have the runtime?
    runtime: bool = True

    def write(self, conf: Conf, text: str, engine: str, what: str, why: str) -> None:
        record = dumped(self.record, " ") if self.record else ""
        data = EngineFile(conf.path, text, conf.mode, conf.owner, record, engine)
        self.steps.append(Step("engines", "write-engine-file", what, why, data))


def present(state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any]) -> Changes:
    """The engines that are wished for, or are there, know the runtime."""
    found = Changes(record=dict(state.record))
    found.chosen = _chosen(state, wish, found)
    if DOCKER in found.chosen:
        _docker(state, wish, found)
    else:
        # One that was cut off may have changed the file: it is to be read as it is.
        found.runtime = docker.runtime_of(state.docker.data or {}) is not None
    if CONTAINERD in found.chosen:
        _containerd(state, wish, found)
    _read_anew(state, wish, found, answers)
    return found


def _chosen(state: ContainerState, wish: ContainerWish, found: Changes) -> Tuple[str, ...]:
    names = []
    for name in ENGINES:
        asked_for = wish.engines is not None and name in wish.engines
        engine = state.engines.get(name)
        if wish.engines is not None and not asked_for:
            continue
        unfit = "it is not installed" if engine is None else _unfit(state, name)
        if not unfit:
            names.append(name)
        elif asked_for:
            rest = ", ".join(each for each in wish.engines or () if each != name)
            leave = _LEAVE_OUT % (name, rest or "auto")
            found.blockers.append(Blocker("%s is not to be had as wished" % name, unfit, _next(name) + leave))
        elif engine is not None and name != CONTAINERD:
            found.warnings.append("%s is left alone: %s." % (name, unfit))
    if wish.engines is None and not names:
        found.warnings.append("There is no container engine that could use the GPUs: nothing is configured.")
    return tuple(names)


def _next(name: str) -> str:
    return {PODMAN: "install Podman %s or later, " % PODMAN_WITH_CDI}.get(name, "install it from packages, ")


def _unfit(state: ContainerState, name: str) -> str:
    engine = state.engines[name]
    if engine.unfit:
        return engine.unfit
    if name == PODMAN and engine.version and not at_least(engine.version, PODMAN_WITH_CDI):
        return "Podman %s does not know CDI, which came with %s" % (engine.version, PODMAN_WITH_CDI)
    off = containerd.without_cri(state.containerd.data or {}, state.imported) if name == CONTAINERD else ""
    return "CRI is in disabled_plugins of %s, so it serves no Kubernetes" % off if off else ""


def serves_docker_alone(state: ContainerState) -> bool:
    """containerd came with Docker, which does not use its CRI."""
    return DOCKER in state.engines and not state.engines[DOCKER].unfit and not state.kubelet


def _docker(state: ContainerState, wish: ContainerWish, found: Changes) -> None:
    conf, command = state.docker, state.engines[DOCKER].command
    config = conf.data
    if config is None:
        found.blockers.append(_unread(conf, "mend the file"))
        return
    flags = [flag for flag in _FLAGS if flag in command]
    if flags:
        what = "Docker's runtimes are on its command line, and dockerd refuses them in its file then"
        leave = "take %s out of docker.service, %s" % (flags[0], _LEAVE_OUT % (DOCKER, "podman"))
        found.blockers.append(Blocker(what, command, leave))
        return
    runtime = docker.runtime_of(config)
    if runtime is not None and not docker.is_nvidias(runtime) and not wish.take_over:
        what = "Docker has a runtime nvidia that is not that of the packages"
        which = "%s: %s" % (conf.path, " ".join(dumped(runtime, "").split()))
        found.blockers.append(Blocker(what, which, "remove it, or set take_over: true to have it replaced"))
        return
    record = state.record.get(DOCKER)
    new = docker.with_runtime(config, wish.default_runtime, record)
    if new != config:
        found.record[DOCKER] = docker.recorded(config, new, record, conf.text is not None)
        what = "tell Docker of the runtime nvidia in %s" % conf.path
        found.write(conf, docker.as_text(new, conf.text), DOCKER, what, _why(runtime, wish))
    path = (docker.runtime_of(new) or {}).get("path")
    found.rows[DOCKER] = engine_row(state.engines[DOCKER], path, new.get("default-runtime"))


def _why(runtime: Any, wish: ContainerWish) -> str:
    if runtime is None:
        return "it has no runtime nvidia"
    return "default_runtime: %s is wished" % str(bool(wish.default_runtime)).lower()


def _unread(conf: Conf, advice: str) -> Blocker:
    return Blocker("A file of an engine cannot be read", "%s is %s" % (conf.path, conf.trouble), advice)


def _containerd(state: ContainerState, wish: ContainerWish, found: Changes) -> None:
    if wish.engines is None and serves_docker_alone(state):
        found.chosen = tuple(name for name in found.chosen if name != CONTAINERD)
        return
    config, engine = state.containerd.data, state.engines[CONTAINERD]
    if config is None:
        advice = "mend the file, or see what 'containerd config dump' says of it"
        found.blockers.append(_unread(state.containerd, advice))
        return
    unfit = _unusable(state, config)
    if not unfit and _is_elsewhere(state, wish, config):
        # Somebody's own, nvidia-ctk's for example, and it does what is wished.
        found.rows[CONTAINERD] = engine_row(engine, *runtime_default(state, CONTAINERD))
        return
    unfit = unfit or _refused(state, wish, config)
    if unfit:
        found.blockers.append(unfit)
        return
    _our_file(state, wish, config, found)


def _our_file(state: ContainerState, wish: ContainerWish, config: Mapping[str, Any], found: Changes) -> None:
    """Ours is there, containerd reads it, and no other file overrules it."""
    conf, engine, ours = state.containerd, state.engines[CONTAINERD], state.imported.get(containerd.DROP_IN)
    record = dict(state.record.get(CONTAINERD) or {"made": conf.text is None})
    default = wish.default_runtime
    if default is None and record.get("default") is not None:
        default = bool(record["default"])
    others = {path: text for path, text in state.imported.items() if path != containerd.DROP_IN}
    said = containerd_has(state, config, others)
    wanted = containerd.drop_in(config, said, default, containerd.merges(engine.version))
    files = {**others, containerd.DROP_IN: wanted}
    text, why = _main_file(state, config, files, default)
    after = containerd.read(text)
    result = containerd_has(state, after, files)
    key = containerd.wrong(result, default)
    if key:
        what = "containerd reads a file after ours that overrules it"
        advice = "take %s out of it, or have it read before %s" % (key, containerd.DROP_IN)
        which = ", ".join(containerd.overruling(after, files, key))
        found.blockers.append(Blocker(what, which, advice))
        return
    # It has what the main file has, passwords too: nobody reads it who does not read that.
    mode = 0o600 if conf.text is None else 0o600 | conf.mode
    place = Conf(containerd.DROP_IN, mode=mode, owner=conf.owner)
    if wanted != ours:
        if ours is not None and containerd.MARK not in ours:
            record["former"] = state.drop_in.kept()
        if wish.default_runtime is not None:
            record["default"] = wish.default_runtime
        found.record[CONTAINERD] = record
        what = "write %s" % place.path
        found.write(place, wanted, CONTAINERD, what, "containerd is to have the runtime nvidia")
    elif state.drop_in.mode & ~mode:
        what = "have nobody read %s who does not read %s" % (place.path, conf.path)
        found.write(place, wanted, "", what, "it has what that file has")
    if text != (conf.text or ""):
        if containerd.DROP_IN not in containerd.patterns(config):
            found.record[CONTAINERD] = {**record, "import": True, "listed": "imports" in config}
        found.write(conf, text, CONTAINERD, "have %s import it as its last file" % conf.path, why)
    runtime, name = containerd.runtime_in(result), containerd.default_in(result)
    found.rows[CONTAINERD] = engine_row(engine, runtime, name)


def _main_file(
    state: ContainerState, config: Mapping[str, Any], files: Mapping[str, str], default: Optional[bool]
) -> Tuple[str, str]:
    """The main file as it imports ours, last where another would overrule it; and why it changes."""
    text = state.containerd.text or ""
    if containerd.DROP_IN not in containerd.reads(config, files):
        return containerd.with_import(text, config), "containerd reads no other file"
    key = containerd.wrong(containerd_has(state, config, files), default)
    if key:
        why = "%s overrules it" % ", ".join(containerd.overruling(config, files, key))
        return containerd.last_import(text), why
    return text, ""


def _is_elsewhere(state: ContainerState, wish: ContainerWish, config: Mapping[str, Any]) -> bool:
    """Do files of others have all that is wished?"""
    ours = state.imported.get(containerd.DROP_IN)
    # Ours keeps containerd from starting where it is imported by its name and is gone.
    held = containerd.DROP_IN in containerd.patterns(config) if ours is None else containerd.MARK in ours
    now = containerd_has(state, config, state.imported)
    return not (held or wish.take_over or containerd.wrong(now, wish.default_runtime))


def _unusable(state: ContainerState, config: Mapping[str, Any]) -> Optional[Blocker]:
    """Why nobody can tell what containerd makes of its files."""
    version, path = containerd.version_of(config), state.containerd.path
    if not cri_plugins(version):
        what = "containerd's configuration is of a version that has no place for this"
        advice = "write it anew with 'containerd config migrate'"
        return Blocker(what, "%s, version %d" % (path, version), advice)
    for name in containerd.reads(config, state.imported):
        try:
            parsed(state.imported[name] if name not in (containerd.CONFIG, containerd.DROP_IN) else "")
        except BadToml as exc:
            what = "A file that containerd imports cannot be read"
            return Blocker(what, "%s, %s" % (name, exc), "mend the file")
    strays = containerd.strays(config, state.imported, state.engines[CONTAINERD].version)
    if strays:
        what = "This containerd looks for a relative import with a star in its working directory"
        return Blocker(what, ", ".join(strays), "write its whole path, or upgrade containerd")
    return None


def _refused(state: ContainerState, wish: ContainerWish, config: Mapping[str, Any]) -> Optional[Blocker]:
    path, ours = state.containerd.path, state.imported.get(containerd.DROP_IN)
    imported = containerd.DROP_IN in containerd.reads(config, {**state.imported, containerd.DROP_IN: ""})
    if not imported and not containerd.can_import(state.containerd.text, config):
        what = "The list of imports is not written so that an entry can be put into it"
        return Blocker(what, path, "write it as imports = [...]")
    if ours is not None and containerd.MARK not in ours and not wish.take_over:
        what = "Somebody has a file of their own where ours goes, and it does not do what is wished"
        return Blocker(what, containerd.DROP_IN, "remove it, or set take_over: true to have it replaced")
    program = runtime_default(state, CONTAINERD)[0]
    if ours is None and program not in (None, *containerd.BINARIES) and not wish.take_over:
        what = "containerd has a runtime nvidia that is not that of the packages"
        which = "%s in %s or what it imports" % (program or "one without BinaryName", path)
        return Blocker(what, which, "remove it, or set take_over: true to have ours before it")
    rivals = containerd.others_with_plugin(config, state.imported)
    if rivals and not containerd.merges(state.engines[CONTAINERD].version):
        what = "containerd before %s takes CRI from one imported file alone" % CONTAINERD_MERGES
        return Blocker(what, ", ".join(rivals), "put what it says into %s, or upgrade containerd" % path)
    return None


def _read_anew(
    state: ContainerState, wish: ContainerWish, found: Changes, answers: Mapping[Any, Any]
) -> None:
    """Docker reloads, containerd restarts, where its files change or a run was cut off before that."""
    changed = {step.data.engine for step in found.steps}
    for name in (DOCKER, CONTAINERD):
        engine = state.engines.get(name)
        due = name in changed or name in state.owed
        if not due or engine is None or not engine.active:
            continue
        why = "its files change" if name in changed else "a run was cut off before that"
        if name == DOCKER and state.docker.data is None:
            continue
        if name == DOCKER:
            data, what = Reload(found.runtime), "reload Docker; its containers run on"
            found.steps.append(Step("engines", "reload-docker", what, why, data))
            continue
        if _ending(state, wish, found, answers):
            found.steps.append(Step("engines", "restart-containerd", "restart containerd", why, name))


def _ending(state: ContainerState, wish: ContainerWish, found: Changes, answers: Mapping[Any, Any]) -> bool:
    """May containerd restart? Not where Docker's containers would end and nobody agreed."""
    engine = state.engines.get(DOCKER)
    live = (state.docker.data or {}).get("live-restore")
    if engine is None or not (engine.active and engine.tied) or live or wish.disrupt_running_work:
        return True
    answer = answers.get(AskContainers())
    if answer is None:
        found.questions.append(AskContainers())
        return False
    if answer.ending:
        what = "containerd must restart, Docker's service is bound to it, and these containers would end"
        advice = "stop them, set live-restore in %s, or set disrupt_running_work: true" % state.docker.path
        found.blockers.append(Blocker(what, "; ".join(answer.ending[:8]), advice))
        return False
    return True


def absent(state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any]) -> Changes:
    """What we put into the engines' files goes, and nothing else."""
    found = Changes(record=dict(state.record))
    why = "state: absent is wished"
    config, record = state.docker.data, state.record.get(DOCKER)
    if config is None and record:
        found.blockers.append(_unread(state.docker, "mend the file"))
    elif config is not None:
        new = docker.without(config, record or {})
        found.runtime = docker.runtime_of(new) is not None
        if DOCKER in state.engines:
            path = (docker.runtime_of(new) or {}).get("path")
            found.rows[DOCKER] = engine_row(state.engines[DOCKER], path, new.get("default-runtime"))
        if new != config:
            text = "" if record and record.get("made") and not new else docker.as_text(new, state.docker.text)
            what = "take the runtime nvidia out of %s" % state.docker.path
            found.write(state.docker, text, DOCKER, what, why)
        if new.get("default-runtime") == docker.RUNTIME:
            what = (
                "Docker's default runtime is nvidia, which somebody else said: nothing would start without it"
            )
            advice = "take default-runtime out of the file, and reload Docker"
            found.blockers.append(Blocker(what, state.docker.path, advice))
        elif found.runtime:
            found.warnings.append(
                "%s has a runtime nvidia that somebody else put there: it stays." % state.docker.path
            )
    _containerd_goes(state, found, why)
    _read_anew(state, wish, found, answers)
    return found


def _containerd_goes(state: ContainerState, found: Changes, why: str) -> None:
    record = state.record.get(CONTAINERD) or {}
    conf, ours = state.containerd, state.imported.get(containerd.DROP_IN)
    config, files = conf.data or {}, dict(state.imported)
    if record.get("import") and conf.text is not None:
        text = containerd.without_import(conf.text, bool(record.get("listed")))
        if text != conf.text:
            gone = record.get("made") and text.strip() == "version = 2"
            what = "take our entry out of %s" % conf.path
            found.write(conf, "" if gone else text, CONTAINERD, what, why)
            config = containerd.read(text)
    if ours is not None and containerd.MARK in ours:
        place, text, what = Conf(containerd.DROP_IN), "", "remove %s"
        if record.get("former"):
            place = conf_kept(containerd.DROP_IN, record["former"])
            text, what = place.text or "", "write %s back as it was before"
        found.write(place, text, CONTAINERD, what % containerd.DROP_IN, why)
        files[containerd.DROP_IN] = text
    if CONTAINERD not in state.engines:
        return
    left = containerd_has(state, config, files)
    runtime, default = containerd.runtime_in(left), containerd.default_in(left)
    found.rows[CONTAINERD] = engine_row(state.engines[CONTAINERD], runtime, default)
    if default == containerd.RUNTIME and not containerd.without_cri(config, files):
        what = "containerd's default runtime is nvidia, which somebody else said: nothing would start then"
        named = ", ".join((conf.path, *(path for path, text in files.items() if text)))
        advice = "take default_runtime_name out of it, and restart containerd"
        found.blockers.append(Blocker(what, named, advice))
    elif runtime is not None:
        warning = "containerd's files have a runtime nvidia that somebody else put there: it stays."
        found.warnings.append(warning)
