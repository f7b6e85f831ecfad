-- What value models say of traces: one score a state after each step, 0-1. A later scoring replaces an earlier one of
-- the same model, since it follows from the trace and the model alone.

CREATE TABLE valuations (
    seq INTEGER PRIMARY KEY,
    trace_id TEXT NOT NULL REFERENCES traces (id),
    problem_id TEXT NOT NULL REFERENCES problems (id),
    model TEXT NOT NULL, -- the value model's name
    created REAL NOT NULL,
    scores TEXT NOT NULL, -- JSON: [0.42, …], as many as the trace has steps
    UNIQUE (trace_id, model)
);
CREATE INDEX valuations_by_problem ON valuations (problem_id, model);
