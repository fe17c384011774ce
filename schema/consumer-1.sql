-- The consumer: where each experiment that came from a provider stands, how it got there, and mail to send.

CREATE TABLE IF NOT EXISTS synced_experiment (
  experiment_id    BIGINT UNSIGNED NOT NULL COMMENT 'also the dest_path that the provider is asked to use',
  uid              VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'the provider''s name for it',
  provider_url     VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'without a trailing slash',
  document_digest  BINARY(32) NOT NULL COMMENT 'SHA-256 of the document it was registered with',
  state            VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state_since      DATETIME(6) NOT NULL,
  moved_at         DATETIME(6) NOT NULL COMMENT 'when files or bytes last moved, for telling a stall',
  attempts         INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'failed ones in this state',
  next_attempt_at  DATETIME(6) NULL COMMENT 'NULL: nothing more to do',
  lease_owner      VARCHAR(255) CHARACTER SET ascii NULL COMMENT 'host:pid:start:n',
  lease_until      DATETIME(6) NULL,
  status_document  TEXT NULL COMMENT 'the provider''s last status answer, JSON',
  checked_through  INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'every file up to this number was checked',
  bytes_checked    BIGINT UNSIGNED NOT NULL DEFAULT 0,
  error_code       VARCHAR(64) CHARACTER SET ascii NULL COMMENT 'the last error; NULL: none since it last moved on',
  error_text       TEXT NULL,
  created_at       DATETIME(6) NOT NULL,
  updated_at       DATETIME(6) NOT NULL,
  PRIMARY KEY (experiment_id),
  UNIQUE KEY synced_experiment_uid (provider_url, uid),
  KEY synced_experiment_by_uid (uid),
  KEY synced_experiment_due (next_attempt_at),
  KEY synced_experiment_lease (lease_owner),
  CONSTRAINT synced_experiment_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS synced_event (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  experiment_id BIGINT UNSIGNED NOT NULL,
  at            DATETIME(6) NOT NULL,
  host          VARCHAR(255) NOT NULL,
  kind          ENUM('registration', 'transition', 'request', 'error', 'manual', 'notify') NOT NULL,
  from_state    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
  to_state      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
  code          VARCHAR(64) CHARACTER SET ascii NULL COMMENT 'a typed error',
  text          TEXT NOT NULL,
  PRIMARY KEY (id),
  KEY synced_event_experiment (experiment_id, id),
  CONSTRAINT synced_event_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Only files that are not as promised have a row here.
CREATE TABLE IF NOT EXISTS file_problem (
  experiment_id BIGINT UNSIGNED NOT NULL,
  file_number   INT UNSIGNED NOT NULL,
  code          VARCHAR(64) CHARACTER SET ascii NOT NULL COMMENT 'a typed error',
  text          TEXT NOT NULL,
  found_at      DATETIME(6) NOT NULL,
  PRIMARY KEY (experiment_id, file_number),
  CONSTRAINT file_problem_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS notification (
  id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  experiment_id   BIGINT UNSIGNED NOT NULL,
  recipient       VARCHAR(400) NOT NULL,
  subject         TEXT NOT NULL,
  body            MEDIUMTEXT NOT NULL,
  created_at      DATETIME(6) NOT NULL,
  sent_at         DATETIME(6) NULL,
  attempts        INT UNSIGNED NOT NULL DEFAULT 0,
  next_attempt_at DATETIME(6) NULL COMMENT 'NULL: nothing more to do',
  lease_owner     VARCHAR(255) CHARACTER SET ascii NULL COMMENT 'host:pid:start:n',
  lease_until     DATETIME(6) NULL,
  error_code      VARCHAR(64) CHARACTER SET ascii NULL,
  error_text      TEXT NULL,
  PRIMARY KEY (id),
  KEY notification_due (next_attempt_at),
  CONSTRAINT notification_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
