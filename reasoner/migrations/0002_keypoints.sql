-- Key points of problems: what is asked, and what is told that bears on it. Every extraction and every edit is one more
-- row; none is ever changed or deleted.

CREATE TABLE key_points (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    problem_id TEXT NOT NULL REFERENCES problems (id),
    origin TEXT NOT NULL CHECK (origin IN ('machine', 'person', 'rules')),
    made_by TEXT NOT NULL, -- annotator's name, the model's, or "rules"
    created REAL NOT NULL,
    core_question TEXT NOT NULL,
    points TEXT NOT NULL -- JSON: ["Ana has 41 coins.", …]
);
CREATE INDEX key_points_by_problem ON key_points (problem_id);

CREATE TRIGGER key_points_stay_as_they_are BEFORE UPDATE ON key_points BEGIN
    SELECT RAISE(ABORT, 'key points are append-only');
END;
CREATE TRIGGER key_points_stay BEFORE DELETE ON key_points BEGIN
    SELECT RAISE(ABORT, 'key points are append-only');
END;
