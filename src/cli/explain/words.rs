//! What `explain` knows beside findings, runbooks and playbooks: exit codes and words, each with what to do.

/// What the exit codes mean, and what to do; never reused.
pub(super) const EXIT_CODES: &[(i32, &str, &str)] = &[
    (0, "done: healthy / recovered / plan written / lint clean / all drills passed", ""),
    (
        1,
        "failed, and everything this run changed has been rolled back; or a read-only command could not look",
        "redis-dr runs report last says which step failed; redis-dr points shows the other ways",
    ),
    (
        2,
        "usage, configuration, or a runbook/playbook/plan file that is not valid",
        "the error names file, line or option; redis-dr --help",
    ),
    (
        3,
        "refused: a person must decide (outside policy, no recovery point within the allowed loss, no rule matched, \
         unknown topology, paused or held, too many recent recoveries). Nothing was changed, holds and hooks aside",
        "redis-dr assess says why; in a terminal a person may do what --auto may not",
    ),
    (
        4,
        "unfinished: stopped part-way, by choice or by failure; `runs resume` / `runs rollback` go on from here. \
         `serving` in the JSON says whether clients are served",
        "redis-dr runs resume carries it on; redis-dr runs rollback takes it back",
    ),
    (
        5,
        "stale plan: the facts have moved since the plan was made. Nothing was changed",
        "redis-dr plan -o plan.json makes a new plan; have it reviewed again",
    ),
    (
        6,
        "locked: another run holds this instance. Nothing was changed",
        "redis-dr recover --wait 5m waits for the other run; redis-dr runs list shows it",
    ),
    (
        7,
        "stuck: an undo failed; the by-hand steps are printed and in the report",
        "redis-dr runs report last; do the steps by hand, then redis-dr runs rollback",
    ),
    (
        8,
        "found something: `inspect`, `verify`, `drill run`; `assess` and `plan` with `--exit-code`",
        "what was found is in the output; --json for scripts",
    ),
    (
        70,
        "a defect in redis-dr (panic): what was changed is in the journal, `runs` goes on",
        "report it with the text; redis-dr runs list, then redis-dr runs resume or rollback",
    ),
    (130, "interrupted (Ctrl-C, SIGTERM, SIGHUP) before anything was changed; after: 4", "ask again when ready"),
];

/// A word of redis-dr: what sort of word, what it means, what to do or type.
pub(super) struct Word {
    pub name: &'static str,
    pub kind: &'static str,
    pub meaning: &'static str,
    pub hint: &'static str,
}

const fn word(name: &'static str, kind: &'static str, meaning: &'static str, hint: &'static str) -> Word {
    Word { name, kind, meaning, hint }
}

/// The sorts of words, in the order of `redis-dr explain`.
pub(super) const KINDS: &[&str] =
    &["word", "outcome", "outcome of a step", "kind of point", "severity", "scope", "risk"];

/// All words.
pub(super) const WORDS: &[Word] = &[
    word(
        "instance",
        "word",
        "One server under care. It is named in the config, or given as HOST:PORT or unix:PATH.",
        "redis-dr init finds the servers of this host",
    ),
    word("assessment", "word", "Facts and findings at one moment; making one changes nothing.", "redis-dr assess"),
    word(
        "fact",
        "word",
        "Something observed. What could not be observed is unknown, never guessed.",
        "redis-dr assess --json shows all facts",
    ),
    word(
        "finding",
        "word",
        "Something wrong, with severity, scope and evidence.",
        "redis-dr assess; redis-dr explain FINDING",
    ),
    word(
        "recovery point",
        "word",
        "Anything data can be had from: the memory of a running server, the live AOF, dump.rdb, a backup in a store, an AOF cut at a safe boundary.",
        "redis-dr points lists them, best first",
    ),
    word("playbook", "word", "An assessment and a decision tree that ends in runbooks.", "redis-dr playbook list"),
    word(
        "runbook",
        "word",
        "A list of steps that mend one cause or bring data back. As the outcome of a decision: the runbook named there does it.",
        "redis-dr runbook list",
    ),
    word(
        "plan",
        "word",
        "A runbook with nothing left unknown: exactly what would run, against which facts.",
        "redis-dr plan",
    ),
    word(
        "run",
        "word",
        "One carrying-out of a plan. It can be resumed or rolled back after a crash at any point.",
        "redis-dr runs list",
    ),
    word(
        "step",
        "word",
        "One part of a runbook: an action, the gates around it, and how it is undone.",
        "redis-dr runbook graph RUNBOOK",
    ),
    word(
        "action",
        "word",
        "What a step does, such as service.stop or rdb.place.",
        "redis-dr runbook schema lists all, with their parameters",
    ),
    word(
        "gate",
        "word",
        "A question that must be answered yes before a run goes on. Unknown is not yes.",
        "redis-dr runs report shows which gate closed, and why",
    ),
    word(
        "hold",
        "word",
        "Stops the bleeding: the running server overwrites none of its files any more, nothing starts it, every data file has a second name. --auto keeps its hands off until it is over.",
        "redis-dr hold holds; redis-dr hold --release puts everything back",
    ),
    word(
        "guard",
        "word",
        "Asked before a start (ExecStartPre=): refuses one that would come up with less than exists.",
        "redis-dr guard",
    ),
    word(
        "pause",
        "word",
        "A maintenance mark: --auto keeps its hands off until it is over.",
        "redis-dr pause; redis-dr pause --off",
    ),
    word(
        "policy",
        "word",
        "What --auto may do with nobody watching: how risky a runbook, how much lost, how often. Without one it may restart an instance whose files are whole, and no more.",
        "policy: { max_risk, max_loss, max_recoveries } in the config",
    ),
    word(
        "fence",
        "word",
        "Refuses clients' writes while data is being brought back; the server neither saves nor rewrites meanwhile.",
        "redis-dr runs resume goes on with a run that left one",
    ),
    word(
        "open",
        "word",
        "Lifts the fence: clients can write again. After it nothing is taken back without a person.",
        "",
    ),
    word("undo", "word", "Takes back one step.", "redis-dr plan shows the undo of each step"),
    word(
        "roll back",
        "word",
        "Takes back a whole run: every file and the service are as before it.",
        "redis-dr runs rollback",
    ),
    word("resume", "word", "Carries on a run that was not finished.", "redis-dr runs resume"),
    word(
        "stuck",
        "outcome",
        "An undo failed. Nothing more is tried; what a person has to do is printed and in the report.",
        "redis-dr runs report last; afterwards redis-dr runs rollback goes on",
    ),
    word(
        "point of no return",
        "word",
        "From here on a step can't be undone, or not without a person. The plan names it, and it is asked for first.",
        "redis-dr plan",
    ),
    word(
        "journal",
        "word",
        "The durable record of a run: one line, synced, before and after every step.",
        "redis-dr runs show",
    ),
    word(
        "vault",
        "word",
        "The safety copies of a run or hold: what was there before each change, read back and synced.",
        "redis-dr vault list shows them; redis-dr vault restore RUN PATH -o FILE copies one out",
    ),
    word(
        "store",
        "word",
        "Where the operator's backups live; redis-dr reads there and never writes.",
        "stores: in the config",
    ),
    word("drill", "word", "A rehearsal of a recovery on a private server.", ""),
    word(
        "topology",
        "word",
        "Which role an instance has among others: alone, replicated, in a Cluster. While it is unknown and something points at replication, --auto refuses, since another server may hold newer data.",
        "topology: standalone in the config, where it stands alone",
    ),
    word(
        "estimate",
        "word",
        "How long it takes until clients are served, from bytes and the speeds measured on this host.",
        "redis-dr points",
    ),
    word(
        "RTO",
        "word",
        "Recovery time objective: the time within which clients must be served again.",
        "objectives: { rto: 5m } in the config",
    ),
    word(
        "RPO",
        "word",
        "Recovery point objective: the window of data that may be lost.",
        "objectives: { rpo: 1h } in the config",
    ),
    word(
        "recovered",
        "outcome",
        "Done and proved: the server answers, takes a write, holds what the recovery point holds, and would load the same again. Exit code 0.",
        "redis-dr runs report last",
    ),
    word(
        "healthy",
        "outcome",
        "Nothing has to be done; nothing was changed. Exit code 0. As a severity: nothing was found.",
        "",
    ),
    word(
        "rolled_back",
        "outcome",
        "Taken back by request: everything is as before the run. Exit code 0.",
        "redis-dr recover starts anew",
    ),
    word(
        "failed",
        "outcome",
        "A step failed before clients were let in, and everything was taken back. Exit code 1.",
        "redis-dr runs report last says which step and why; redis-dr points shows the other ways",
    ),
    word(
        "refused",
        "outcome",
        "A person must decide; nothing was changed. Exit code 3.",
        "redis-dr recover in a terminal: a person may do what --auto may not",
    ),
    word(
        "waiting",
        "outcome",
        "It may mend itself (it loads, synchronizes, runs a script), and did not within the time given; nothing was changed. Exit code 3.",
        "redis-dr assess shows how far it is",
    ),
    word(
        "stale",
        "outcome",
        "The facts have moved since the plan was made; nothing was changed. Exit code 5.",
        "redis-dr plan -o plan.json makes a new one",
    ),
    word(
        "locked",
        "outcome",
        "Another run holds this instance; nothing was changed. Exit code 6.",
        "redis-dr recover --wait 5m waits for it",
    ),
    word(
        "unfinished",
        "outcome",
        "Stopped part-way, by choice or by failure. Nothing goes on by itself. Exit code 4.",
        "redis-dr runs resume carries it on; redis-dr runs rollback takes it back",
    ),
    word("interrupted", "outcome", "Stopped before anything was changed. Exit code 130.", "redis-dr recover"),
    word(
        "wait",
        "outcome",
        "Of a decision: it mends itself; data need not be touched. recover waits while there is progress.",
        "redis-dr assess shows how far it is",
    ),
    word(
        "needs_human",
        "outcome",
        "Of a decision: no rule may go on without a person; the findings say what is known.",
        "redis-dr assess -v shows every rule with its facts; redis-dr recover in a terminal",
    ),
    word("done", "outcome of a step", "Carried out, and its gates hold.", ""),
    word("already_done", "outcome of a step", "Nothing was left to do: it was done before.", ""),
    word("skipped", "outcome of a step", "Not needed here, or left out by a person with a reason.", ""),
    word("undone", "outcome of a step", "Carried out and taken back.", ""),
    word(
        "memory",
        "kind of point",
        "What a server that answers holds now. It is saved before anything else.",
        "redis-dr points",
    ),
    word("aof", "kind of point", "The append-only file (all its parts), whole.", "redis-dr points"),
    word(
        "aof-cut",
        "kind of point",
        "The AOF up to a safe boundary: before damage at its end, or before a command that removed all keys.",
        "redis-dr points",
    ),
    word("rdb", "kind of point", "The snapshot in the data directory.", "redis-dr points"),
    word("backup", "kind of point", "A snapshot in a store.", "redis-dr points"),
    word("replica", "kind of point", "Another server that holds a copy.", "redis-dr explain topology"),
    word("intact", "kind of point", "Of a point: every byte was walked and is right.", ""),
    word(
        "repairable",
        "kind of point",
        "Of a point: damaged at its end only; what comes before can be had.",
        "redis-dr plan shows what is cut",
    ),
    word("damaged", "kind of point", "Of a point: it can't be used as it is.", ""),
    word("unchecked", "kind of point", "Of a point: nobody has walked it yet.", "redis-dr points walks all"),
    word("critical", "severity", "Act now: nobody is served, or the next start would lose data.", "redis-dr recover"),
    word("major", "severity", "Act within the hour: service or data is affected.", "redis-dr recover"),
    word("minor", "severity", "Within a day: it can wait.", "redis-dr assess"),
    word("now", "scope", "Service or data is affected now.", ""),
    word("next", "scope", "Only the next failure would hurt.", ""),
    word(
        "low",
        "risk",
        "Starts what is there; nothing is replaced. --auto may do it by default.",
        "policy: { max_risk: low } in the config",
    ),
    word(
        "medium",
        "risk",
        "Changes settings or files, each with a copy; what is newest is kept.",
        "policy: { max_risk: medium } in the config",
    ),
    word(
        "high",
        "risk",
        "Puts other data in the place of what is there, each with a copy. --auto does it only where the policy says so.",
        "policy: { max_risk: high } in the config",
    ),
];
