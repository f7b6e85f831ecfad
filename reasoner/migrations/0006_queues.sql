-- Where person and machine disagree, and where the machine is unsure: two queues. A pit's row is long (its completions
-- stand in it), so what a queue asks of it stands in a narrow table beside it, and follows by triggers.

-- What each pit says, in numbers. said: the pit's step, -1 where no step is one, NULL where the search ended before it
-- could say. chance: what the posterior gives that. margin: how far its likeliest place is ahead of the next one.
CREATE VIEW pit_words AS
SELECT
    pit, trace_id, problem_id, gold, said,
    iif(said IS NULL OR num = 0, NULL, json_extract(posterior, '$[' || iif(said < 0, num - 1, said) || ']')) AS chance,
    iif(best = num - 1, -1, best) AS best_step,
    json_extract(posterior, '$[' || best || ']') AS best_chance,
    json_extract(posterior, '$[' || best || ']')
        - (SELECT value FROM json_each(posterior) ORDER BY value DESC LIMIT 1 OFFSET 1) AS margin -- NULL where best is
FROM (
    SELECT
        pit, trace_id, problem_id, gold, posterior, num, best,
        CASE
            WHEN step IS NOT NULL THEN step
            WHEN is_tried AND (num = 0 OR best = num - 1) THEN -1
        END AS said
    FROM (
        SELECT
            seq AS pit, trace_id, problem_id, gold, step, posterior,
            probes <> '[]' AS is_tried, -- without any try the posterior is the prior: nothing was found
            iif(probes = '[]', 0, json_array_length(posterior)) AS num,
            iif(probes = '[]', NULL, (SELECT key FROM json_each(posterior) ORDER BY value DESC, key LIMIT 1)) AS best
        FROM pits
    )
);

-- The latest pit of each trace that was explored with the gold answer in force.
CREATE TABLE latest_pits (
    trace_id TEXT PRIMARY KEY REFERENCES traces (id),
    problem_id TEXT NOT NULL REFERENCES problems (id),
    pit INTEGER NOT NULL REFERENCES pits (seq),
    said INTEGER,
    chance REAL, -- 0-1; NULL, as best_* and margin, where the pit has no posterior
    best_step INTEGER, -- 0-based; -1: none
    best_chance REAL, -- 0-1
    margin REAL -- 0-1
) WITHOUT ROWID;
CREATE INDEX latest_pits_by_problem ON latest_pits (problem_id);
CREATE INDEX latest_pits_by_margin ON latest_pits (margin, trace_id, problem_id);

-- Every pit gets its gold answer by an update right after it came (0003): then it is the latest one.
CREATE TRIGGER pit_is_the_latest AFTER UPDATE OF gold ON pits BEGIN
    DELETE FROM latest_pits WHERE trace_id = NEW.trace_id;
    INSERT INTO latest_pits
    SELECT trace_id, problem_id, pit, said, chance, best_step, best_chance, margin FROM pit_words WHERE pit = (
        SELECT max(pits.seq) FROM pits JOIN problems ON problems.id = pits.problem_id
        WHERE pits.trace_id = NEW.trace_id AND pits.gold IS problems.answer
    );
END;
CREATE TRIGGER gold_says_which_pits_count AFTER UPDATE OF answer ON problems WHEN OLD.answer IS NOT NEW.answer BEGIN
    DELETE FROM latest_pits WHERE problem_id = NEW.id;
    INSERT INTO latest_pits
    SELECT trace_id, problem_id, pit, said, chance, best_step, best_chance, margin FROM pit_words WHERE pit IN (
        SELECT max(seq) FROM pits WHERE problem_id = NEW.id AND gold IS NEW.answer GROUP BY trace_id
    );
END;

-- "I have looked at this contradiction and keep my label": a word on one label against one pit, and its taking back.
CREATE TABLE looked_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL CHECK (event IN ('keep', 'undo')),
    trace_id TEXT NOT NULL REFERENCES traces (id),
    annotator TEXT NOT NULL,
    label INTEGER NOT NULL REFERENCES label_events (seq),
    pit INTEGER NOT NULL REFERENCES pits (seq),
    created REAL NOT NULL
);
CREATE TRIGGER looked_events_stay_as_they_are BEFORE UPDATE ON looked_events BEGIN
    SELECT RAISE(ABORT, 'looked events are append-only');
END;
CREATE TRIGGER looked_events_stay BEFORE DELETE ON looked_events BEGIN
    SELECT RAISE(ABORT, 'looked events are append-only');
END;
-- What follows from looked_events. Another label or a newer pit is another contradiction, not looked at yet.
CREATE TABLE looked_at (label INTEGER NOT NULL, pit INTEGER NOT NULL, PRIMARY KEY (label, pit)) WITHOUT ROWID;

-- Where a person who named the first wrong step (or none: -1) and a machine have both spoken of a trace.
CREATE VIEW words_met AS
SELECT
    live_labels.trace_id, live_labels.annotator, latest_pits.problem_id, live_labels.seq AS label, latest_pits.pit,
    iif(label_events.kind = 'first_wrong', label_events.step, -1) AS person,
    latest_pits.said AS machine,
    latest_pits.said <> iif(label_events.kind = 'first_wrong', label_events.step, -1) AS differs,
    ifnull(latest_pits.chance, -1) AS chance,
    EXISTS (
        SELECT 1 FROM looked_at WHERE looked_at.label = live_labels.seq AND looked_at.pit = latest_pits.pit
    ) AS is_kept
FROM live_labels
JOIN label_events ON label_events.seq = live_labels.seq
JOIN latest_pits ON latest_pits.trace_id = live_labels.trace_id
WHERE label_events.kind IN ('first_wrong', 'all_right') AND latest_pits.said IS NOT NULL;

CREATE TABLE compared (
    trace_id TEXT NOT NULL REFERENCES traces (id),
    annotator TEXT NOT NULL,
    problem_id TEXT NOT NULL REFERENCES problems (id),
    label INTEGER NOT NULL REFERENCES label_events (seq),
    pit INTEGER NOT NULL REFERENCES pits (seq),
    person INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    differs INTEGER NOT NULL, -- do they?
    chance REAL NOT NULL, -- 0-1, what the posterior gives the machine's word; -1 where there is no posterior
    is_kept INTEGER NOT NULL, -- the person has looked at the contradiction and keeps the label
    PRIMARY KEY (trace_id, annotator)
) WITHOUT ROWID;
CREATE INDEX compared_by_words ON compared (annotator, person, machine);
CREATE INDEX compared_that_differ ON compared (annotator, differs, is_kept, chance DESC, trace_id);
CREATE INDEX compared_of_anybody ON compared (differs, is_kept, chance DESC, trace_id, annotator);

CREATE TRIGGER label_meets_pit AFTER INSERT ON live_labels BEGIN
    INSERT OR REPLACE INTO compared (trace_id, annotator, problem_id, label, pit, person, machine, differs, chance, is_kept)
    SELECT * FROM words_met WHERE trace_id = NEW.trace_id AND annotator = NEW.annotator;
END;
CREATE TRIGGER label_goes AFTER DELETE ON live_labels BEGIN
    DELETE FROM compared WHERE trace_id = OLD.trace_id AND annotator = OLD.annotator;
END;
CREATE TRIGGER pit_meets_labels AFTER INSERT ON latest_pits BEGIN
    INSERT OR REPLACE INTO compared (trace_id, annotator, problem_id, label, pit, person, machine, differs, chance, is_kept)
    SELECT * FROM words_met WHERE trace_id = NEW.trace_id;
END;
CREATE TRIGGER pit_goes AFTER DELETE ON latest_pits BEGIN
    DELETE FROM compared WHERE trace_id = OLD.trace_id;
END;

INSERT INTO latest_pits
SELECT trace_id, problem_id, pit, said, chance, best_step, best_chance, margin FROM pit_words WHERE pit IN (
    SELECT max(pits.seq) FROM pits JOIN problems ON problems.id = pits.problem_id
    WHERE pits.gold IS problems.answer GROUP BY pits.trace_id
);
