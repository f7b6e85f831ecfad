-- What a search for the pit believed at its end, whom it was judged by, and why it ended.

ALTER TABLE pits ADD COLUMN posterior TEXT NOT NULL DEFAULT '[]'; -- JSON: [0.02, 0.9, …, 0.03], one a step, last: none
ALTER TABLE pits ADD COLUMN judged_by TEXT NOT NULL DEFAULT 'gold'; -- 'gold' | 'agreement'
ALTER TABLE pits ADD COLUMN ended TEXT NOT NULL DEFAULT '';
