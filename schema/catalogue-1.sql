-- The catalogue, on both sides: experiments, their datasets and datafiles, and their parameter sets.
-- Everything below an experiment is numbered within it from 1, so that a bulk load knows every key in
-- advance and InnoDB keeps an experiment's rows together in document order.

CREATE TABLE IF NOT EXISTS experiment (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  epn          VARCHAR(255) COLLATE utf8mb4_bin NULL COMMENT 'the facility''s proposal number',
  title        TEXT NOT NULL,
  description  MEDIUMTEXT NOT NULL,
  institution  VARCHAR(400) NOT NULL,
  start_time   VARCHAR(64) NULL COMMENT 'verbatim, as the document has it',
  end_time     VARCHAR(64) NULL COMMENT 'verbatim, as the document has it',
  url          TEXT NULL,
  file_count   INT UNSIGNED NOT NULL DEFAULT 0,
  byte_count   BIGINT UNSIGNED NOT NULL DEFAULT 0,
  created_at   DATETIME(6) NOT NULL,
  updated_at   DATETIME(6) NOT NULL,
  PRIMARY KEY (id),
  KEY experiment_epn (epn)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS author (
  experiment_id BIGINT UNSIGNED NOT NULL,
  number        INT UNSIGNED NOT NULL,
  name          TEXT NOT NULL,
  PRIMARY KEY (experiment_id, number),
  CONSTRAINT author_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS owner (
  experiment_id BIGINT UNSIGNED NOT NULL,
  number        INT UNSIGNED NOT NULL,
  email         VARCHAR(400) NOT NULL COMMENT 'an e-mail address, or a user name at the consumer',
  PRIMARY KEY (experiment_id, number),
  CONSTRAINT owner_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS dataset (
  experiment_id BIGINT UNSIGNED NOT NULL,
  number        INT UNSIGNED NOT NULL,
  description   TEXT NOT NULL,
  PRIMARY KEY (experiment_id, number),
  CONSTRAINT dataset_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS datafile (
  experiment_id    BIGINT UNSIGNED NOT NULL,
  number           INT UNSIGNED NOT NULL,
  dataset_number   INT UNSIGNED NOT NULL,
  name             VARCHAR(1024) COLLATE utf8mb4_bin NOT NULL,
  path             VARCHAR(4096) COLLATE utf8mb4_bin NOT NULL COMMENT 'below the experiment''s directory',
  size             BIGINT UNSIGNED NOT NULL COMMENT 'bytes',
  media_type       VARCHAR(255) NOT NULL DEFAULT '',
  digest_algorithm VARCHAR(16) NULL COMMENT 'as METS names it: MD5, SHA-1, SHA-256, SHA-384, SHA-512',
  digest           VARBINARY(64) NULL COMMENT 'NULL: the file is unverifiable',
  digest_note      VARCHAR(255) NULL COMMENT 'why there is no digest, with what the document said',
  PRIMARY KEY (experiment_id, number),
  CONSTRAINT datafile_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS parameter_set (
  experiment_id BIGINT UNSIGNED NOT NULL,
  number        INT UNSIGNED NOT NULL,
  schema_uri    VARCHAR(1024) COLLATE utf8mb4_bin NOT NULL COMMENT 'the namespace of the set',
  root_element  VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'local name of the element that held it',
  PRIMARY KEY (experiment_id, number),
  CONSTRAINT parameter_set_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- One set may belong to several owners: METS shares a techMD between files.
CREATE TABLE IF NOT EXISTS parameter_set_owner (
  experiment_id BIGINT UNSIGNED NOT NULL,
  owner_kind    ENUM('experiment', 'dataset', 'datafile') NOT NULL,
  owner_number  INT UNSIGNED NOT NULL COMMENT 'number of the dataset or datafile; 0 for the experiment',
  position      INT UNSIGNED NOT NULL,
  set_number    INT UNSIGNED NOT NULL,
  PRIMARY KEY (experiment_id, owner_kind, owner_number, position),
  CONSTRAINT parameter_set_owner_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS parameter (
  experiment_id BIGINT UNSIGNED NOT NULL,
  set_number    INT UNSIGNED NOT NULL,
  number        INT UNSIGNED NOT NULL,
  name          VARCHAR(1024) COLLATE utf8mb4_bin NOT NULL COMMENT 'local name; a nested one has its path, a/b',
  text_value    MEDIUMTEXT COLLATE utf8mb4_bin NOT NULL COMMENT 'verbatim',
  numeric_value DOUBLE NULL,
  PRIMARY KEY (experiment_id, set_number, number),
  CONSTRAINT parameter_experiment FOREIGN KEY (experiment_id) REFERENCES experiment (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
