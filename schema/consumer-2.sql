-- What a person has stopped. A held experiment has no next_attempt_at and no lease, so that whatever takes what is due
-- need not look here; whoever makes an experiment due has to.

CREATE TABLE IF NOT EXISTS experiment_hold (
  experiment_id BIGINT UNSIGNED NOT NULL,
  reason        TEXT NOT NULL,
  held_by       VARCHAR(255) NOT NULL,
  held_at       DATETIME(6) NOT NULL,
  PRIMARY KEY (experiment_id),
  CONSTRAINT experiment_hold_synced FOREIGN KEY (experiment_id) REFERENCES synced_experiment (experiment_id)
    ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS provider_hold (
  provider_url VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'as in synced_experiment',
  reason       TEXT NOT NULL,
  held_by      VARCHAR(255) NOT NULL,
  held_at      DATETIME(6) NOT NULL,
  released_at  DATETIME(6) NULL COMMENT 'not NULL: released, and its experiments are being made due',
  PRIMARY KEY (provider_url)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
