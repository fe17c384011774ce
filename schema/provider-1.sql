-- The provider: where an experiment's files are, who was told of it, who asked for it, how far that is.

CREATE TABLE IF NOT EXISTS experiment_source (
  experiment_id BIGINT UNSIGNED NOT NULL,
  directory     VARCHAR(4096) COLLATE utf8mb4_bin NOT NULL COMMENT 'absolute; datafile paths are below it',
  PRIMARY KEY (experiment_id),
  CONSTRAINT experiment_source_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS client_key (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  address    VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'IPv4 or IPv6, in canonical text',
  key_digest BINARY(32) NOT NULL COMMENT 'SHA-256 of the key',
  site_name  VARCHAR(255) NOT NULL,
  site_url   VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'the site''s settings URL, as in the registry',
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY client_key_address (address, key_digest)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS registration (
  experiment_id   BIGINT UNSIGNED NOT NULL,
  site_url        VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
  site_name       VARCHAR(255) NOT NULL,
  state           ENUM('Pending', 'Registered', 'Refused') NOT NULL,
  chosen          BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'by --site or --all-sites: the owners need not match',
  attempts        INT UNSIGNED NOT NULL DEFAULT 0,
  next_attempt_at DATETIME(6) NULL COMMENT 'NULL: nothing more to do',
  lease_owner     VARCHAR(255) CHARACTER SET ascii NULL COMMENT 'host:pid:start',
  lease_until     DATETIME(6) NULL,
  location        VARCHAR(2048) NULL COMMENT 'Location of the consumer''s answer',
  error_code      VARCHAR(64) CHARACTER SET ascii NULL,
  error_text      TEXT NULL,
  created_at      DATETIME(6) NOT NULL,
  updated_at      DATETIME(6) NOT NULL,
  PRIMARY KEY (experiment_id, site_url),
  KEY registration_due (next_attempt_at),
  CONSTRAINT registration_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS transfer (
  id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  experiment_id   BIGINT UNSIGNED NOT NULL,
  site_url        VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
  site_name       VARCHAR(255) NOT NULL,
  dest_path       VARCHAR(300) COLLATE utf8mb4_bin NOT NULL COMMENT 'below the site''s serversite',
  state           ENUM('Queued', 'Sending', 'Complete', 'Failed', 'Cancelled') NOT NULL,
  attempts        INT UNSIGNED NOT NULL DEFAULT 0,
  next_attempt_at DATETIME(6) NULL COMMENT 'NULL: nothing more to do',
  lease_owner     VARCHAR(255) CHARACTER SET ascii NULL COMMENT 'host:pid:start',
  lease_until     DATETIME(6) NULL,
  sent_through    INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'resume cursor: every file up to this number has arrived',
  files_done      INT UNSIGNED NOT NULL DEFAULT 0,
  files_total     INT UNSIGNED NOT NULL,
  bytes_done      BIGINT UNSIGNED NOT NULL DEFAULT 0,
  bytes_total     BIGINT UNSIGNED NOT NULL,
  error_code      VARCHAR(64) CHARACTER SET ascii NULL,
  error_text      TEXT NULL,
  told_complete   BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'the site has seen status 1: another get is a new request',
  notify_pending  BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'notify_experiment is still owed to the site',
  requested_at    DATETIME(6) NOT NULL,
  started_at      DATETIME(6) NULL,
  finished_at     DATETIME(6) NULL,
  updated_at      DATETIME(6) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY transfer_experiment_site (experiment_id, site_url),
  KEY transfer_due (next_attempt_at),
  KEY transfer_notify (notify_pending),
  CONSTRAINT transfer_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS transfer_event (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  experiment_id BIGINT UNSIGNED NOT NULL,
  site_url      VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
  at            DATETIME(6) NOT NULL,
  host          VARCHAR(255) NOT NULL,
  kind          ENUM('registration', 'transition', 'error', 'manual', 'notify') NOT NULL,
  code          VARCHAR(64) CHARACTER SET ascii NULL COMMENT 'a typed error',
  text          TEXT NOT NULL,
  PRIMARY KEY (id),
  KEY transfer_event_experiment (experiment_id, site_url, id),
  CONSTRAINT transfer_event_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
