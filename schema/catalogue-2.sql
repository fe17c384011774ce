-- For finding experiments by what is in them.

ALTER TABLE experiment ADD KEY experiment_title (title(64));

ALTER TABLE owner ADD KEY owner_email (email(64));

ALTER TABLE datafile ADD KEY datafile_name (name(64));

ALTER TABLE parameter ADD KEY parameter_value (name(64), text_value(64));
