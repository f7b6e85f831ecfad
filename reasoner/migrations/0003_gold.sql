-- Gold answers as people reviewed them, and whether the ways of writing a problem's solutions agree.

-- Everything that was ever said about a gold answer, in order: a review, or the undoing of one.
CREATE TABLE gold_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL CHECK (event IN ('review', 'undo')),
    review_id TEXT NOT NULL, -- the review made, or the review undone
    problem_id TEXT NOT NULL REFERENCES problems (id),
    kind TEXT NOT NULL CHECK (kind IN ('confirmed', 'corrected', 'bad')),
    answer_before TEXT,
    answer_after TEXT,
    annotator TEXT NOT NULL,
    note TEXT NOT NULL,
    created REAL NOT NULL,
    UNIQUE (review_id, event)
);
CREATE INDEX gold_events_by_problem ON gold_events (problem_id);

CREATE TRIGGER gold_events_stay_as_they_are BEFORE UPDATE ON gold_events BEGIN
    SELECT RAISE(ABORT, 'gold events are append-only');
END;
CREATE TRIGGER gold_events_stay BEFORE DELETE ON gold_events BEGIN
    SELECT RAISE(ABORT, 'gold events are append-only');
END;

-- What follows from gold_events. `answer` is the gold answer in force, `source_answer` the one that came with the problem
-- (NULL where nobody has corrected it).
ALTER TABLE problems ADD COLUMN gold_review TEXT NOT NULL DEFAULT ''; -- '', 'confirmed', 'corrected', 'bad'
ALTER TABLE problems ADD COLUMN source_answer TEXT;
CREATE INDEX problems_with_review ON problems (seq) WHERE gold_review <> '';

-- A corrected gold answer changes verdicts: the counters follow.
CREATE TRIGGER judged_again_trace_counted AFTER UPDATE OF status ON traces WHEN OLD.status <> NEW.status BEGIN
    UPDATE problems SET
        num_right = num_right + (NEW.status = 'right') - (OLD.status = 'right'),
        num_wrong = num_wrong + (NEW.status = 'wrong') - (OLD.status = 'wrong'),
        num_unjudged = num_unjudged + (NEW.status = 'unjudged') - (OLD.status = 'unjudged')
    WHERE id = NEW.problem_id;
END;

-- A pit's evidence ("recovered") speaks of the gold answer that it was explored with; of another one it says nothing.
ALTER TABLE pits ADD COLUMN gold TEXT;
UPDATE pits SET gold = (SELECT answer FROM problems WHERE problems.id = pits.problem_id);
CREATE TRIGGER pit_keeps_its_gold AFTER INSERT ON pits BEGIN
    UPDATE pits SET gold = (SELECT answer FROM problems WHERE problems.id = NEW.problem_id) WHERE seq = NEW.seq;
END;

-- Do the formats of a problem's traces agree? 'agree', 'disagree', '' (fewer than two formats have an answer);
-- NULL: not worked out since the last trace came, which the next question for it does.
ALTER TABLE problems ADD COLUMN agreement TEXT;
CREATE INDEX problems_to_compare ON problems (seq) WHERE agreement IS NULL AND num_traces > 1;
CREATE INDEX problems_that_agree ON problems (agreement, seq) WHERE agreement <> '';
CREATE INDEX traces_by_format ON traces (format, status, problem_id);

CREATE TRIGGER trace_makes_agreement_unknown AFTER INSERT ON traces BEGIN
    UPDATE problems SET agreement = NULL WHERE id = NEW.problem_id AND agreement IS NOT NULL;
END;
CREATE TRIGGER verdict_makes_agreement_unknown AFTER UPDATE OF status ON traces WHEN OLD.status <> NEW.status BEGIN
    UPDATE problems SET agreement = NULL WHERE id = NEW.problem_id AND agreement IS NOT NULL;
END;
