-- Sending only some files of an experiment again.

ALTER TABLE transfer
  ADD COLUMN partial_after BIGINT UNSIGNED NULL
    COMMENT 'the sending that this one goes on from, its files are in transfer_file; NULL: all files are sent';
ALTER TABLE transfer
  ADD COLUMN partial_digest BINARY(32) NULL COMMENT 'SHA-256 of the numbers of those files';

-- The files of a partial sending that is not Complete; transfer.sent_through counts by position then.
CREATE TABLE IF NOT EXISTS transfer_file (
  transfer_id BIGINT UNSIGNED NOT NULL,
  position    INT UNSIGNED NOT NULL,
  file_number INT UNSIGNED NOT NULL COMMENT 'of a datafile of the experiment',
  PRIMARY KEY (transfer_id, position),
  CONSTRAINT transfer_file_transfer FOREIGN KEY (transfer_id) REFERENCES transfer (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
