-- Problems, traces, labels and pits. Times are seconds since 1970 (UTC); step numbers are 0-based.
-- Long texts come last in a row, so that a scan over the counters does not read them.

CREATE TABLE problems (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    num_traces INTEGER NOT NULL DEFAULT 0,
    num_right INTEGER NOT NULL DEFAULT 0,
    num_wrong INTEGER NOT NULL DEFAULT 0,
    num_unjudged INTEGER NOT NULL DEFAULT 0,
    num_labelled INTEGER NOT NULL DEFAULT 0, -- traces with a live label other than "skip"
    question TEXT NOT NULL,
    answer TEXT,
    level TEXT NOT NULL,
    solution TEXT NOT NULL,
    spec TEXT NOT NULL
);
CREATE INDEX problems_by_source ON problems (source);
-- The list's filters, each in the list's order.
CREATE INDEX problems_with_wrong ON problems (seq) WHERE num_wrong > 0;
CREATE INDEX problems_with_unjudged ON problems (seq) WHERE num_unjudged > 0;
CREATE INDEX problems_with_labelled ON problems (seq) WHERE num_labelled > 0;

CREATE TABLE traces (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    problem_id TEXT NOT NULL REFERENCES problems (id),
    status TEXT NOT NULL CHECK (status IN ('right', 'wrong', 'unjudged')),
    num_labels INTEGER NOT NULL DEFAULT 0, -- live labels other than "skip", by whomever
    format TEXT NOT NULL,
    answer TEXT,
    extracted TEXT,
    reason TEXT NOT NULL,
    maker TEXT NOT NULL, -- JSON object
    created REAL NOT NULL,
    steps TEXT NOT NULL, -- JSON: [[text, action or null, is_legal], …]
    prompt TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX traces_by_problem ON traces (problem_id);

CREATE TRIGGER trace_counted AFTER INSERT ON traces BEGIN
    UPDATE problems SET
        num_traces = num_traces + 1,
        num_right = num_right + (NEW.status = 'right'),
        num_wrong = num_wrong + (NEW.status = 'wrong'),
        num_unjudged = num_unjudged + (NEW.status = 'unjudged')
    WHERE id = NEW.problem_id;
END;

CREATE TRIGGER labelled_trace_counted AFTER UPDATE OF num_labels ON traces
WHEN (OLD.num_labels > 0) <> (NEW.num_labels > 0) BEGIN
    UPDATE problems SET num_labelled = num_labelled + (NEW.num_labels > 0) - (OLD.num_labels > 0)
    WHERE id = NEW.problem_id;
END;

-- Everything that was ever said about a trace, in order: a label, or the undoing of one.
CREATE TABLE label_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL CHECK (event IN ('label', 'undo')),
    label_id TEXT NOT NULL, -- the label made, or the label undone
    trace_id TEXT NOT NULL REFERENCES traces (id),
    problem_id TEXT NOT NULL REFERENCES problems (id),
    annotator TEXT NOT NULL,
    created REAL NOT NULL,
    kind TEXT NOT NULL,
    step INTEGER,
    error_class TEXT NOT NULL,
    correction TEXT NOT NULL,
    note TEXT NOT NULL,
    seconds REAL NOT NULL,
    seen_steps TEXT NOT NULL, -- JSON: the steps' texts as they were on screen
    UNIQUE (label_id, event)
);
CREATE INDEX label_events_by_trace ON label_events (annotator, trace_id);

CREATE TRIGGER label_events_stay_as_they_are BEFORE UPDATE ON label_events BEGIN
    SELECT RAISE(ABORT, 'label events are append-only');
END;
CREATE TRIGGER label_events_stay BEFORE DELETE ON label_events BEGIN
    SELECT RAISE(ABORT, 'label events are append-only');
END;

-- What follows from label_events: for each annotator and trace the latest label that was not undone.
CREATE TABLE live_labels (
    trace_id TEXT NOT NULL REFERENCES traces (id),
    annotator TEXT NOT NULL,
    seq INTEGER NOT NULL REFERENCES label_events (seq),
    is_skip INTEGER NOT NULL,
    PRIMARY KEY (trace_id, annotator)
) WITHOUT ROWID;
CREATE INDEX live_labels_by_annotator ON live_labels (annotator, seq, is_skip);

CREATE TABLE pits (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    trace_id TEXT NOT NULL REFERENCES traces (id),
    problem_id TEXT NOT NULL REFERENCES problems (id),
    step INTEGER,
    method TEXT NOT NULL,
    k INTEGER NOT NULL,
    maker TEXT NOT NULL, -- JSON object
    created REAL NOT NULL,
    seconds REAL NOT NULL,
    probes TEXT NOT NULL -- JSON: [{step, completions, recovered, num_tokens, prompt}, …]
);
CREATE INDEX pits_by_trace ON pits (trace_id);
CREATE INDEX pits_by_problem ON pits (problem_id);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
