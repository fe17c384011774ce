-- What ticks know of each provider, and of themselves.

-- A provider that does not answer is left alone for a growing time; then one request tries it.
CREATE TABLE IF NOT EXISTS provider_health (
  provider_url    VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'as in synced_experiment',
  failures        INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'requests in a row that failed of the provider',
  lost            INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last of them that did not get through',
  failing_since   DATETIME(6) NULL COMMENT 'NULL: the last request did not fail',
  times_left      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'how often in a row it was left alone',
  left_at         DATETIME(6) NULL COMMENT 'when it was last left alone',
  left_until      DATETIME(6) NULL COMMENT 'NULL: it is asked; else it is left alone until then',
  put_off_until   DATETIME(6) NULL COMMENT 'by then all that was put off has come back',
  trial_owner     VARCHAR(255) CHARACTER SET ascii NULL COMMENT 'host:pid:start of the tick that tries it',
  trial_until     DATETIME(6) NULL,
  answered_at     DATETIME(6) NULL COMMENT 'when it last gave a sound answer',
  error_code      VARCHAR(64) CHARACTER SET ascii NULL COMMENT 'the last error',
  error_text      TEXT NULL,
  updated_at      DATETIME(6) NOT NULL,
  PRIMARY KEY (provider_url)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A row a host, added to by each of its ticks.
CREATE TABLE IF NOT EXISTS tick_figures (
  host            VARCHAR(255) NOT NULL,
  ticks           BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ticks_failed    BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'that ended with an error of their own',
  microseconds    BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'that all of them took',
  stepped         BIGINT UNSIGNED NOT NULL DEFAULT 0,
  step_errors     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  completed       BIGINT UNSIGNED NOT NULL DEFAULT 0,
  failed          BIGINT UNSIGNED NOT NULL DEFAULT 0,
  bytes_checked   BIGINT UNSIGNED NOT NULL DEFAULT 0,
  mails_sent      BIGINT UNSIGNED NOT NULL DEFAULT 0,
  last_ended_at   DATETIME(6) NOT NULL,
  last_microseconds BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (host)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

ALTER TABLE synced_event MODIFY kind
  ENUM('registration', 'transition', 'request', 'error', 'manual', 'notify', 'answer') NOT NULL;

-- What a mail tells of, so that many can become one, and since when the mail server has refused it.
ALTER TABLE notification
  ADD COLUMN about_state   VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'the state that was come into; NULL: an earlier version wrote it',
  ADD COLUMN about_code    VARCHAR(64) CHARACTER SET ascii NULL COMMENT 'a typed error; NULL: none',
  ADD COLUMN refused_since DATETIME(6) NULL COMMENT 'NULL: never',
  ADD KEY notification_recipient (recipient, next_attempt_at),
  ADD KEY notification_lease (lease_owner),
  ADD KEY notification_unsent (sent_at);

-- Leases are found by the ids of what was taken; keeping this index up to date took most of the time of a claim.
ALTER TABLE synced_experiment DROP INDEX synced_experiment_lease;

-- Experiments of which only the files in file_problem are asked for and checked again; all others are proven.
CREATE TABLE IF NOT EXISTS partial_retry (
  experiment_id   BIGINT UNSIGNED NOT NULL,
  sending         BIGINT UNSIGNED NOT NULL COMMENT 'the provider''s last one that is known to be of no proven file',
  agreed          BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'the provider says that it is of these files',
  files           INT UNSIGNED NOT NULL COMMENT 'that are asked for',
  checked_through INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of them, every one up to this number was checked again',
  PRIMARY KEY (experiment_id),
  CONSTRAINT partial_retry_synced FOREIGN KEY (experiment_id) REFERENCES synced_experiment (experiment_id)
    ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
